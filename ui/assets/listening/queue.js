// Up next: what the listener placed, the rest of a list, and then the recommender, who always knows more.
// In: tracks, steering, and the recommender's answers. Out: `items` in the order in which they play; signal `queue`.

import { changes, merged, spread } from './arranging.js';

const ASKED = 20;
const LOW = 6; // fewer suggestions than this, and more are asked for
const MOST_PAST = 200;
const MOST_LIST = 1000;
const MOST_SEEDS = 200;
const MOST_STEERING = 50;
const MOST_WITHOUT = 2000;

export class Queue {
  items = []; // { key, track, by: 'you' | 'list' | 'segue', pinned, back, because, titles }
  past = [];
  current = null;
  list = null; // { from, href, tracks }
  station = null; // { label, seeds: [track], href }
  steering = { more: [], less: [] }; // tracks
  played = []; // ids of this session, oldest first
  dropped = [];
  shuffle = false;
  repeat = 'off'; // 'all' | 'one'
  change = null; // what the last thing that the listener did has changed: { kind, title, marks, came, moved, gone }
  model = null;
  away = false;
  #keys = 0;
  #turn = 0;
  #before = null;
  #hungry = null; // { kind }: it would play on if it knew what

  constructor(app, resting) {
    Object.assign(this, { app, resting });
    app.on('ended', () => this.#ended());
  }

  // --- what plays -------------------------------------------------------------------------------------------------

  // This list; from `at` where that is given, and then what the listener placed, the list's rest, the recommender.
  playList(tracks, { at, shuffle = this.shuffle, from = '', href = '' } = {}) {
    const asked = tracks[at];
    const wanted = this.#allowed(tracks, asked);
    const chosen = asked ?? wanted[shuffle ? Math.floor(Math.random() * wanted.length) : 0];
    if (!chosen) return;
    const first = Math.max(0, wanted.indexOf(chosen) - MOST_LIST / 2);
    const listed = wanted.slice(first, first + MOST_LIST);
    const place = listed.indexOf(chosen);
    this.list = { from, href, tracks: listed };
    [this.station, this.shuffle] = [null, shuffle];
    const rest = shuffle ? spread(listed.filter((track) => track !== chosen), chosen) : listed.slice(place + 1);
    const before = shuffle ? [] : listed.slice(0, place);
    this.#turnTo([...this.items.filter((item) => item.by === 'you'), ...rest.map((track) => this.#item(track, 'list'))], before);
    this.#start(this.#item(chosen, 'list'));
    this.refresh();
  }

  // Without those that are never to be played again, but for `asked`, and unless all are.
  #allowed(tracks, asked = null) {
    const allowed = tracks.filter((track) => track === asked || this.app.opinions.of(track.id) !== 'disliked');
    return allowed.length ? allowed : tracks;
  }

  // A radio from these tracks: one of them, and then what goes with them.
  radio(label, tracks, { href = '' } = {}) {
    const allowed = this.#allowed(tracks);
    const first = allowed[Math.floor(Math.random() * Math.min(allowed.length, 20))];
    if (!first) return;
    this.station = { label, href, seeds: tracks.slice(0, MOST_SEEDS) };
    this.list = null;
    if (this.current?.track.id !== first.id) {
      this.#turnTo(this.items.filter((item) => item.by !== 'list'), []);
      this.#start(this.#item(first, 'you'));
    } else {
      this.items = this.items.filter((item) => item.by !== 'list');
      this.app.player.play();
    }
    this.refresh({ kind: 'radio', title: label });
  }

  endRadio() {
    this.station = null;
    this.refresh({ kind: 'ended', title: '' });
  }

  // The listener goes on: the first of what is next. `kind` is what leaving the current one means.
  async next({ kind = 'skipped' } = {}) {
    if (!this.items.length) await this.#fill();
    this.#hungry = this.items.length ? null : { kind };
    if (this.#hungry) return false;
    if (this.current) this.#remember(this.current);
    const item = this.items.shift();
    this.#start(item, { kind });
    return true;
  }

  previous() {
    const { player } = this.app;
    if (player.restart() || !this.past.length) return player.seek(0);
    this.#back();
  }

  // To the one before; what plays now comes next, where the recommender does not take it away again.
  #back() {
    if (this.current) this.items.unshift({ ...this.current, pinned: true, back: true });
    this.#start(this.past.pop(), { kind: 'progress' });
  }

  // One of the list, now; what stood before it stays where it is.
  playItem(key) {
    const item = this.items.find((one) => one.key === key);
    if (!item) return;
    this.items = this.items.filter((one) => one !== item);
    if (this.current) this.#remember(this.current);
    this.#start(item);
  }

  // Play: go on, or begin with what is suggested.
  async toggle() {
    const { player } = this.app;
    if (player.current) return player.toggle();
    return this.next();
  }

  #ended() {
    const { player } = this.app;
    if (this.repeat === 'one') return player.load(this.current.track, { kind: null });
    return this.next({ kind: null });
  }

  #start(item, { kind } = {}) {
    [this.current, this.#hungry] = [item, null];
    this.played = this.played.filter((id) => id !== item.track.id).concat(item.track.id).slice(-MOST_WITHOUT);
    this.app.player.load(item.track, { kind });
    this.#goRound();
    this.#say();
    if (this.#suggested() < LOW) this.refresh();
  }

  #turnTo(items, before) {
    if (this.current) this.#remember(this.current);
    this.past = [...this.past, ...before.map((track) => this.#item(track, 'list'))].slice(-MOST_PAST);
    this.items = items;
  }

  #remember(item) {
    this.past = [...this.past, item].slice(-MOST_PAST);
  }

  // --- what the listener arranges ---------------------------------------------------------------------------------

  placeNext(tracks) {
    this.#place(tracks, 0);
    this.#told(tracks, 'placed_next');
  }

  placeLast(tracks) {
    const last = this.items.findLastIndex((item) => item.by !== 'segue' || item.pinned);
    this.#place(tracks, last + 1);
    this.#told(tracks, 'placed_last');
  }

  #place(tracks, at) {
    this.items.splice(at, 0, ...tracks.map((track) => this.#item(track, 'you')));
    this.#say();
    if (!this.current) this.next();
  }

  #told(tracks, key) {
    const { app } = this;
    if (tracks.length === 1) app.toast(app.t(`upnext.${key}`, { title: tracks[0].title }));
    else app.toast(app.t('upnext.placed_many', { n: tracks.length }));
  }

  // Where it is put it stays, whatever the recommender thinks of next.
  move(key, to) {
    const from = this.items.findIndex((item) => item.key === key);
    if (from < 0) return;
    const [item] = this.items.splice(from, 1);
    item.pinned = true;
    this.items.splice(Math.max(0, Math.min(to, this.items.length)), 0, item);
    this.#say();
  }

  remove(key) {
    const at = this.items.findIndex((item) => item.key === key);
    if (at < 0) return;
    const [item] = this.items.splice(at, 1);
    if (item.by === 'segue') this.dropped = [...this.dropped, item.track.id].slice(-MOST_WITHOUT);
    this.#say();
    const { app } = this;
    const action = () => this.#restore(item, at);
    app.toast(app.t('upnext.removed', { title: item.track.title }), { action, label: app.t('upnext.undo') });
    if (this.#suggested() < LOW) this.refresh();
  }

  #restore(item, at) {
    this.dropped = this.dropped.filter((id) => id !== item.track.id);
    this.items.splice(Math.min(at, this.items.length), 0, { ...item, pinned: true });
    this.#say();
  }

  // --- what the listener asks for ---------------------------------------------------------------------------------

  more(track) {
    this.#steer('more', track);
  }

  less(track) {
    const putBack = this.#taken(track);
    this.items = this.items.filter((item) => item.track.id !== track.id);
    this.#steer('less', track, () => {
      putBack();
      this.unsteer(track);
    });
  }

  #steer(towards, track, undo = () => this.unsteer(track)) {
    for (const [name, tracks] of Object.entries(this.steering)) {
      const others = tracks.filter((one) => one.id !== track.id);
      this.steering[name] = name === towards ? [...others, track].slice(-MOST_STEERING) : others;
    }
    this.app.toast(this.app.t(`upnext.steered_${towards}`, { title: track.title }), { action: undo, label: this.app.t('upnext.undo') });
    this.#say();
    this.refresh({ kind: towards, title: track.title });
  }

  unsteer(track) {
    for (const [name, tracks] of Object.entries(this.steering))
      this.steering[name] = tracks.filter((one) => one.id !== track.id);
    this.#say();
    this.refresh({ kind: 'unsteered', title: track.title });
  }

  // Not today.
  notNow(track) {
    this.resting.add(track.id);
    this.#leave(track, 'progress');
    this.app.toast(this.app.t('upnext.notnow_done', { title: track.title }));
    this.refresh({ kind: 'notnow', title: track.title });
  }

  // What the listener says of a track; said once more, it is taken back.
  opine(track, kind) {
    if (this.app.opinions.of(track.id) === kind) this.app.opinions.set(track, null);
    else if (kind === 'disliked') this.never(track);
    else this.app.opinions.set(track, kind);
  }

  // Never again: a dislike, from wherever it is said.
  never(track) {
    const { app } = this;
    const before = app.opinions.of(track.id);
    const putBack = this.#taken(track);
    if (before === 'disliked') this.leaveDisliked(track);
    else app.opinions.set(track, 'disliked');
    const action = () => {
      app.opinions.set(track, before);
      putBack();
    };
    app.toast(app.t('upnext.never_done', { title: track.title }), { action, label: app.t('upnext.undo') });
  }

  // What puts a track that is about to leave where it is now.
  #taken(track) {
    const at = this.items.findIndex((item) => item.track.id === track.id);
    if (at >= 0) return this.#restore.bind(this, this.items[at], at);
    const plays = this.current?.track.id === track.id;
    return () => plays && this.past.at(-1)?.track.id === track.id && this.#back();
  }

  // What is disliked is gone at once, from what plays too.
  leaveDisliked(track) {
    this.#leave(track, 'skipped');
  }

  #leave(track, kind) {
    this.items = this.items.filter((item) => item.track.id !== track.id);
    if (this.current?.track.id === track.id) this.next({ kind });
    else this.#say();
  }

  // --- order ------------------------------------------------------------------------------------------------------

  setShuffle(shuffle) {
    this.shuffle = shuffle;
    const listed = this.items.filter((item) => item.by === 'list' && !item.pinned);
    if (listed.length) this.#reorder(listed, shuffle ? spread(listed, this.current?.track) : inOrder(listed, this.list));
    else if (shuffle) this.app.toast(this.app.t('shuffle.later'));
    this.#say();
  }

  // `listed` keep the places that they have together, in another order.
  #reorder(listed, ordered) {
    const waiting = [...ordered];
    const moved = new Set(listed);
    this.items = this.items.map((item) => (moved.has(item) ? waiting.shift() : item));
  }

  cycleRepeat() {
    this.repeat = { off: 'all', all: 'one', one: 'off' }[this.repeat];
    if (this.repeat === 'all') this.#beginRound();
    else if (this.repeat === 'off') this.refresh();
    this.#say();
  }

  // Without a list, what was played in this session goes round.
  #beginRound() {
    const heard = [...this.past, this.current].filter(Boolean).map((item) => item.track);
    this.list ??= { from: '', href: '', tracks: [...new Map(heard.map((track) => [track.id, track])).values()] };
    this.items = this.items.filter((item) => item.by !== 'segue' || item.pinned);
    this.#goRound();
  }

  #goRound() {
    if (this.repeat !== 'all' || !this.list || this.items.some((item) => item.by === 'list')) return;
    const allowed = this.#allowed(this.list.tracks);
    const tracks = this.shuffle ? spread(allowed, this.current?.track) : allowed;
    this.items.push(...tracks.map((track) => this.#item(track, 'list')));
  }

  // --- the recommender --------------------------------------------------------------------------------------------

  // With a reason, what is next now becomes what the marks compare with, until the next reason.
  async refresh(reason = null) {
    if (reason) this.#before = { ...reason, items: this.items.map((item) => item.track.id) };
    const turn = ++this.#turn;
    if (this.repeat === 'all' && this.list) return this.#settle([]);
    try {
      const answer = await this.app.service.post('me/recommendations', this.#question());
      if (turn !== this.#turn) return;
      this.#take(answer);
    } catch (error) {
      if (turn !== this.#turn) return;
      [this.away, this.asked] = [true, true];
      this.#say();
    }
  }

  #question() {
    const ids = (tracks) => tracks.map((track) => track.id);
    const kept = this.items.filter((item) => item.by !== 'segue' || item.pinned).map((item) => item.track.id);
    const without = new Set([...this.played, ...this.dropped, ...this.resting.ids(), ...kept]);
    return {
      n: ASKED,
      seeds: ids(this.station?.seeds ?? []),
      towards: ids(this.steering.more),
      away: ids(this.steering.less),
      without: [...without].slice(-MOST_WITHOUT),
    };
  }

  #take(answer) {
    [this.away, this.asked, this.model] = [false, true, answer.model_version];
    const suggested = this.#wanted(answer.items);
    this.#settle(suggested.map(({ track, because }) => ({ ...this.#item(track, 'segue'), because, titles: answer.titles })));
  }

  // In a small library the answer holds also what was heard already: that comes when little else is left.
  #wanted(items) {
    const unwanted = new Set([...this.dropped, ...this.resting.ids(), this.current?.track.id]);
    const heard = new Set(this.played);
    const left = items.filter(({ track }) => !unwanted.has(track.id));
    const unheard = left.filter(({ track }) => !heard.has(track.id));
    return unheard.length < LOW ? [...unheard, ...left.filter(({ track }) => heard.has(track.id))] : unheard;
  }

  #settle(suggested) {
    this.items = merged(this.items, suggested, this.current);
    if (this.#before) this.change = changes(this.#before, this.items, new Set([...this.played, this.current?.track.id]));
    this.#say();
    if (this.#hungry && this.items.length) this.next(this.#hungry);
  }

  async #fill() {
    this.#goRound();
    if (!this.items.length) await this.refresh();
  }

  #suggested() {
    return this.items.filter((item) => item.by === 'segue').length;
  }

  // --- memory -----------------------------------------------------------------------------------------------------

  // As for somebody new, but for what sounds just now.
  forget() {
    Object.assign(this, { items: [], past: [], list: null, station: null, steering: { more: [], less: [] }, played: [], dropped: [], change: null });
    this.#before = null;
    this.resting.clear();
    this.#say();
    this.refresh();
  }

  // What a later page needs to go on as if nothing had been.
  kept() {
    const { items, past, current, list, station, steering, played, dropped, shuffle, repeat } = this;
    return { items: items.slice(0, 300), past: past.slice(-50), current, list, station, steering, played, dropped, shuffle, repeat };
  }

  restore(kept) {
    Object.assign(this, kept);
    const keys = [...this.items, ...this.past, this.current].filter(Boolean).map((item) => item.key);
    this.#keys = Math.max(0, ...keys);
    this.#say();
  }

  // Of a track that is near at hand, else nothing.
  titleOf(id) {
    const near = [this.current, ...this.past, ...this.items].find((item) => item?.track.id === id);
    return near?.track.title ?? '';
  }

  #item(track, by) {
    return { key: ++this.#keys, track, by };
  }

  #say() {
    this.app.player.prepare(this.repeat === 'one' ? this.current?.track : this.items[0]?.track);
    this.app.say('queue');
  }
}

function inOrder(listed, list) {
  const places = new Map(list?.tracks.map((track, place) => [track.id, place]));
  return [...listed].sort((a, b) => places.get(a.track.id) - places.get(b.track.id));
}
