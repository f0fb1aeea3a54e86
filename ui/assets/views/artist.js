// One artist: all albums, all tracks.
// In: the artist's id. Out: a page that plays them, and starts a radio from them.

import { cover, node } from '../draw.js';
import { loaded } from '../library/loading.js';
import { masthead, moreButton, playActions } from '../library/masthead.js';
import { fixed } from '../library/pages.js';
import { albumShelf } from '../library/shelves.js';
import { manyMenu } from '../library/trackmenu.js';
import { TrackTable } from '../library/tracktable.js';

export async function render(holder, { id }, app) {
  let table = null;
  await loaded(app, holder, 'page', () => app.service.get(`artists/${encodeURIComponent(id)}`), (artist) => {
    const tracks = async () => artist.items;
    const more = moreButton(app, artist.name, () => manyMenu(app, artist.name, tracks));
    const name = artist.name || app.t('states.unknown_artist');
    holder.append(
      masthead(app, {
        picture: cover(app, artist),
        kind: app.t('artist.kind'),
        title: name,
        facts: [app.t('count.albums', { n: artist.n_albums }), app.t('count.tracks', { n: artist.n_tracks })],
        actions: [...playActions(app, name, tracks), more],
        round: true,
      }),
    );
    if (artist.albums.length) holder.append(albumShelf(app, app.t('artist.albums'), artist.albums, { wrap: true, second: (album) => String(album.year ?? '') }));
    const section = node('section', 'segue-section');
    section.append(node('h2', 'segue-section-title', app.t('artist.tracks')));
    holder.append(section);
    const columns = ['place', 'title', 'album', 'year', 'length'];
    table = new TrackTable(app, section, fixed(artist.items), { label: app.t('artist.tracks'), from: name, columns, by: false });
  });
  return () => table?.close();
}
