// All tracks as a table, sorted by its heads.
// In: `order` of the address. Out: a table of any length, that grows while music is brought in.

import { emptyState } from '../draw.js';
import { following } from '../library/loading.js';
import { choice, viewHead } from '../library/masthead.js';
import { remembered } from '../library/pages.js';
import { TrackTable } from '../library/tracktable.js';

const ORDERS = ['artist', 'title', 'album', 'newest', 'year', 'duration'];

export async function render(holder, { query }, app) {
  const order = ORDERS.includes(query.get('order')) ? query.get('order') : 'artist';
  const pages = remembered(`tracks ${order}`, (cursor, limit) => app.service.get('tracks', { order, limit, cursor }));
  const go = (chosen) => app.go(`#/tracks?order=${chosen}`, { replace: true });
  const orders = ORDERS.map((each) => [each, app.t(`orders.${each}`)]);
  const { head, count } = viewHead(app, app.t('tracks.title'), [choice(app.t('orders.label'), orders, order, go)]);
  const place = document.createElement('div');
  holder.append(head, place);
  let whole = null;
  const shown = ({ items, ended }) => {
    const n = ended ? items.length : whole;
    count.textContent = n ? app.t('count.tracks', { n }) : '';
    if (ended && !items.length) emptyState(app, place, 'states.empty_library');
  };
  const table = new TrackTable(app, place, pages, {
    label: app.t('tracks.title'),
    alone: true,
    order,
    onOrder: go,
    counted: shown,
  });
  const health = await app.service.get('health').catch(() => null);
  whole = health?.tracks ?? null;
  shown(pages);
  return following(app, pages, place, table);
}
