// What one sets once: appearance, volume, whether volume is evened, keys, private listening.
// In: localStorage. Out: the page's look, the player's volume; signal `private`, also when another tab has changed it.

import { signOut } from './session.js';

const THEMES = ['system', 'light', 'dark'];

export class Settings {
  constructor(app) {
    this.app = app;
    this.theme = read('theme', 'system');
    this.even = read('even', true);
    this.letters = read('letters', true); // whether a single letter does something: who speaks to a computer may not want it
    Object.defineProperty(app, 'private', { get: () => read(this.#privateKey, false) });
    addEventListener('storage', (event) => event.key === `segue.${this.#privateKey}` && app.say('private', app.private));
    this.#look();
  }

  get #privateKey() {
    return `private.${this.app.session?.user ?? ''}`;
  }

  // Once there is a player.
  apply() {
    const { player } = this.app;
    player.even = this.even;
    player.volume = read('volume', 1);
    this.app.on('volume', () => write('volume', player.volume));
  }

  togglePrivate() {
    write(this.#privateKey, !this.app.private);
    this.app.say('private', this.app.private);
    this.app.toast(this.app.t(this.app.private ? 'private.on' : 'private.off'));
  }

  // What the button at the top right offers.
  menu() {
    const { t, session } = this.app;
    const theme = (name) => ({ label: t(`settings.${name}`), checked: this.theme === name, run: () => this.#setTheme(name) });
    const items = [
      { label: t('bar.private'), icon: 'private', checked: this.app.private, run: () => this.togglePrivate() },
      { label: t('settings.even_long'), icon: 'volume', checked: this.even, run: () => this.#setEven(!this.even) },
      null,
      ...THEMES.map(theme),
      null,
      { label: t('settings.letters'), icon: 'keys', checked: this.letters, run: () => write('letters', (this.letters = !this.letters)) },
      { label: t('settings.keys'), icon: 'keys', run: () => this.app.keys.help() },
    ];
    if (session?.accounts) items.push({ label: t('session.out', session), icon: 'person', run: () => signOut(this.app) });
    return items;
  }

  #setTheme(theme) {
    this.theme = theme;
    write('theme', theme);
    this.#look();
  }

  #setEven(even) {
    this.even = even;
    write('even', even);
    this.app.player.even = even;
  }

  #look() {
    if (this.theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.theme;
    this.app.say('theme', this.theme);
  }
}

function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`segue.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function write(name, value) {
  localStorage.setItem(`segue.${name}`, JSON.stringify(value));
}
