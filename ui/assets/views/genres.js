// All genres, those with most tracks first.
// In: the library. Out: tiles that lead to each.

import { cover, emptyState, link, node } from '../draw.js';
import { loaded } from '../library/loading.js';
import { viewHead } from '../library/masthead.js';

export async function render(holder, params, app) {
  const { head, count } = viewHead(app, app.t('genres.title'));
  const place = node('div');
  holder.append(head, place);
  await loaded(app, place, 'cards', () => app.service.get('genres'), ({ items }) => {
    if (!items.length) return void emptyState(app, place, 'genres.none');
    count.textContent = app.t('genres.count', { n: items.length });
    const list = node('ul', 'segue-genre-tiles');
    list.append(...items.map((genre) => tile(app, genre)));
    place.append(list);
  });
}

function tile(app, genre) {
  const item = node('li', 'segue-genre-tile');
  const way = link(`#/genres/${encodeURIComponent(genre.name)}`, 'segue-genre-tile-link');
  const words = node('span', 'segue-genre-tile-words');
  words.append(node('span', 'segue-genre-tile-name', genre.name), node('span', 'segue-genre-tile-second', app.t('count.tracks', { n: genre.n_tracks })));
  way.append(cover(app, { name: genre.name }, 72), words);
  item.append(way);
  return item;
}
