// The frame of the page: navigation, search, the view's place, Up next's place, the player's place.
// In: the element that holds the page. Out: `main`, `aside`, `bar`, `banner`, `signin`; which of them is shown when.

import { icon, iconButton, link, node } from './draw.js';

const TYPING_MS = 60;
const NAVIGATION = [
  [null, [['', 'home', 'home']]],
  ['library', [
    ['albums', 'album', 'albums'], ['artists', 'artist', 'artists'], ['tracks', 'track', 'tracks'], ['genres', 'genre', 'genres'],
    ['playlists', 'playlist', 'playlists'], ['favourites', 'like', 'favourites'], ['history', 'history', 'history'],
  ]],
  ['discover', [['journey', 'journey', 'journey'], ['map', 'map', 'map']]],
  ['you', [['taste', 'taste', 'taste'], ['pictures', 'pictures', 'pictures'], ['work', 'work', 'work']]],
];
const TABS = [['', 'home', 'home'], ['albums', 'album', 'albums'], ['playlists', 'playlist', 'playlists']];

export class Shell {
  #title = '';
  #typing = 0; // a timer, while what was typed is not yet looked for
  #sign = null; // of work under way, once somebody listens

  constructor(root, app) {
    Object.assign(this, { root, app });
    const { t } = app;
    root.classList.add('segue-page');
    this.banner = this.#part('div', 'segue-banner', 'banner');
    this.banner.setAttribute('role', 'alert');
    this.banner.hidden = true;
    this.main = this.#part('main', 'segue-main', 'main');
    this.main.tabIndex = -1;
    this.aside = this.#part('aside', 'segue-aside', 'aside');
    this.bar = this.#part('section', 'segue-bar', 'bar');
    this.bar.setAttribute('aria-label', t('bar.label'));
    this.signin = this.#part('div', 'segue-signin-place', 'signin-place');
    this.signin.hidden = true;
    root.replaceChildren(
      ...[this.#skip('main', 'app.skip'), this.#skip('bar', 'app.skip_player')],
      ...[this.#navigation(), this.#header(), this.banner, this.main, this.aside, this.bar, this.#tabs(), this.signin],
    );
    app.on('current', () => this.#entitle());
    app.on('playing', (playing) => root.classList.toggle('segue-playing', playing));
  }

  // With nobody signed in, only the form is there.
  lock(locked) {
    this.root.classList.toggle('segue-locked', locked);
    this.signin.hidden = !locked;
  }

  // What the view is called, in the browser's tab and for those who hear it.
  title(text) {
    this.#title = text;
    this.main.setAttribute('aria-label', text);
    this.#entitle();
  }

  // Another view is shown.
  shown(route) {
    const section = route?.section ?? null;
    for (const item of this.root.querySelectorAll('[data-section]')) {
      if (item.dataset.section === section) item.setAttribute('aria-current', 'page');
      else item.removeAttribute('aria-current');
    }
    const known = NAVIGATION.flatMap(([, items]) => items).find(([name]) => name === section);
    this.title(known ? this.app.t(`nav.${known[2]}`) : this.app.t(section === 'search' ? 'nav.search' : 'app.name'));
    if (!this.#typing) this.search.value = route?.params.words ?? '';
    this.#sign ??= import('./insights/work.js').then(({ workSign }) => workSign(this.app, this.work));
  }

  #entitle() {
    const track = this.app.player?.current;
    const parts = track ? [track.title, track.artist] : [this.#title, this.app.t('app.name')];
    document.title = [...new Set(parts.filter(Boolean))].join(' · ');
  }

  #part(name, className, id) {
    const part = node(name, className);
    part.id = `segue-${id}`;
    return part;
  }

  #skip(id, key) {
    const skip = node('button', 'segue-skip', this.app.t(key));
    skip.type = 'button';
    skip.addEventListener('click', () => {
      const to = this.root.querySelector(`#segue-${id}`);
      (id === 'main' ? to : to.querySelector('button:enabled')).focus();
    });
    return skip;
  }

  #brand() {
    const brand = link('#/', 'segue-brand');
    brand.setAttribute('aria-label', this.app.t('app.name'));
    brand.append(icon('brand'), node('span', '', this.app.t('app.name')));
    return brand;
  }

  #navigation() {
    const nav = node('nav', 'segue-nav');
    nav.setAttribute('aria-label', this.app.t('nav.label'));
    nav.append(this.#brand(), ...this.#groups());
    return nav;
  }

  #groups() {
    return NAVIGATION.map(([name, items]) => {
      const list = node('ul', 'segue-nav-group');
      if (name) list.setAttribute('aria-label', this.app.t(`nav.${name}`));
      if (name) list.append(this.#heading(name));
      for (const item of items) {
        const entry = node('li');
        entry.append(this.#item(item));
        list.append(entry);
      }
      return list;
    });
  }

  #heading(name) {
    const heading = node('li', 'segue-nav-heading', this.app.t(`nav.${name}`));
    heading.setAttribute('aria-hidden', 'true'); // the list has it as its label
    return heading;
  }

  #item([section, picture, key]) {
    const item = link(`#/${section}`, 'segue-nav-item');
    item.dataset.section = section;
    item.title = this.app.t(`nav.${key}`);
    item.append(icon(picture), node('span', '', this.app.t(`nav.${key}`)));
    return item;
  }

  #header() {
    const header = node('header', 'segue-header');
    const settings = iconButton('settings', this.app.t('nav.settings'), () => this.app.menu(settings, this.app.settings.menu()));
    settings.setAttribute('aria-haspopup', 'menu');
    this.work = node('div', 'segue-work-place');
    header.append(this.#brand(), this.#searchBox(), this.work, settings);
    return header;
  }

  #searchBox() {
    const box = node('label', 'segue-searchbox');
    this.search = node('input');
    Object.assign(this.search, { type: 'search', id: 'segue-search', autocomplete: 'off', spellcheck: false });
    this.search.placeholder = this.app.t('search.placeholder');
    this.search.setAttribute('aria-label', this.app.t('search.label'));
    this.search.addEventListener('input', () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#look(), TYPING_MS);
    });
    this.search.addEventListener('keydown', (event) => this.#typed(event));
    box.append(icon('search'), this.search);
    return box;
  }

  // While one types, the address changes in place: back leads to where one began.
  #look() {
    clearTimeout(this.#typing);
    const words = this.search.value.trim();
    const searching = location.hash.startsWith('#/search');
    if (words || searching) this.app.go(words ? `#/search/${encodeURIComponent(words)}` : '#/search', { replace: searching });
    this.#typing = 0;
  }

  #typed(event) {
    if (event.key === 'Enter') this.#look();
    if (event.key !== 'ArrowDown') return;
    event.preventDefault();
    this.main.querySelector('a[href], button:enabled, [tabindex="0"]')?.focus();
  }

  // On phones: what one needs most, and the rest behind one button.
  #tabs() {
    const tabs = node('nav', 'segue-tabs');
    tabs.setAttribute('aria-label', this.app.t('nav.label'));
    const upnext = this.#tab('queue', 'nav.upnext', () => this.app.upnext?.toggle());
    this.app.on('upnext', (open) => upnext.setAttribute('aria-expanded', String(open)));
    const more = this.#tab('more', 'nav.more', () => this.#everything());
    tabs.append(...TABS.map((item) => this.#item(item)), upnext, more);
    return tabs;
  }

  #tab(picture, key, act) {
    const tab = node('button', 'segue-nav-item');
    tab.type = 'button';
    tab.append(icon(picture), node('span', '', this.app.t(key)));
    tab.addEventListener('click', act);
    return tab;
  }

  #everything() {
    const opened = this.app.dialog({ title: this.app.t('nav.everything'), content: this.#groups(), className: 'segue-everything' });
    opened.element.addEventListener('click', (event) => event.target.closest('a') && opened.close());
  }
}
