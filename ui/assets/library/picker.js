// A track is chosen by typing: a box with the best matches below it.
// In: what it is for, a track to begin with, and one that is left out. Out: `chosen(track)`. Later answers are never overwritten by earlier ones.

import { byline, cover, iconButton, node, titled } from '../draw.js';

const SOON_MS = 100;
const MOST = 6;

let boxes = 0;

export class Picker {
  constructor(app, label, chosen, without = null) {
    Object.assign(this, { app, label, chosen, without, turn: 0, at: -1, found: [] });
    this.element = node('div', 'segue-picker');
    this.id = `segue-picker-${(boxes += 1)}`;
  }

  // The chosen track, or the box when there is none.
  show(track) {
    this.element.replaceChildren(...(track ? this.#track(track) : this.#box()));
    return this.element;
  }

  focus() {
    this.element.querySelector('input')?.focus();
  }

  #track(track) {
    const words = node('span', 'segue-texts');
    words.append(node('span', 'segue-kind', this.label), node('span', 'segue-title', track.title), node('span', 'segue-artist', byline(track)));
    const other = iconButton('close', this.app.t('picker.other', { title: track.title }), () => {
      this.chosen(null);
      this.focus();
    });
    return [cover(this.app, track, 56), words, other];
  }

  #box() {
    const field = node('label', 'segue-picker-field');
    this.input = node('input', 'segue-input');
    this.list = node('ul', 'segue-picker-list');
    this.list.id = this.id;
    this.list.setAttribute('role', 'listbox');
    this.list.setAttribute('aria-label', this.label);
    this.list.hidden = true;
    Object.assign(this.input, { type: 'text', autocomplete: 'off', placeholder: this.app.t('picker.placeholder') });
    const said = { role: 'combobox', 'aria-expanded': 'false', 'aria-controls': this.id, 'aria-autocomplete': 'list' };
    for (const [name, value] of Object.entries(said)) this.input.setAttribute(name, value);
    this.input.addEventListener('input', () => this.#typed());
    this.input.addEventListener('keydown', (event) => this.#pressed(event));
    this.input.addEventListener('blur', () => setTimeout(() => this.#close(), 150));
    field.append(node('span', 'segue-kind', this.label), this.input);
    return [field, this.list];
  }

  #typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#find(this.input.value.trim()), SOON_MS);
  }

  async #find(words) {
    const turn = (this.turn += 1);
    const found = words ? await this.app.service.get('search', { q: words, limit: MOST }).catch(() => null) : null;
    if (turn !== this.turn || !this.list.isConnected) return;
    this.found = (found?.tracks ?? []).filter((track) => track.id !== this.without?.id);
    this.at = this.found.length ? 0 : -1;
    this.list.replaceChildren(...this.found.map((track, place) => this.#option(track, place)));
    this.list.hidden = !this.found.length;
    this.input.setAttribute('aria-expanded', String(!this.list.hidden));
    this.#mark();
  }

  #option(track, place) {
    const option = node('li', 'segue-picker-option');
    option.id = `${this.id}-${place}`;
    option.setAttribute('role', 'option');
    option.append(cover(this.app, track, 40), titled(track.title, byline(track)));
    option.addEventListener('pointerdown', (event) => event.preventDefault()); // the box keeps the focus
    option.addEventListener('click', () => this.chosen(track));
    return option;
  }

  #pressed(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') return this.#close();
    if (event.key === 'Enter' && this.at >= 0 && !this.list.hidden) this.chosen(this.found[this.at]);
    else if (by && this.found.length) this.at = (this.at + by + this.found.length) % this.found.length;
    else return;
    event.preventDefault();
    this.#mark();
  }

  #mark() {
    for (const [place, option] of [...this.list.children].entries()) {
      option.setAttribute('aria-selected', String(place === this.at));
      if (place === this.at) option.scrollIntoView({ block: 'nearest' });
    }
    if (this.at >= 0) this.input.setAttribute('aria-activedescendant', `${this.id}-${this.at}`);
    else this.input.removeAttribute('aria-activedescendant');
  }

  #close() {
    this.list.hidden = true;
    this.input?.setAttribute('aria-expanded', 'false');
  }
}
