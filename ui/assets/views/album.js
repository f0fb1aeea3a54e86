// One album: its cover, what is known of it, its tracks disc by disc.
// In: the album's id. Out: a page that plays it, shuffles it, and starts a radio from it.

import { byline, cover, node } from '../draw.js';
import { loaded } from '../library/loading.js';
import { masthead, moreButton, playActions } from '../library/masthead.js';
import { goToArtist, manyMenu } from '../library/trackmenu.js';
import { fixed } from '../library/pages.js';
import { TrackTable } from '../library/tracktable.js';
import { length } from '../words.js';

export async function render(holder, { id }, app) {
  const tables = [];
  await loaded(app, holder, 'page', () => app.service.get(`albums/${encodeURIComponent(id)}`), (album) => {
    holder.append(head(app, album), ...discs(album).map((disc) => tracks(app, album, disc, tables)));
    for (const table of tables) table.list.update();
  });
  return () => tables.forEach((table) => table.close());
}

function head(app, album) {
  const tracks = async () => album.items;
  const more = moreButton(app, album.title, () => manyMenu(app, album.title, tracks));
  return masthead(app, {
    picture: cover(app, album),
    kind: app.t('album.kind'),
    title: album.title || app.t('album.untitled'),
    facts: [
      artist(app, album),
      album.year ? String(album.year) : '',
      genre(album),
      app.t('count.tracks', { n: album.n_tracks }),
      length(app.t, album.duration_ms),
    ],
    actions: [...playActions(app, album.title, tracks), more],
  });
}

function artist(app, album) {
  if (!album.artist) return app.t('states.unknown_artist');
  const way = node('a', 'segue-way segue-strong-way', album.artist);
  way.href = `#/search/${encodeURIComponent(album.artist)}`;
  way.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goToArtist(app, album.artist);
  });
  return way;
}

function genre(album) {
  if (!album.genre) return '';
  const way = node('a', 'segue-way', album.genre);
  way.href = `#/genres/${encodeURIComponent(album.genre)}`;
  return way;
}

function discs(album) {
  const numbers = [...new Set(album.items.map((track) => track.disc_number ?? 1))];
  return numbers.map((number) => ({
    name: numbers.length > 1 ? number : null,
    tracks: album.items.filter((track) => (track.disc_number ?? 1) === number),
  }));
}

function tracks(app, album, disc, tables) {
  const section = node('section', 'segue-section');
  const label = disc.name ? app.t('album.disc', { n: disc.name }) : album.title;
  if (disc.name) section.append(node('h2', 'segue-section-title', label));
  const several = album.items.some((track) => byline(track) !== album.artist);
  const table = new TrackTable(app, section, fixed(disc.tracks), {
    label,
    from: album.title,
    columns: several ? ['place', 'title', 'artist', 'length'] : ['place', 'title', 'length'],
    covers: false,
    by: several,
    number: (track, place) => track.track_number ?? place + 1,
    among: album.items,
  });
  tables.push(table);
  return section;
}
