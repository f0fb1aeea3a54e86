// Albums and artists in one row, as views show a few of them, and what their play buttons do.
// In: albums, artists. Out: sections of cards.

import { albumCard, artistCard, node } from '../draw.js';

// `all` is a link to the rest; with `wrap` the cards take as many rows as they need.
export function shelf(title, cards, { all, wrap } = {}) {
  const section = node('section', 'segue-section');
  const head = node('div', 'segue-section-head');
  head.append(node('h2', 'segue-section-title', title));
  if (all) head.append(all);
  const row = node('ul', wrap ? 'segue-shelf segue-shelf-wrap' : 'segue-shelf');
  row.append(
    ...cards.map((card) => {
      const item = node('li');
      item.append(card);
      return item;
    }),
  );
  section.append(head, row);
  return section;
}

// `second(album)` is what stands below its title: without it artist and year.
export function albumShelf(app, title, albums, { second, ...options } = {}) {
  const card = (album) => albumCard(app, album, { onPlay: () => playAlbum(app, album), second: second?.(album) });
  return shelf(title, albums.map(card), options);
}

export function artistShelf(app, title, artists, options) {
  return shelf(title, artists.map((artist) => artistCard(app, artist, { onPlay: () => playArtist(app, artist) })), options);
}

export async function playAlbum(app, { id, title }) {
  await playAll(app, `albums/${encodeURIComponent(id)}`, title);
}

export async function playArtist(app, { id, name }) {
  await playAll(app, `artists/${encodeURIComponent(id)}`, name);
}

async function playAll(app, path, from) {
  try {
    app.play((await app.service.get(path)).items, { from });
  } catch (error) {
    app.toast(error.message);
  }
}
