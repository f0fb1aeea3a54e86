// One of the day's mixes.
// In: its id, which stays the same. Out: a page that plays it, and keeps it as a playlist.

import { emptyState, iconButton } from '../draw.js';
import { loaded } from '../library/loading.js';
import { masthead, mosaic, moreButton, playActions } from '../library/masthead.js';
import { mixName, mixText } from '../library/mixes.js';
import { fixed } from '../library/pages.js';
import { saveAsPlaylist } from '../library/addto.js';
import { manyMenu } from '../library/trackmenu.js';
import { TrackTable } from '../library/tracktable.js';

export async function render(holder, { id }, app) {
  let table = null;
  await loaded(app, holder, 'page', () => app.service.get('me/mixes'), ({ items }) => {
    const mix = items.find((each) => each.id === id);
    if (!mix) return void emptyState(app, holder, 'mixes.none', { label: app.t('mixes.home'), run: () => app.go('#/') });
    const name = mixName(app, mix);
    const tracks = async () => mix.items;
    const keep = iconButton('playlist', app.t('does.keep'), () => saveAsPlaylist(app, name, mix.items));
    const more = moreButton(app, name, () => manyMenu(app, name, tracks));
    holder.append(
      masthead(app, {
        picture: mosaic(app, mix.items, name),
        kind: app.t(id.startsWith('daily') ? 'mixes.kind_daily' : 'mixes.kind'),
        title: name,
        text: mixText(app, mix),
        facts: [app.t('count.tracks', { n: mix.items.length })],
        actions: [...playActions(app, name, tracks), keep, more],
      }),
    );
    table = new TrackTable(app, holder, fixed(mix.items), {
      label: name,
      from: name,
      columns: ['place', 'title', 'artist', 'album', 'length'],
    });
  });
  return () => table?.close();
}
