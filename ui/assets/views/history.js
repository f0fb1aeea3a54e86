// What was listened to, day by day, and what became of each.
// In: listens, newest first. Out: a list that grows as one scrolls; each can be played again, or not be learned from.

import { byline, clock, cover, emptyState, failure, icon, iconButton, node } from '../draw.js';
import { loaded } from '../library/loading.js';
import { viewHead } from '../library/masthead.js';
import { Pages } from '../library/pages.js';
import { artistLink, trackMenu } from '../library/trackmenu.js';
import { locale } from '../words.js';

const NEAR = '800px'; // so far below the screen the next page is asked for
const SETTLED_MS = 300;
const HEARD_MS = 1000; // less than this is no place where one stopped

export async function render(holder, params, app) {
  const pages = new Pages((cursor, limit) => app.service.get('me/listens', { cursor, limit }));
  const { head } = viewHead(app, app.t('past.title'));
  const place = node('div', 'segue-history');
  holder.append(head, place);
  const watched = { off: () => {} };
  await loaded(app, place, 'rows', () => pages.more(), () => {
    if (!pages.items.length) return void emptyState(app, place, 'past.none', { label: app.t('past.begin'), run: () => app.go('#/') });
    watched.off = new Days(app, place, pages).watch();
  });
  return () => watched.off();
}

class Days {
  constructor(app, place, pages) {
    Object.assign(this, { app, place, pages, shown: 0, day: '' });
    this.end = node('div', 'segue-history-end');
    place.append(this.end);
    this.#show();
  }

  watch() {
    const seen = new IntersectionObserver(([end]) => end.isIntersecting && this.#more(), { rootMargin: NEAR });
    seen.observe(this.end);
    this.seen = seen;
    return () => seen.disconnect();
  }

  async #more() {
    if (this.pages.ended || this.asking) return;
    this.asking = true;
    try {
      await this.pages.more();
      this.#show();
      this.seen.unobserve(this.end); // so that it is looked at again, should the end still be in sight
      this.seen.observe(this.end);
    } catch (error) {
      failure(this.app, this.end, error, () => {
        this.end.replaceChildren();
        this.#more();
      });
    }
    this.asking = false;
  }

  #show() {
    for (const listen of this.pages.items.slice(this.shown)) this.#listOf(listen.at).append(this.#line(listen));
    this.shown = this.pages.items.length;
  }

  // The list of that day, begun when it is the day's first.
  #listOf(at) {
    const day = new Date(at).toDateString();
    if (day !== this.day) {
      this.day = day;
      this.list = node('ol', 'segue-lines');
      const section = node('section', 'segue-day');
      section.append(node('h2', 'segue-section-title', dayName(this.app, at)), this.list);
      this.end.before(section);
    }
    return this.list;
  }

  #line(listen) {
    const { app } = this;
    const { track } = listen;
    const item = node('li', 'segue-line');
    const title = track?.title ?? app.t('past.gone');
    const words = node('div', 'segue-texts');
    const by = node('span', 'segue-artist');
    if (track) by.append(artistLink(app, track));
    words.append(node('span', 'segue-title', title), by);
    item.append(node('time', 'segue-line-time', timeOf(listen.began_at ?? listen.at)), this.#play(track), words, this.#became(listen));
    item.append(this.#menu(listen, title));
    return item;
  }

  #play(track) {
    const art = node('span', 'segue-line-cover');
    art.append(cover(this.app, track ?? { name: '' }, 44));
    if (!track) return art;
    const again = iconButton('play', this.app.t('table.play', { title: track.title, artist: byline(track) }), () => this.app.play([track], { from: this.app.t('past.title') }));
    again.classList.add('segue-line-play');
    art.append(again);
    return art;
  }

  #became(listen) {
    const { app } = this;
    const chips = node('span', 'segue-chips');
    const ended = ['finished', 'skipped', 'liked', 'disliked'].includes(listen.kind);
    const told = ended ? listen.kind : listen.position_ms < HEARD_MS ? 'begun' : 'stopped';
    chips.append(chip(app.t(`past.${told}`, { at: clock(listen.position_ms) }), `segue-chip-${told}`, { liked: 'like', disliked: 'never' }[told]));
    if (listen.private) chips.append(chip(app.t('past.private'), 'segue-chip-private', 'private'));
    return chips;
  }

  #menu(listen, title) {
    const { app } = this;
    const unlearn = { label: app.t('past.unlearn'), icon: 'private', run: () => this.#unlearn(listen, title) };
    const own = listen.private || !listen.events?.length ? [] : [unlearn];
    const button = iconButton('more', app.t('row.more', { title }), () => {
      const items = listen.track ? trackMenu(app, listen.track, own) : own;
      if (items.length) app.menu(button, items);
    });
    button.setAttribute('aria-haspopup', 'menu');
    return button;
  }

  // It stays in the history, and is never learned from again.
  async #unlearn(listen, title) {
    const { app } = this;
    try {
      await app.service.post('me/unlearn', { events: listen.events });
      listen.private = true;
      this.#redraw(listen);
      app.toast(app.t('past.unlearned', { title }));
      setTimeout(() => app.queue.refresh?.(), SETTLED_MS);
    } catch (error) {
      app.toast(error.message);
    }
  }

  #redraw(listen) {
    const place = this.pages.items.indexOf(listen);
    const line = this.place.querySelectorAll('.segue-line')[place];
    line.replaceWith(this.#line(listen));
    this.place.querySelectorAll('.segue-line')[place].lastElementChild.focus();
  }
}

function chip(text, className, picture) {
  const made = node('span', `segue-chip ${className}`);
  if (picture) made.append(icon(picture));
  made.append(node('span', '', text));
  return made;
}

function timeOf(at) {
  return new Date(at).toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit' });
}

// Today, yesterday, then the day of the week and its date.
function dayName(app, at) {
  const [date, now] = [new Date(at), new Date()];
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0 || days === 1) return app.t(days ? 'past.yesterday' : 'past.today');
  const year = date.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return date.toLocaleDateString(locale(), { weekday: 'long', day: 'numeric', month: 'long', year });
}
