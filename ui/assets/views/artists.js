// All artists, as round pictures.
// In: the library. Out: a grid that grows as one scrolls, and while music is brought in.

import { CardGrid } from '../library/cardgrid.js';
import { artistCard, emptyState } from '../draw.js';
import { following } from '../library/loading.js';
import { viewHead } from '../library/masthead.js';
import { remembered } from '../library/pages.js';
import { playArtist } from '../library/shelves.js';

export async function render(holder, params, app) {
  const pages = remembered('artists', (cursor, limit) => app.service.get('artists', { limit, cursor }));
  const { head, count } = viewHead(app, app.t('artists.title'));
  const place = document.createElement('div');
  holder.append(head, place);
  const grid = new CardGrid(app, place, pages, {
    label: app.t('artists.title'),
    card: (artist) => artistCard(app, artist, { onPlay: () => playArtist(app, artist) }),
    counted: ({ items, ended }) => {
      count.textContent = items.length && ended ? app.t('count.artists', { n: items.length }) : '';
      if (ended && !items.length) emptyState(app, place, 'states.empty_library');
    },
  });
  return following(app, pages, place, grid);
}
