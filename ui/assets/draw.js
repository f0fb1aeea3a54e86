// What views draw with: nodes, icons, covers, cards, and the states that a view can be in.
// In: tracks, albums, artists. Out: DOM nodes. Texts from tags only ever go through textContent.

import { artwork } from './artwork.js';

export { clock } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';

export function node(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'segue-svg');
  use.setAttribute('href', `#segue-i-${name}`);
  svg.append(use);
  return svg;
}

export function link(href, className, text) {
  const made = node('a', className, text);
  made.setAttribute('href', href);
  return made;
}

// A button with words on it; `kind` is '', 'strong' or 'quiet'.
export function button(text, act, { kind = '', icon: picture } = {}) {
  const made = node('button', `segue-button ${kind && `segue-${kind}`}`.trim());
  made.type = 'button';
  if (picture) made.append(icon(picture));
  made.append(node('span', '', text));
  made.addEventListener('click', act);
  return made;
}

// A round button that is a picture; `label` is what it does.
export function iconButton(name, label, act, { key = '' } = {}) {
  const made = node('button', 'segue-icon');
  made.type = 'button';
  made.append(icon(name));
  relabel(made, label, key);
  if (act) made.addEventListener('click', act);
  return made;
}

// The label for those who hear it, and for those who point at it.
export function relabel(made, label, key = '') {
  made.setAttribute('aria-label', label);
  made.title = key ? `${label} (${key})` : label;
}

export function byline(track) {
  return track.artist || track.album_artist || '';
}

// A title above whose it is.
export function titled(title, artist) {
  const texts = node('span', 'segue-texts');
  texts.append(node('span', 'segue-title', title), node('span', 'segue-artist', artist));
  return texts;
}

// --- covers -------------------------------------------------------------------------------------------------------

// A picture for everything: the album's own over one drawn from its name. `what` is a track, or an album or artist
// with `cover_track`. `size` is a length in pixels; without one the cover is as wide as what holds it.
export function cover(app, what, size) {
  const holder = node('span', 'segue-cover');
  if (size) holder.style.setProperty('--size', `${size}px`);
  fillCover(app, holder, what);
  return holder;
}

export function fillCover(app, holder, what) {
  const drawn = artwork(what.album || what.title || what.name || '');
  holder.replaceChildren(drawn);
  const id = what.cover_track ?? (what.cover ? what.id : null);
  if (!id) return;
  const picture = node('img');
  picture.alt = '';
  picture.decoding = 'async';
  picture.addEventListener('load', () => drawn.remove());
  picture.addEventListener('error', () => picture.remove());
  picture.src = app.service.cover(id);
  holder.append(picture);
}

// --- cards -----------------------------------------------------------------------------------------------------------

function card(app, what, { href, title, second, round, onPlay, playLabel }) {
  const item = node('article', round ? 'segue-card segue-round' : 'segue-card');
  const art = cover(app, what);
  const play = iconButton('play', playLabel, onPlay);
  play.classList.add('segue-card-play');
  const name = link(href, 'segue-card-title', title);
  const picture = node('div', 'segue-card-picture');
  picture.append(art);
  if (onPlay) picture.append(play);
  item.append(picture, name, node('span', 'segue-card-second', second));
  return item;
}

// The link covers the whole card; the play button stands above it.
export function albumCard(app, album, { onPlay, second = [album.artist, album.year].filter(Boolean).join(' · ') } = {}) {
  const playLabel = app.t('row.play', { title: album.title, artist: album.artist });
  return card(app, album, { href: `#/albums/${encodeURIComponent(album.id)}`, title: album.title, second, onPlay, playLabel });
}

export function artistCard(app, artist, { onPlay } = {}) {
  const href = `#/artists/${encodeURIComponent(artist.id)}`;
  const second = app.t('count.albums', { n: artist.n_albums });
  const playLabel = app.t('row.play_artist', { artist: artist.name });
  return card(app, artist, { href, title: artist.name, second, round: true, onPlay, playLabel });
}

// --- states -------------------------------------------------------------------------------------------------------

const BONES = { rows: 8, cards: 12, text: 4, page: 1 };

// Something stands where the answer will be. `kind` is 'rows', 'cards', 'text' or 'page'.
export function skeleton(holder, kind = 'rows', count = BONES[kind]) {
  const bones = node('div', `segue-bones segue-bones-${kind}`);
  bones.setAttribute('aria-hidden', 'true');
  for (let n = 0; n < count; n += 1) {
    const bone = node('div', 'segue-bone');
    bone.append(node('span', 'segue-bone-picture'), node('span', 'segue-bone-line'), node('span', 'segue-bone-line'));
    bones.append(bone);
  }
  holder.setAttribute('aria-busy', 'true');
  holder.replaceChildren(bones);
  return () => {
    holder.removeAttribute('aria-busy');
    bones.remove();
  };
}

// `key` names the words: KEY.title and KEY.text, KEY.code where there is a command to show; `action` is { label, run, icon }.
export function emptyState(app, holder, key, action = null, values = {}) {
  const [title, text, code] = ['title', 'text', 'code'].map((part) => told(app, `${key}.${part}`, values));
  const state = node('div', 'segue-state');
  state.append(wave(), node('h2', 'segue-state-title', title), node('p', 'segue-state-text', text));
  if (code) state.append(node('code', 'segue-code', code));
  if (action) state.append(button(action.label, action.run, { kind: 'strong', icon: action.icon }));
  settle(holder, state);
  return state;
}

const MISSING = [404, 422]; // nothing has that name, or nothing can

// What went wrong and what helps; `retry` asks again.
export function failure(app, holder, error, retry) {
  if (MISSING.includes(error.status)) return emptyState(app, holder, 'states.missing');
  const away = error.name === 'TypeError' || error.constructor.name === 'Away';
  const state = node('div', 'segue-state segue-failure');
  state.setAttribute('role', 'alert');
  state.append(icon('warning'), node('h2', 'segue-state-title', app.t(away ? 'states.away.title' : 'states.failed.title')));
  state.append(node('p', 'segue-state-text', away ? app.t('states.away.text') : app.t('states.failed.text', { told: error.message })));
  if (retry) state.append(button(app.t('states.again'), retry, { kind: 'strong' }));
  settle(holder, state);
  if (away && retry) {
    const off = app.on('back', () => {
      off();
      if (state.isConnected) retry();
    });
  }
  return state;
}

function told(app, key, values) {
  const text = app.t(key, values);
  return text === key ? '' : text;
}

function settle(holder, state) {
  holder.removeAttribute('aria-busy');
  holder.replaceChildren(state);
}

function wave() {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  svg.setAttribute('viewBox', '0 0 160 96');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'segue-wave');
  path.setAttribute('d', 'M8 62c18 0 18-34 36-34s16 40 34 40 16-52 34-52 14 40 40 40');
  svg.append(path);
  return svg;
}
