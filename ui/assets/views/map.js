// The map of the music: what sounds alike or is heard together lies close; a click plays.
// In: me/map, tracks by their ids, the plays of this session, a journey (`#/map?journey=FROM,TO`). Out: the map and, beside
// it, the same in words.

import { Atlas } from '../insights/atlas.js';
import { byline, emptyState, failure, iconButton, node, skeleton } from '../draw.js';
import { choice, legend, Side } from '../insights/mapside.js';
import { Tracks } from '../insights/tracks.js';
import { SignIn } from '../service.js';

const NEAR = 8;
const LISTED = 12; // groups that the legend names
const HUES = 48;
const SESSION_MS = 45 * 60_000; // a longer silence ends the path
const FIND_MS = 150;
const KEY = 'segue.map.colour';

export async function render(holder, params, app) {
  holder.classList.add('segue-insights');
  skeleton(holder, 'page');
  try {
    const map = await app.service.get('me/map');
    if (!map.ids.length) return void emptyState(app, holder, 'map.none');
    const view = new MapView(holder, map, app);
    const journey = params.query.get('journey')?.split(',');
    if (journey?.length === 2) view.journey(...journey);
    return () => view.close();
  } catch (error) {
    if (error instanceof SignIn) throw error; // the whole page asks for it
    failure(app, holder, error, () => render(holder, params, app));
  }
}

// As many colours as are asked for, alike in lightness, so that none is louder than another; albums have to share some.
function hues(count, dark) {
  const turn = count > LISTED ? 137.5 : 360 / count;
  const light = dark ? 76 : 56;
  const hue = (place) => `oklch(${light - (place % 2) * 9}% 0.14 ${(28 + (place % HUES) * turn) % 360})`;
  return Array.from({ length: count }, (_, place) => hue(place));
}

class MapView {
  constructor(holder, map, app) {
    Object.assign(this, { map, app, picked: new Set(), tracks: new Tracks(app.service) });
    this.mode = localStorage.getItem(KEY) === 'album' ? 'album' : 'mood';
    this.#build(holder);
    this.offs = [app.on('current', () => this.#current()), app.on('theme', () => this.#dress())];
    this.scheme = matchMedia('(prefers-color-scheme: dark)');
    this.redress = () => this.#dress();
    this.scheme.addEventListener('change', this.redress);
    this.#dress();
    this.#played();
  }

  close() {
    this.atlas.close();
    this.scheme.removeEventListener('change', this.redress);
    for (const off of this.offs) off();
  }

  // --- what is drawn ----------------------------------------------------------------------------------------------

  #build(holder) {
    const { t } = this.app;
    const n = this.map.ids.length;
    const head = node('header', 'segue-insights-head');
    head.append(node('h1', '', t('map.title')), node('p', 'segue-muted', t('map.about', { n })));
    this.stage = node('div', 'segue-map-stage');
    this.stage.tabIndex = 0;
    this.stage.setAttribute('role', 'application');
    this.stage.setAttribute('aria-label', t('map.label', { n }));
    this.stage.setAttribute('aria-describedby', 'segue-map-keys');
    this.tip = node('div', 'segue-map-tip');
    this.tip.hidden = true;
    const keys = node('p', 'segue-muted', t('map.keys'));
    keys.id = 'segue-map-keys';
    this.told = node('p', 'segue-unseen');
    this.told.setAttribute('role', 'status');
    const frame = node('div', 'segue-map-frame');
    frame.append(this.stage, this.tip, this.#zooms());
    this.key = node('div', 'segue-map-legend');
    const main = node('div', 'segue-map-main');
    main.append(this.#bar(), frame, this.key, keys);
    const side = node('div', 'segue-map-side');
    const whole = node('div', 'segue-map');
    whole.append(main, side, this.told);
    holder.removeAttribute('aria-busy');
    holder.replaceChildren(head, whole);
    this.#open(side);
  }

  #open(side) {
    this.atlas = new Atlas(this.stage, this.#dots(), {
      choose: (place) => this.#choose(place),
      play: (place) => this.#play(place),
      point: (place) => this.#point(place),
      moved: () => (this.tip.hidden = true),
    });
    const { atlas } = this;
    const nearest = (place) => atlas.places.nearest(atlas.dots.x[place], atlas.dots.y[place], NEAR + 1).filter((other) => other !== place);
    const told = { choose: (track) => this.#show(track), play: (place) => this.#play(place) };
    const group = (place) => this.#name(this.#groups().names[this.#groups().index[place]]);
    this.side = new Side(this.app, side, { map: this.map, tracks: this.tracks, nearest, group, told });
  }

  #dots() {
    const { x, y, plays } = this.map;
    const most = Math.log1p(plays.reduce((most, each) => Math.max(most, each), 1));
    const weight = plays.map((each) => Math.log1p(each) / most); // arrays map faster than what they are copied into
    return { x: new Float32Array(x), y: new Float32Array(y.map((each) => 1 - each)), weight: new Float32Array(weight) };
  }

  // Where a track is among the dots, or undefined; few are asked for, so that a look through all is less than an index of all.
  #placeOf(id) {
    const place = this.map.ids.indexOf(id);
    return place < 0 ? undefined : place;
  }

  #zooms() {
    const { t } = this.app;
    const group = node('div', 'segue-map-zooms');
    group.append(
      iconButton('add', t('map.nearer'), () => this.atlas.zoom(1.6), { key: '+' }),
      iconButton('less', t('map.farther'), () => this.atlas.zoom(1 / 1.6), { key: '−' }),
      iconButton('map', t('map.whole'), () => this.atlas.whole(), { key: '0' }),
    );
    return group;
  }

  #bar() {
    const { t } = this.app;
    const bar = node('div', 'segue-map-bar');
    const modes = { mood: t('map.by_mood'), album: t('map.by_album') };
    const colour = choice('segue-map-colour', t('map.colour'), modes, this.mode, (mode) => {
      localStorage.setItem(KEY, mode);
      this.mode = mode;
      this.picked.clear();
      this.#dress();
    });
    const find = node('input', 'segue-map-find');
    Object.assign(find, { type: 'search', placeholder: t('map.find'), autocomplete: 'off' });
    find.setAttribute('aria-label', t('map.find'));
    find.addEventListener('input', () => this.#find(find.value.trim()));
    bar.append(colour, find);
    return bar;
  }

  // --- colours ----------------------------------------------------------------------------------------------------

  #groups() {
    const { map, mode } = this;
    return mode === 'album' ? { names: map.albums, index: map.album } : { names: map.moods, index: map.mood };
  }

  #name(name) {
    if (!name) return this.app.t('map.no_album');
    const told = this.app.t(`map.moods.${name}`);
    return this.mode === 'album' || told === `map.moods.${name}` ? name : told;
  }

  #dress() {
    const { names, index } = this.#groups();
    const counts = new Uint32Array(names.length);
    for (const group of index) counts[group] += 1;
    const faint = this.picked.size ? Uint8Array.from(index, (group) => Number(!this.picked.has(group))) : null;
    this.atlas.dress((dark) => hues(names.length, dark), index, faint);
    const listed = [...counts.keys()].filter((group) => counts[group]).sort((a, b) => counts[b] - counts[a]);
    listed.length = Math.min(LISTED, listed.length);
    const groups = listed.map((group) => ({ name: this.#name(names[group]), colour: this.atlas.palette[group], count: counts[group] }));
    const picked = new Set(listed.flatMap((group, row) => (this.picked.has(group) ? [row] : [])));
    this.key.replaceChildren(legend(this.app, groups, picked, (row) => this.#pick(listed[row], row)));
  }

  #pick(group, row) {
    if (!this.picked.delete(group)) this.picked.add(group);
    this.#dress();
    this.key.querySelectorAll('button')[row].focus();
  }

  // --- what one points at, chooses, plays, finds --------------------------------------------------------------------

  async #point(place) {
    this.pointed = place;
    this.tip.hidden = true;
    if (place === undefined) return;
    const [track] = await this.tracks.of([this.map.ids[place]]).catch(() => []);
    if (this.pointed !== place || !track) return;
    const lines = [node('strong', '', track.title), node('span', '', byline(track)), node('span', 'segue-muted', track.album)];
    this.tip.replaceChildren(...lines.filter((line) => line.textContent));
    const { x, y } = this.atlas.at(place);
    this.tip.style.left = `${Math.min(Math.max(x, 110), Math.max(110, this.stage.clientWidth - 110))}px`;
    this.tip.style.top = `${y}px`;
    this.tip.classList.toggle('segue-below', y < 110);
    this.tip.hidden = false;
  }

  async #choose(place) {
    this.atlas.marks.chosen = place;
    this.atlas.draw();
    const track = await this.side.show(place);
    if (track) this.told.textContent = this.app.t('map.told', { title: track.title, artist: byline(track) });
  }

  async #show(track) {
    const place = this.#placeOf(track.id);
    if (place === undefined) return;
    this.atlas.show(place);
    await this.#choose(place);
    this.side.holder.querySelector('button')?.focus();
  }

  async #play(place) {
    const tracks = await this.tracks.of([this.map.ids[place]]).catch(() => []);
    if (tracks.length) this.app.play(tracks, { from: this.app.t('map.title') });
  }

  #find(words) {
    clearTimeout(this.typing);
    if (!words) return this.side.hint();
    this.typing = setTimeout(async () => {
      const turn = (this.turn = Symbol(words));
      const found = await this.app.service.get('search', { q: words, limit: NEAR }).catch(() => null);
      if (found && this.turn === turn) this.side.found(found.tracks.filter((track) => this.#placeOf(track.id) !== undefined));
    }, FIND_MS);
  }

  // --- paths ------------------------------------------------------------------------------------------------------

  #current() {
    const place = this.#placeOf(this.app.player.current?.id);
    this.atlas.marks.playing = place;
    const played = this.atlas.paths.find((path) => path.kind === 'played');
    if (played && place !== undefined && played.places.at(-1) !== place) played.places.push(place);
    this.atlas.draw();
  }

  // What was played last without a long break, oldest first.
  async #played() {
    const { items } = await this.app.service.get('me/listens', { limit: 20 }).catch(() => ({ items: [] }));
    const places = [];
    let later = Date.now();
    for (const listen of items) {
      if (later - Date.parse(listen.at) > SESSION_MS) break;
      later = Date.parse(listen.began_at);
      const place = this.#placeOf(listen.track_id);
      if (place !== undefined && places[0] !== place) places.unshift(place);
    }
    this.atlas.paths.unshift({ kind: 'played', places });
    this.#current();
  }

  async journey(from, to) {
    const answer = await this.app.service.get('me/journey', { from, to, n: 12 }).catch((error) => this.app.toast(error.message));
    if (!answer?.items?.length) return;
    const tracks = answer.items.map((item) => item.track);
    this.atlas.paths.push({ kind: 'journey', places: tracks.flatMap((track) => this.#placeOf(track.id) ?? []) });
    this.atlas.draw();
    this.side.journey(tracks);
  }
}
