// Everything that has a key.
// In: keys pressed outside of fields. Out: what they do, and a sheet that tells of them.

import { node } from './draw.js';

const LOUDER = 0.05;
const STEP_S = 10;
const CHORD_MS = 1500;
const GO = { h: '', a: 'albums', r: 'artists', t: 'tracks', p: 'playlists', f: 'favourites', m: 'map' };
const SHOWN = {
  listening: [
    ['space', 'toggle'], ['n', 'next'], ['p', 'previous'], ['left', 'back'], ['right', 'forward'], ['shift up', 'louder'], ['shift down', 'softer'], ['m', 'mute'],
    ['l', 'like'], ['d', 'dislike'], ['t', 'notnow'], ['s', 'shuffle'], ['r', 'repeat'], ['i', 'private'],
  ],
  moving: [
    ['/', 'search'], ['q', 'upnext'], ['g h', 'home'], ['g a', 'albums'], ['g r', 'artists'], ['g t', 'tracks'],
    ['g p', 'playlists'], ['g f', 'favourites'], ['g m', 'map'], ['Alt up', 'reorder'], ['?', 'help'],
  ],
};

export class Keys {
  #chord = 0; // since when `g` waits for a second key

  constructor(app) {
    this.app = app;
    const { player, queue, settings } = app;
    const opine = (kind) => player.current && queue.opine(player.current, kind);
    this.acts = {
      ' ': () => queue.toggle(),
      ArrowLeft: () => player.seek(player.position - STEP_S),
      ArrowRight: () => player.seek(player.position + STEP_S),
      'Shift ArrowUp': () => (player.volume += LOUDER), // without Shift they scroll
      'Shift ArrowDown': () => (player.volume -= LOUDER),
      n: () => queue.next(),
      p: () => queue.previous(),
      m: () => (player.muted = !player.muted),
      l: () => opine('liked'),
      d: () => opine('disliked'),
      t: () => player.current && queue.notNow(player.current),
      s: () => queue.setShuffle(!queue.shuffle),
      r: () => queue.cycleRepeat(),
      i: () => settings.togglePrivate(),
      q: () => app.upnext.toggle(),
      g: () => (this.#chord = Date.now()),
      '/': () => this.#search(),
      '?': () => this.help(),
    };
    document.addEventListener('keydown', (event) => this.#pressed(event));
  }

  #search() {
    const { search } = this.app.shell;
    search.focus();
    search.select();
  }

  #pressed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || taken(event)) return;
    const key = named(event);
    if (key.length === 1 && key !== ' ' && !this.app.settings.letters) return;
    const act = this.#goes(key) ?? this.acts[key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #goes(key) {
    const waiting = Date.now() - this.#chord < CHORD_MS;
    this.#chord = 0;
    return waiting && key in GO ? () => this.app.go(`#/${GO[key]}`) : undefined;
  }

  help() {
    const { app } = this;
    const content = Object.entries(SHOWN).map(([group, keys]) => {
      const part = node('section', 'segue-keys');
      const list = node('dl');
      for (const [pressed, does] of keys) list.append(this.#entry(pressed, app.t(`keys.${does}`)));
      part.append(node('h3', '', app.t(`keys.${group}`)), list);
      return part;
    });
    app.dialog({ title: app.t('keys.title'), content, className: 'segue-keys-dialog' });
  }

  #entry(pressed, does) {
    const entry = node('div');
    const keys = node('dt');
    for (const key of pressed.split(' ')) keys.append(node('kbd', '', key.length > 1 ? this.#named(key) : key.toUpperCase()));
    entry.append(keys, node('dd', '', does));
    return entry;
  }

  #named(key) {
    const name = this.app.t(`keys.${key}`);
    return name.startsWith('keys.') ? key : name;
  }
}

function named({ key, shiftKey }) {
  if (key.length === 1) return key.toLowerCase();
  return shiftKey ? `Shift ${key}` : key;
}

// What the focused element does with a key itself.
function taken({ key, target }) {
  const within = (selector) => Boolean(target.closest?.(selector));
  if (within('input:not([type="range"]), textarea, select, [contenteditable], [role="menu"]')) return true;
  if (within('dialog') && key !== ' ') return true;
  if (key === ' ' || key === 'Enter') return within('button, a, [role="button"], summary');
  return key.startsWith('Arrow') && within('input, [role="grid"], [role="listbox"], [role="application"], [data-arrows]');
}
