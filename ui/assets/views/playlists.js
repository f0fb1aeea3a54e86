// The listener's playlists.
// In: what the service has. Out: cards that lead to each, and a way to make one.

import { button, emptyState, iconButton, link, node } from '../draw.js';
import { saveAsPlaylist } from '../library/addto.js';
import { address } from '../library/keeping.js';
import { loaded } from '../library/loading.js';
import { mosaic, viewHead } from '../library/masthead.js';

export async function render(holder, params, app) {
  const make = async () => {
    const playlist = await saveAsPlaylist(app, '', []);
    if (playlist) app.go(`#/playlists/${encodeURIComponent(playlist.id)}`);
  };
  const { head } = viewHead(app, app.t('playlists.title'), [button(app.t('playlists.new'), make, { icon: 'add' })]);
  const place = node('div');
  holder.append(head, place);
  await loaded(app, place, 'cards', () => app.service.get('me/playlists'), ({ items }) => {
    if (!items.length) return void emptyState(app, place, 'playlists.none', { label: app.t('playlists.new'), run: make, icon: 'add' });
    const list = node('ul', 'segue-shelf segue-shelf-wrap');
    for (const playlist of items) {
      const item = node('li');
      item.append(card(app, playlist));
      list.append(item);
    }
    place.append(list);
  });
}

function card(app, playlist) {
  const made = node('article', 'segue-card');
  const picture = node('div', 'segue-card-picture');
  const covers = playlist.cover_tracks.map((id) => ({ cover_track: id, title: playlist.name }));
  picture.append(mosaic(app, covers, playlist.name));
  if (playlist.n_tracks) {
    const play = iconButton('play', app.t('does.play_all', { name: playlist.name }), () => playIt(app, playlist));
    play.classList.add('segue-card-play');
    picture.append(play);
  }
  const way = link(`#/playlists/${encodeURIComponent(playlist.id)}`, 'segue-card-title', playlist.name);
  made.append(picture, way, node('span', 'segue-card-second', app.t('count.tracks', { n: playlist.n_tracks })));
  return made;
}

async function playIt(app, { id, name }) {
  try {
    app.play((await app.service.get(address(id))).items, { from: name });
  } catch (error) {
    app.toast(error.message);
  }
}
