// One genre: its albums, and its tracks as a table.
// In: the genre's name. Out: a page that plays it, and starts a radio from it.

import { cover, emptyState, link, node } from '../draw.js';
import { loaded } from '../library/loading.js';
import { masthead, playActions } from '../library/masthead.js';
import { remembered } from '../library/pages.js';
import { albumShelf } from '../library/shelves.js';
import { TrackTable } from '../library/tracktable.js';

const SHOWN = 24;
const PLAYED = 500;

export async function render(holder, { name, query }, app) {
  const order = query.get('order') ?? 'artist';
  const pages = remembered(`genre ${name} ${order}`, (cursor, limit) =>
    app.service.get('tracks', { genre: name, order, limit, cursor }),
  );
  let table = null;
  const ask = () => app.service.get('albums', { genre: name, order: 'newest', limit: SHOWN });
  await loaded(app, holder, 'page', ask, ({ items }) => {
    holder.append(head(app, name));
    if (items.length) {
      const all = link(`#/albums?${new URLSearchParams({ genre: name })}`, 'segue-all', app.t('genre.all_albums'));
      holder.append(albumShelf(app, app.t('genre.albums'), items, { all }));
    }
    const section = node('section', 'segue-section');
    section.append(node('h2', 'segue-section-title', app.t('genre.tracks')));
    holder.append(section);
    table = new TrackTable(app, section, pages, {
      label: app.t('genre.tracks'),
      from: name,
      order,
      onOrder: (chosen) => app.go(`#/genres/${encodeURIComponent(name)}?order=${chosen}`, { replace: true }),
      counted: (all) => all.ended && !all.items.length && emptyState(app, holder, 'genre.none', null, { genre: name }),
    });
  });
  return () => table?.close();
}

function head(app, name) {
  const tracks = async () => (await app.service.get('tracks', { genre: name, limit: PLAYED })).items;
  return masthead(app, {
    picture: cover(app, { name }),
    kind: app.t('genre.kind'),
    title: name,
    actions: playActions(app, name, tracks),
  });
}
