// Up next as one sees it: what comes, why, what has changed, and everything that one can do about it.
// In: the queue. Out: a list beside the view, or a drawer over it on small screens.

import { byline, cover, icon, iconButton, node } from '../draw.js';
import { settled } from './motion.js';
import { Reordering } from './reordering.js';
import { whys } from './why.js';

const SHOWN = 60;
const DOUBLE_MS = 400;
const NARROW = matchMedia('(max-width: 1179px)');

export class UpNextPanel {
  #rows = new Map(); // key of an item → its row

  constructor(holder, app) {
    Object.assign(this, { holder, app });
    holder.setAttribute('aria-labelledby', 'segue-upnext-title');
    holder.tabIndex = -1; // for the focus, when nothing in it is left
    this.list = node('ol', 'segue-upnext');
    this.list.id = 'segue-upnext';
    this.chips = node('ul', 'segue-steers');
    this.chips.setAttribute('aria-label', app.t('upnext.title'));
    this.changed = node('p', 'segue-changed');
    this.changed.id = 'segue-changed';
    this.changed.setAttribute('role', 'status');
    this.spoken = node('p', 'segue-unseen');
    this.spoken.setAttribute('aria-live', 'polite');
    this.rest = node('p', 'segue-quiet-line');
    holder.append(this.#heading(), this.chips, this.changed, this.list, this.rest, this.spoken);
    this.reordering = new Reordering(this.list, (key, to, from) => (to === from ? this.#soon() : this.#move(key, to)));
    for (const name of ['queue', 'current']) app.on(name, () => this.#soon());
    this.#fit();
    NARROW.addEventListener('change', () => this.#fit());
    holder.addEventListener('keydown', (event) => event.key === 'Escape' && this.close());
    document.addEventListener('pointerdown', (event) => this.#outside(event));
    addEventListener('popstate', () => this.close());
  }

  // --- the drawer -------------------------------------------------------------------------------------------------

  get shown() {
    return !this.holder.inert;
  }

  toggle() {
    if (!NARROW.matches) this.list.querySelector('.segue-row')?.focus();
    else if (this.shown) this.close();
    else this.open();
  }

  open() {
    this.opener = document.activeElement;
    this.#show(true);
    this.watcher = window.CloseWatcher && Object.assign(new CloseWatcher(), { onclose: () => this.close() }); // a phone's Back
    this.holder.querySelector('.segue-drawer-close').focus();
  }

  close() {
    if (!NARROW.matches || !this.shown) return;
    const within = this.holder.contains(document.activeElement);
    this.watcher?.destroy();
    this.#show(false);
    if (within) this.opener?.focus();
  }

  #show(open) {
    this.holder.inert = !open;
    this.holder.classList.toggle('segue-open', open);
    this.app.say('upnext', open);
  }

  #fit() {
    this.#show(!NARROW.matches);
  }

  #outside({ target }) {
    if (!this.holder.contains(target) && !target.closest('.segue-bar, .segue-tabs, dialog, [popover], .segue-toasts')) this.close();
  }

  // --- what is shown ----------------------------------------------------------------------------------------------

  #heading() {
    const heading = node('div', 'segue-heading');
    const title = node('h2', '', this.app.t('upnext.title'));
    title.id = 'segue-upnext-title';
    const close = iconButton('close', this.app.t('upnext.close'), () => this.close());
    close.classList.add('segue-drawer-close');
    heading.append(title, close);
    return heading;
  }

  // What happens at once is drawn once.
  #soon() {
    if (!this.coming) queueMicrotask(() => this.#draw());
    this.coming = true;
  }

  #draw() {
    this.coming = false;
    if (this.reordering.busy) return;
    const { queue } = this.app;
    const settle = settled(this.list);
    const items = queue.items.slice(0, SHOWN);
    const reasons = whys(this.app, items);
    const rows = [];
    for (const [place, item] of items.entries()) {
      if (group(item) !== group(items[place - 1])) rows.push(this.#divider(item, place));
      rows.push(this.#row(item, reasons[place]));
    }
    this.#forget(items);
    if (!items.length) rows.push(node('li', 'segue-quiet-line', this.app.t(queue.asked ? 'upnext.empty' : 'states.loading')));
    const focused = document.activeElement;
    this.list.replaceChildren(...rows.filter(Boolean), ...this.list.querySelectorAll('.segue-leaving'));
    if (this.list.contains(focused)) focused.focus({ preventScroll: true });
    this.list.setAttribute('aria-busy', String(!queue.asked));
    settle();
    this.#told();
    this.#steering();
  }

  // Where another kind of thing begins: what was placed, the rest of a list, what Segue chose.
  #divider(item, place) {
    const { list, station } = this.app.queue;
    const from = list?.from;
    if (group(item) === 'back') return node('li', 'segue-divider', this.app.t('upnext.back'));
    if (item.by === 'list') return node('li', 'segue-divider', from ? this.app.t('upnext.from', { from }) : this.app.t('upnext.again'));
    if (group(item) === 'you') return node('li', 'segue-divider', this.app.t('upnext.yours'));
    return place || station ? node('li', 'segue-divider', station ? this.app.t('upnext.radio', station) : this.app.t('upnext.then')) : null;
  }

  #row(item, reason) {
    const kept = this.#rows.get(item.key);
    const row = kept ?? this.#made(item);
    this.#rows.set(item.key, row);
    const mark = this.app.queue.change?.marks.get(item.track.id) ?? '';
    row.classList.toggle('segue-new', mark === 'new');
    row.classList.toggle('segue-up', mark === 'up');
    row.querySelector('.segue-mark').replaceChildren(...this.#mark(mark));
    row.querySelector('.segue-why').textContent = reason;
    const { title } = item.track;
    row.querySelector('.segue-row').setAttribute('aria-label', [this.app.t('row.play', { title, artist: byline(item.track) }), reason].filter(Boolean).join('. '));
    return row;
  }

  #made(item) {
    const { app } = this;
    const { track } = item;
    const entry = node('li', 'segue-next-item');
    entry.dataset.id = track.id;
    entry.dataset.key = item.key;
    const row = node('button', 'segue-row');
    row.type = 'button';
    const words = node('span', 'segue-texts');
    words.append(node('span', 'segue-title', track.title), node('span', 'segue-artist', byline(track)), node('span', 'segue-why'));
    row.append(cover(app, track, 48), words, node('span', 'segue-mark'));
    row.addEventListener('click', (event) => this.#chosen(event, item.key));
    const more = iconButton('more', app.t('upnext.menu', { title: track.title }), () => app.menu(more, this.#menu(item.key)));
    more.classList.add('segue-row-more');
    more.setAttribute('aria-haspopup', 'menu');
    entry.append(this.#grip(track), row, more);
    entry.addEventListener('keydown', (event) => this.#pressed(event, item.key));
    entry.addEventListener('contextmenu', (event) => {
      event.preventDefault();
      app.menu(more, this.#menu(item.key));
    });
    return entry;
  }

  // The second click of a double one finds the row that has moved up meanwhile.
  #chosen({ detail, timeStamp }, key) {
    const again = detail && timeStamp - this.chosenAt < DOUBLE_MS;
    this.chosenAt = timeStamp;
    if (!again) this.app.queue.playItem(key);
  }

  #grip(track) {
    const grip = iconButton('grip', this.app.t('upnext.drag', { title: track.title }));
    grip.classList.add('segue-grip');
    grip.setAttribute('data-arrows', '');
    return grip;
  }

  #mark(mark) {
    if (!mark) return [];
    const made = node('span', 'segue-badge');
    made.title = this.app.t(`upnext.mark_${mark}_long`);
    if (mark === 'new') made.textContent = this.app.t('upnext.mark_new');
    else made.append(icon('up'));
    return [made];
  }

  #forget(items) {
    const here = new Set(items.map((item) => item.key));
    for (const key of this.#rows.keys()) if (!here.has(key)) this.#rows.delete(key);
  }

  // --- what is said -----------------------------------------------------------------------------------------------

  #told() {
    const { items, change, list, away } = this.app.queue;
    const left = items.length - SHOWN;
    this.rest.textContent = left > 0 ? this.app.t('upnext.rest', { n: left, from: list?.from ?? '' }) : '';
    const text = away ? this.app.t('upnext.away') : change ? this.#line(change) : '';
    if (this.changed.textContent !== text) this.changed.textContent = text;
  }

  #line({ kind, title, came, moved, gone }) {
    const { t } = this.app;
    const short = title.length > 48 ? `${title.slice(0, 47)}…` : title;
    const did = t(`upnext.after.${kind}`, { title: short });
    const counts = { new: came, moved_up: moved, gone };
    const what = Object.entries(counts).filter(([, n]) => n).map(([key, n]) => t(`upnext.${key}`, { n })).join(', ');
    return what ? t('upnext.changed', { did, what }) : t('upnext.same', { did });
  }

  #steering() {
    const { queue, t } = this.app;
    const chips = queue.station ? [this.#chip(t('upnext.radio', queue.station), t('upnext.radio_end'), 'radio', () => queue.endRadio())] : [];
    for (const [name, tracks] of Object.entries(queue.steering)) {
      for (const track of tracks) {
        const steer = t(`upnext.${name}`, { title: track.title });
        chips.push(this.#chip(steer, t('upnext.unsteer', { steer }), `${name}-like`, () => queue.unsteer(track)));
      }
    }
    this.chips.replaceChildren(...chips);
    this.chips.hidden = !chips.length;
  }

  #chip(text, label, picture, act) {
    const chip = node('li', 'segue-steer');
    chip.append(icon(picture), node('span', '', text), iconButton('close', label, act));
    return chip;
  }

  // --- what one can do --------------------------------------------------------------------------------------------

  #menu(key) {
    const { queue, t } = this.app;
    const at = queue.items.findIndex((item) => item.key === key);
    if (at < 0) return [];
    const { track } = queue.items[at];
    const items = [
      at > 0 && { label: t('upnext.top'), icon: 'place-next', run: () => this.#move(key, 0) },
      at > 0 && { label: t('upnext.up'), icon: 'up', run: () => this.#move(key, at - 1) },
      at < queue.items.length - 1 && { label: t('upnext.down'), icon: 'down', run: () => this.#move(key, at + 1) },
      { label: t('upnext.remove'), icon: 'close', run: () => queue.remove(key) },
      null,
      { label: t('upnext.more_like'), icon: 'more-like', run: () => queue.more(track) },
      { label: t('upnext.less_like'), icon: 'less-like', run: () => queue.less(track) },
      { label: t('upnext.go_radio'), icon: 'radio', run: () => queue.radio(track.title, [track]) },
      null,
      { label: t('upnext.notnow'), icon: 'notnow', run: () => queue.notNow(track) },
      { label: t('upnext.never'), icon: 'never', danger: true, run: () => queue.never(track) },
    ];
    return items.filter((item) => item !== false);
  }

  #move(key, to) {
    const { queue, t } = this.app;
    queue.move(key, to);
    const at = queue.items.findIndex((item) => item.key === key);
    if (at >= 0) this.spoken.textContent = t('upnext.moved', { title: queue.items[at].track.title, n: at + 1 });
  }

  // On the grip the arrows move the item; elsewhere in the row, with Alt.
  #pressed(event, key) {
    const { queue } = this.app;
    const at = queue.items.findIndex((item) => item.key === key);
    const grip = event.target.closest('.segue-grip');
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (by && (grip || event.altKey)) {
      event.preventDefault();
      this.#move(key, at + by);
    } else if (by) {
      event.preventDefault();
      this.#step(event.target, by);
    } else if (event.key === 'Delete') queue.remove(key);
  }

  #step(from, by) {
    const rows = [...this.list.querySelectorAll('.segue-next-item')];
    const at = rows.indexOf(from.closest('.segue-next-item'));
    rows[at + by]?.querySelector('.segue-row').focus();
  }
}

function group(item) {
  if (!item) return null;
  if (item.by !== 'segue' || !item.pinned) return item.by;
  return item.back ? 'back' : 'you';
}
