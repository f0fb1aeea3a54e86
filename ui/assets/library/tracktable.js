// Tracks as a table: sorted by its heads, walked with the arrow keys, played with Enter, however long.
// In: `Pages` of tracks and the columns wanted. Out: a grid in `holder`; what is chosen plays, or opens a menu.

import { byline, clock, cover, failure, icon, node } from '../draw.js';
import { bonesBelow } from './loading.js';
import { albumLink, artistLink, trackMenu } from './trackmenu.js';
import { Windowed } from './windowed.js';
import { when } from '../words.js';

export const ROW = 56; // pixels
const ROOMS = [[940, 'large'], [600, 'medium'], [0, 'small']]; // from so many pixels on
const AROUND = [50, 500]; // so many tracks before and after the chosen one are played with it

const CELLS = {
  place: { head: 'place' },
  title: { order: 'title' },
  artist: { order: 'artist' },
  album: { order: 'album' },
  year: { order: 'year' },
  length: { order: 'duration' },
  added: { order: 'newest' },
  extra: {},
};

const FALLING = ['newest', 'year']; // orders that begin with the most
const ALL = ['place', 'title', 'artist', 'album', 'year', 'length', 'added'];

// options: columns · label · from (what "playing from" says) · among (all that plays on, where it is more than is shown) ·
// order and onOrder (sortable heads) · menu(track, place) (further items) · extra(track, place) (the column `extra`) ·
// alone (true: the recommender says what plays on) · number(track, place) · covers · by (false: all are the same artist's) · heads (false for none) · counted(pages) · pressed(event, place) (true: it was handled)
export class TrackTable {
  constructor(app, holder, pages, options) {
    Object.assign(this, { app, pages, options });
    this.columns = options.columns ?? ALL;
    this.at = 0;
    this.box = node('div', options.covers === false ? 'segue-table' : 'segue-table segue-with-covers');
    this.box.setAttribute('role', 'grid');
    this.box.setAttribute('aria-label', options.label);
    this.body = node('div', 'segue-table-body');
    this.body.setAttribute('role', 'rowgroup');
    if (options.heads !== false) this.box.append(this.#heads());
    this.box.append(this.body);
    holder.append(this.box);
    this.list = new Windowed(this.body, pages, {
      measure: (width) => this.#measure(width),
      draw: (track, place) => this.#row(track, place),
      drawn: () => this.#drawn(),
      failed: (error, retry) => this.#failed(error, retry),
    });
    this.settled = bonesBelow(this.box, pages, 'rows');
    this.#counted();
    this.#listen();
    this.list.update();
  }

  close() {
    this.list.close();
    for (const off of this.offs) off();
  }

  // What the pages hold has changed.
  reset() {
    this.at = Math.max(0, Math.min(this.at, this.pages.items.length - 1));
    this.#counted();
    this.list.reset();
  }

  focus(place) {
    this.at = Math.max(0, Math.min(place, this.pages.items.length - 1));
    for (const row of this.body.children) row.tabIndex = Number(row.dataset.place) === this.at ? 0 : -1;
    this.list.reveal(this.at)?.focus({ preventScroll: true });
  }

  play(place) {
    const track = this.pages.items[place];
    if (track.id === this.app.player.current?.id) return this.app.player.toggle();
    if (this.options.alone) return this.app.play([track]);
    const all = this.options.among ?? this.pages.items;
    const at = all.indexOf(track);
    const first = Math.max(0, at - AROUND[0]);
    this.app.play(all.slice(first, at + AROUND[1]), { at: at - first, from: this.options.from ?? '', href: location.hash });
  }

  // How many columns there is room for.
  #measure(width) {
    this.box.dataset.room = ROOMS.find(([least]) => width >= least)[1];
    return { columns: 1, width, height: ROW, gap: 0 };
  }

  // --- heads ------------------------------------------------------------------------------------------------------

  #heads() {
    const group = node('div', 'segue-table-head');
    group.setAttribute('role', 'rowgroup');
    const row = node('div', 'segue-table-row');
    row.setAttribute('role', 'row');
    row.append(...this.columns.map((column) => this.#head(column)), this.#cell('does', 'columnheader'));
    row.lastChild.append(node('span', 'segue-unseen', this.app.t('table.does')));
    group.append(row);
    return group;
  }

  #head(column) {
    const cell = this.#cell(column, 'columnheader');
    const { order } = CELLS[column];
    const text = this.app.t(`table.${column}`);
    if (!order || !this.options.onOrder) {
      cell.append(node('span', column === 'place' || column === 'extra' ? 'segue-unseen' : '', text));
      return cell;
    }
    const sorted = this.options.order === order;
    const button = node('button', 'segue-sort', text);
    button.type = 'button';
    if (sorted) button.append(icon('down'));
    if (sorted) this.sorted = cell;
    cell.setAttribute('aria-sort', 'none');
    button.addEventListener('click', () => (sorted && this.pages.ended ? this.#turn() : this.options.onOrder(order)));
    cell.append(button);
    return cell;
  }

  // The service knows one direction of each order; only what is here as a whole can be turned.
  #turn() {
    this.pages.turn();
    this.reset();
  }

  #direct() {
    const rising = FALLING.includes(this.options.order) === this.pages.turned;
    this.sorted?.setAttribute('aria-sort', rising ? 'ascending' : 'descending');
  }

  // --- rows -------------------------------------------------------------------------------------------------------

  #cell(column, role = 'gridcell') {
    const cell = node('div', `segue-cell segue-cell-${column}`);
    cell.setAttribute('role', role);
    return cell;
  }

  #row(track, place) {
    const row = node('div', 'segue-table-row segue-track');
    row.setAttribute('role', 'row');
    row.setAttribute('aria-rowindex', place + 2);
    row.dataset.id = track.id;
    row.dataset.place = place;
    row.tabIndex = place === this.at ? 0 : -1;
    for (const column of this.columns) {
      const cell = this.#cell(column);
      this[`_${column}`](cell, track, place);
      row.append(cell);
    }
    row.append(this.#does(track));
    this.#mark(row);
    return row;
  }

  _place(cell, track, place) {
    const number = this.options.number?.(track, place) ?? place + 1;
    cell.append(node('span', 'segue-number', number), this.#playButton(track));
  }

  #playButton(track) {
    const button = node('button', 'segue-row-play');
    button.type = 'button';
    button.tabIndex = -1;
    button.setAttribute('aria-label', this.app.t('table.play', { title: track.title, artist: byline(track) }));
    button.append(icon('play'), node('i'), node('i'), node('i'));
    return button;
  }

  _title(cell, track) {
    const texts = node('div', 'segue-texts');
    texts.append(node('div', 'segue-title', track.title));
    if (this.options.by !== false) texts.append(this.#by(track));
    if (this.options.covers !== false) cell.append(cover(this.app, track, 40));
    cell.append(texts);
  }

  // Where there is no room for a column of artists, they stand below the titles.
  #by(track) {
    const by = node('div', 'segue-artist segue-second');
    by.append(artistLink(this.app, track));
    return by;
  }

  _artist(cell, track) {
    cell.append(artistLink(this.app, track));
  }

  _album(cell, track) {
    cell.append(albumLink(this.app, track));
  }

  _year(cell, track) {
    cell.textContent = track.year ?? '';
  }

  _length(cell, track) {
    cell.textContent = clock(track.duration_ms);
  }

  _added(cell, track) {
    cell.textContent = when(this.app.t, track.added_at);
  }

  _extra(cell, track, place) {
    cell.append(...this.options.extra(track, place));
  }

  #does(track) {
    const cell = this.#cell('does');
    const like = this.#button('like', this.app.t('table.like', { title: track.title }), 'segue-row-like');
    const more = this.#button('more', this.app.t('table.more', { title: track.title }), 'segue-row-more');
    more.setAttribute('aria-haspopup', 'menu');
    cell.append(like, more);
    return cell;
  }

  #button(name, label, className) {
    const button = node('button', `segue-icon ${className}`);
    button.type = 'button';
    button.tabIndex = -1;
    button.setAttribute('aria-label', label);
    button.append(icon(name));
    return button;
  }

  #mark(row) {
    const current = this.app.player.current?.id === row.dataset.id;
    row.classList.toggle('segue-current', current);
    if (current) row.setAttribute('aria-current', 'true');
    else row.removeAttribute('aria-current');
    const like = row.querySelector('.segue-row-like');
    like?.setAttribute('aria-pressed', String(this.app.opinions.of(row.dataset.id) === 'liked'));
  }

  // --- what is done -----------------------------------------------------------------------------------------------

  #listen() {
    const again = () => [...this.body.children].forEach((row) => this.#mark(row));
    this.offs = ['current', 'opinions'].map((name) => this.app.on(name, again));
    this.body.addEventListener('click', (event) => this.#clicked(event));
    this.body.addEventListener('keydown', (event) => this.#pressed(event));
    this.body.addEventListener('contextmenu', (event) => this.#context(event));
    this.body.addEventListener('focusin', (event) => {
      const row = event.target.closest('.segue-track');
      if (row && Number(row.dataset.place) !== this.at) this.#moveTo(Number(row.dataset.place));
    });
  }

  #moveTo(place) {
    this.at = place;
    for (const row of this.body.children) row.tabIndex = Number(row.dataset.place) === place ? 0 : -1;
  }

  #placeOf(event) {
    const row = event.target.closest('.segue-track');
    return row ? Number(row.dataset.place) : null;
  }

  #clicked(event) {
    const place = this.#placeOf(event);
    if (place === null || event.defaultPrevented) return;
    if (event.target.closest('.segue-row-like')) return this.#like(place);
    if (event.target.closest('.segue-row-more')) return this.menu(place, event.target.closest('button'));
    if (event.target.closest('a, .segue-cell-extra button, .segue-cell-extra input')) return;
    if (event.detail < 2) this.play(place); // the second click of a double one would pause
  }

  #like(place) {
    this.app.queue.opine(this.pages.items[place], 'liked');
  }

  menu(place, anchor) {
    const track = this.pages.items[place];
    this.app.menu(anchor, trackMenu(this.app, track, this.options.menu?.(track, place)));
  }

  #context(event) {
    const place = this.#placeOf(event);
    if (place === null) return;
    event.preventDefault();
    this.menu(place, event.target.closest('.segue-track').querySelector('.segue-row-more'));
  }

  #pressed(event) {
    const place = this.#placeOf(event);
    if (place === null || event.ctrlKey || event.metaKey || this.options.pressed?.(event, place)) return;
    const act = this.#act(event, place);
    if (!act || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // the arrows are the volume's elsewhere
    act();
  }

  #act(event, place) {
    const row = event.target.closest('.segue-track');
    const onRow = event.target === row;
    const screen = Math.max(1, Math.floor((innerHeight * 0.7) / ROW));
    const acts = {
      ArrowDown: () => this.focus(place + 1),
      ArrowUp: () => this.focus(place - 1),
      PageDown: () => this.focus(place + screen),
      PageUp: () => this.focus(place - screen),
      Home: () => this.focus(0),
      End: () => this.focus(this.pages.items.length - 1),
      ArrowRight: () => step(row, event.target, 1),
      ArrowLeft: () => step(row, event.target, -1),
      ContextMenu: () => this.menu(place, row.querySelector('.segue-row-more')),
    };
    if (onRow) acts.Enter = () => this.play(place);
    if (event.shiftKey) return event.key === 'F10' ? acts.ContextMenu : null;
    return acts[event.key];
  }

  #drawn() {
    this.settled();
    this.#counted();
  }

  #counted() {
    this.box.setAttribute('aria-rowcount', this.pages.ended ? this.pages.items.length + 1 : -1);
    this.#direct();
    this.options.counted?.(this.pages);
  }

  #failed(error, retry) {
    const told = node('div', 'segue-table-failure');
    this.box.after(told);
    failure(this.app, told, error, () => {
      told.remove();
      retry();
    });
  }
}

// From the row into what can be done with it, and back.
function step(row, from, by) {
  const stops = [row, ...row.querySelectorAll('a, button:not(.segue-row-play), input')].filter((stop) => stop.offsetParent);
  const to = stops.indexOf(from) + by;
  stops[Math.max(0, Math.min(stops.length - 1, to))].focus();
}
