// What plays now, at the bottom of every view; on phones it opens as a sheet.
// In: the app. Out: the bar, and the sheet.

import * as controls from './controls.js';
import { byline, fillCover, iconButton, link, node } from './draw.js';
import { artistLink, titleLink } from './library/trackmenu.js';

export class Bar {
  constructor(holder, app) {
    Object.assign(this, { holder, app });
    holder.append(this.#now(), this.#centre(), this.#side());
    app.on('time', () => this.#progress());
  }

  #now() {
    const now = node('div', 'segue-now');
    const open = node('button', 'segue-now-open');
    open.type = 'button';
    open.id = 'segue-expand';
    open.setAttribute('aria-haspopup', 'dialog');
    open.setAttribute('aria-label', this.app.t('bar.expand'));
    const art = node('span', 'segue-cover');
    art.id = 'segue-cover';
    open.append(art);
    open.addEventListener('click', () => this.expand());
    now.append(open, this.#texts('segue-'));
    this.app.on('current', (track) => track && fillCover(this.app, art, track));
    return now;
  }

  #texts(prefix = '') {
    const texts = node('div', 'segue-now-text');
    const [title, artist] = [node('div', 'segue-title'), node('div', 'segue-artist')];
    if (prefix) [title.id, artist.id] = [`${prefix}title`, `${prefix}artist`];
    texts.append(title, artist);
    const show = () => {
      const { current } = this.app.player;
      title.replaceChildren(current ? titleLink(this.app, current) : this.app.t('bar.nothing'));
      artist.replaceChildren(!current ? this.app.t('bar.choose') : byline(current) ? artistLink(this.app, current) : this.app.t('states.unknown_artist'));
      for (const way of texts.querySelectorAll('a')) way.tabIndex = 0;
    };
    this.app.on('current', show);
    show();
    return texts;
  }

  #opinions() {
    const opinions = node('div', 'segue-opinions');
    const { app } = this;
    const [like, dislike] = ['liked', 'disliked'].map((kind) => controls.opinionButton(app, kind));
    [like.id, dislike.id] = ['segue-like', 'segue-dislike'];
    const notNow = controls.notNowButton(app);
    notNow.id = 'segue-notnow';
    opinions.append(like, dislike, notNow, controls.moreButton(app));
    return opinions;
  }

  #centre() {
    const { app } = this;
    const centre = node('div', 'segue-centre');
    const row = node('div', 'segue-controls');
    const made = { shuffle: 'shuffleButton', previous: 'previousButton', play: 'playButton', next: 'nextButton', repeat: 'repeatButton' };
    for (const [name, make] of Object.entries(made)) {
      const control = controls[make](app);
      control.id = `segue-${name}`;
      row.append(control);
    }
    const seek = controls.seekRow(app);
    seek.querySelector('input').id = 'segue-seek';
    centre.append(row, seek);
    return centre;
  }

  #side() {
    const { app } = this;
    const side = node('div', 'segue-side');
    const volume = controls.volumeRow(app);
    volume.querySelector('input').id = 'segue-volume';
    const queue = iconButton('queue', app.t('bar.queue'), () => app.upnext.toggle(), { key: 'q' });
    queue.id = 'segue-queue';
    queue.setAttribute('aria-controls', 'segue-aside');
    app.on('upnext', (open) => queue.setAttribute('aria-expanded', String(open)));
    side.append(controls.privateButton(app), this.#opinions(), volume, queue);
    return side;
  }

  // The thin line that stands for the seek bar on phones.
  #progress() {
    const { position, duration } = this.app.player;
    this.holder.style.setProperty('--progress', duration ? position / duration : 0);
  }

  expand() {
    const { app } = this;
    if (!app.player.current) return;
    this.sheet ??= this.#sheet();
    this.sheet.showModal();
  }

  #sheet() {
    const { app } = this;
    const sheet = node('dialog', 'segue-sheet');
    sheet.setAttribute('aria-label', app.t('bar.label'));
    const close = iconButton('collapse', app.t('bar.collapse'), () => sheet.close());
    close.classList.add('segue-sheet-close');
    const art = node('div', 'segue-cover segue-sheet-cover');
    const from = node('p', 'segue-sheet-from');
    const play = node('div', 'segue-controls');
    const made = ['shuffleButton', 'previousButton', 'playButton', 'nextButton', 'repeatButton'];
    play.append(...made.map((make) => controls[make](app)));
    const opinions = node('div', 'segue-opinions');
    const upnext = iconButton('queue', app.t('bar.queue'), () => {
      sheet.close();
      app.upnext.open();
    });
    opinions.append(controls.opinionButton(app, 'liked'), controls.opinionButton(app, 'disliked'), controls.notNowButton(app), upnext, controls.moreButton(app));
    sheet.append(close, from, art, this.#texts(), controls.seekRow(app), play, opinions, controls.volumeRow(app), controls.privateButton(app));
    sheet.addEventListener('click', (event) => (event.target === sheet || event.target.closest('a')) && sheet.close());
    app.shell.root.append(sheet);
    const show = (track) => track && fillCover(app, art, track);
    app.on('current', show);
    app.on('queue', () => fromWhere(app, from));
    for (const name of ['queue', 'opinions', 'time']) app.say(name);
    app.say('playing', app.player.playing);
    app.say('private', app.private);
    show(app.player.current);
    return sheet;
  }
}

function fromWhere(app, holder) {
  const { list, station, current } = app.queue;
  const label = station ? app.t('upnext.radio', station) : current?.by === 'list' && list?.from ? app.t('bar.from', list) : '';
  holder.replaceChildren(list?.href && !station && label ? link(list.href, '', label) : label);
}
