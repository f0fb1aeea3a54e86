// All albums, as covers: in an order, of a genre.
// In: `order` and `genre` of the address. Out: a grid that grows as one scrolls, and while music is brought in.

import { CardGrid } from '../library/cardgrid.js';
import { albumCard, emptyState } from '../draw.js';
import { following } from '../library/loading.js';
import { choice, viewHead } from '../library/masthead.js';
import { remembered } from '../library/pages.js';
import { playAlbum } from '../library/shelves.js';

const ORDERS = ['artist', 'title', 'newest', 'year'];

export async function render(holder, { query }, app) {
  const order = ORDERS.includes(query.get('order')) ? query.get('order') : 'artist';
  const genre = query.get('genre') ?? '';
  const pages = remembered(`albums ${order} ${genre}`, (cursor, limit) =>
    app.service.get('albums', { order, genre, limit, cursor }),
  );
  const go = (changed) => app.go(`#/albums?${new URLSearchParams({ order, genre, ...changed })}`, { replace: true });
  const orders = ORDERS.map((each) => [each, app.t(`orders.${each}`)]);
  const filter = choice(app.t('albums.genre'), [['', app.t('albums.all_genres')]], '', (chosen) => go({ genre: chosen }));
  const { head, count } = viewHead(app, app.t('albums.title'), [
    choice(app.t('orders.label'), orders, order, (chosen) => go({ order: chosen })),
    filter,
  ]);
  const place = document.createElement('div');
  holder.append(head, place);
  fillGenres(app, filter.querySelector('select'), genre);
  const grid = new CardGrid(app, place, pages, {
    label: app.t('albums.title'),
    card: (album) => albumCard(app, album, { onPlay: () => playAlbum(app, album) }),
    counted: ({ items, ended }) => {
      count.textContent = items.length && ended ? app.t('count.albums', { n: items.length }) : '';
      if (ended && !items.length) emptyState(app, place, genre ? 'albums.none' : 'states.empty_library', null, { genre });
    },
  });
  return following(app, pages, place, grid);
}

async function fillGenres(app, select, genre) {
  const { items } = await app.service.get('genres').catch(() => ({ items: [] }));
  const names = items.map((each) => each.name).sort((a, b) => a.localeCompare(b));
  if (genre && !names.includes(genre)) names.unshift(genre);
  for (const name of names) select.append(new Option(name, name, false, name === genre));
}
