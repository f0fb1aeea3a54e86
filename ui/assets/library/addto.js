// The dialog that puts tracks into a playlist: one that is there, or a new one.
// In: tracks. Out: a changed or a new playlist, and a word about it that leads there.

import { cover, icon, node } from '../draw.js';
import { added, made } from './keeping.js';

export function addToPlaylist(app, tracks) {
  new Chooser(app, tracks);
}

// Asks for a name, and keeps the tracks under it.
export async function saveAsPlaylist(app, suggested, tracks) {
  const name = await app.ask({
    title: app.t('playlists.new'),
    label: app.t('playlists.name'),
    value: suggested,
    ok: app.t('playlists.make'),
  });
  if (!name) return null;
  try {
    const playlist = await made(app, name, tracks);
    told(app, app.t('playlists.made', { name }), playlist.id);
    return playlist;
  } catch (error) {
    app.toast(error.message);
    return null;
  }
}

function told(app, text, id) {
  app.toast(text, { label: app.t('playlists.open'), action: () => app.go(`#/playlists/${encodeURIComponent(id)}`) });
}

class Chooser {
  constructor(app, tracks) {
    Object.assign(this, { app, tracks, playlists: [] });
    this.input = node('input', 'segue-input');
    Object.assign(this.input, { type: 'text', maxLength: 200, autocomplete: 'off', placeholder: app.t('addto.placeholder') });
    this.input.setAttribute('aria-label', app.t('addto.placeholder'));
    this.list = node('ul', 'segue-chooser');
    const title = tracks.length === 1 ? app.t('addto.title', { title: tracks[0].title }) : app.t('addto.title_many', { n: tracks.length });
    this.dialog = app.dialog({ title, content: [this.input, this.list], className: 'segue-addto' });
    this.input.addEventListener('input', () => this.#show());
    this.dialog.element.addEventListener('keydown', (event) => this.#pressed(event));
    this.#show();
    this.input.focus();
    this.known = this.#ask();
  }

  async #ask() {
    try {
      this.playlists = (await this.app.service.get('me/playlists')).items;
      if (this.dialog.element.open && this.playlists.length) this.#show();
    } catch (error) {
      this.dialog.close();
      this.app.toast(error.message);
    }
  }

  #show() {
    const wanted = this.input.value.trim();
    const folded = wanted.toLocaleLowerCase();
    const found = this.playlists.filter((each) => each.name.toLocaleLowerCase().includes(folded));
    const named = found.some((each) => each.name.toLocaleLowerCase() === folded);
    const fresh = named ? [] : [this.#new(wanted)];
    const choices = found.map((each) => this.#choice(each));
    this.list.replaceChildren(...(wanted ? [...choices, ...fresh] : [...fresh, ...choices])); // Enter takes the first
  }

  #new(name) {
    const text = name ? this.app.t('addto.new_named', { name }) : this.app.t('addto.new');
    const sign = node('span', 'segue-chooser-new');
    sign.append(icon('add'));
    return this.#entry(sign, text, '', () => this.#make(name));
  }

  #choice(playlist) {
    const picture = cover(this.app, { name: playlist.name, cover_track: playlist.cover_tracks[0] }, 40);
    const second = this.app.t('count.tracks', { n: playlist.n_tracks });
    return this.#entry(picture, playlist.name, second, () => this.#add(playlist));
  }

  #entry(picture, text, second, act) {
    const item = node('li');
    const button = node('button', 'segue-chooser-item');
    const words = node('span', 'segue-texts');
    button.type = 'button';
    words.append(node('span', 'segue-title', text));
    if (second) words.append(node('span', 'segue-artist', second));
    button.append(picture, words);
    button.addEventListener('click', act);
    item.append(button);
    return item;
  }

  #pressed(event) {
    const stops = [this.input, ...this.list.querySelectorAll('button')];
    const at = stops.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    const chosen = event.key === 'Enter' && at === 0;
    if (!chosen && (to === undefined || at < 0)) return;
    event.preventDefault(); // or the key would press what has the focus afterwards
    if (chosen) return void this.known.then(() => this.list.querySelector('button')?.click());
    stops[Math.max(0, Math.min(stops.length - 1, to))].focus();
  }

  async #add(playlist) {
    this.dialog.close();
    try {
      const n = await added(this.app, playlist.id, this.tracks);
      told(this.app, this.app.t(n ? 'addto.added' : 'addto.there', { n, name: playlist.name }), playlist.id);
    } catch (error) {
      this.app.toast(error.message);
    }
  }

  async #make(name) {
    this.dialog.close();
    if (!name) return saveAsPlaylist(this.app, '', this.tracks);
    try {
      const playlist = await made(this.app, name, this.tracks);
      told(this.app, this.app.t('playlists.made', { name }), playlist.id);
    } catch (error) {
      this.app.toast(error.message);
    }
  }
}
