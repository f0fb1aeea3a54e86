// What can be done with tracks, wherever they are shown, and the ways to their album and artist.
// In: the app, and the track it is about. Out: menu items and links. Texts from tags go out as text only.

import { addToPlaylist } from './addto.js';
import { byline, node } from '../draw.js';

// `extra` stands first: what only makes sense where the track is shown, such as taking it out of a playlist.
export function trackMenu(app, track, extra = []) {
  const liked = app.opinions.of(track.id) === 'liked';
  const item = (key, icon, run) => ({ label: app.t(`menu.${key}`), icon, run });
  return [
    ...extra,
    item('place_next', 'place-next', () => app.queue.placeNext([track])),
    item('place_last', 'queue', () => app.queue.placeLast([track])),
    item('radio', 'radio', () => app.queue.radio(track.title, [track])),
    item('more_like', 'more-like', () => app.queue.more(track)),
    item('add_to', 'playlist', () => addToPlaylist(app, [track])),
    item('journey', 'journey', () => app.go(`#/journey?from=${encodeURIComponent(track.id)}`)),
    ...(track.album ? [item('go_album', 'album', () => goToAlbum(app, track))] : []),
    ...(track.artist || track.album_artist ? [item('go_artist', 'artist', () => goToArtist(app, byline(track)))] : []),
    item(liked ? 'unlike' : 'like', 'like', () => app.queue.opine(track, 'liked')),
    item('never', 'never', () => app.queue.never(track)),
  ];
}

// The same for all tracks of an album, an artist, a mix or a playlist, which `tracks()` gets when it is asked for.
export function manyMenu(app, name, tracks, extra = []) {
  const item = (key, icon, act) => ({
    label: app.t(`menu.${key}`),
    icon,
    run: () => tracks().then(act).catch((error) => app.toast(error.message)),
  });
  return [
    item('place_next', 'place-next', (all) => app.queue.placeNext(all)),
    item('place_last', 'queue', (all) => app.queue.placeLast(all)),
    item('radio', 'radio', (all) => app.queue.radio(name, all, { href: location.hash })),
    item('add_to', 'playlist', (all) => addToPlaylist(app, all)),
    ...extra,
  ];
}

// --- the ways from a track ------------------------------------------------------------------------------------------

export function artistLink(app, track) {
  const name = byline(track);
  return way(app, name, track.artist || track.album_artist ? () => goToArtist(app, name) : null);
}

// Its title, which leads to its album.
export function titleLink(app, track) {
  return way(app, track.title, track.album ? () => goToAlbum(app, track) : null);
}

export function albumLink(app, track) {
  return way(app, track.album, track.album ? () => goToAlbum(app, track) : null);
}

function way(app, text, go) {
  if (!go) return node('span', '', text);
  const link = node('a', 'segue-way', text);
  link.href = `#/search/${encodeURIComponent(text)}`;
  link.tabIndex = -1; // tables are walked with the arrow keys
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go();
  });
  return link;
}

// A track tells its album's name; which album that is, the service knows.
async function goToAlbum(app, track) {
  const artist = track.album_artist || track.artist;
  await goTo(app, 'albums', { q: track.album, artist, limit: 200 }, (album) => album.title === track.album, track.album);
}

export async function goToArtist(app, name) {
  await goTo(app, 'artists', { q: name, limit: 200 }, (artist) => artist.name === name, name);
}

async function goTo(app, kind, query, same, text) {
  try {
    const { items } = await app.service.get(kind, query);
    const found = items.find(same) ?? items[0];
    app.go(found ? `#/${kind}/${encodeURIComponent(found.id)}` : `#/search/${encodeURIComponent(text)}`);
  } catch (error) {
    app.toast(error.message);
  }
}
