// The keys of the keyboard, headphones and the lock screen.
// In: what plays and where. Out: the browser's Media Session, where it has one.

import { byline } from '../draw.js';

export function announce(app) {
  const session = navigator.mediaSession;
  if (!session) return;
  const { player, queue } = app;
  const acts = {
    play: () => player.play(),
    pause: () => player.pause(),
    nexttrack: () => queue.next(),
    previoustrack: () => queue.previous(),
    seekto: ({ seekTime }) => player.seek(seekTime),
    seekbackward: ({ seekOffset = 10 }) => player.seek(player.position - seekOffset),
    seekforward: ({ seekOffset = 10 }) => player.seek(player.position + seekOffset),
    stop: () => player.pause(),
  };
  for (const [name, act] of Object.entries(acts)) session.setActionHandler(name, act);
  app.on('current', (track) => (session.metadata = track && described(app, track)));
  app.on('playing', (playing) => {
    session.playbackState = playing ? 'playing' : 'paused';
    place(session, player);
  });
  app.on('sought', () => place(session, player));
  app.on('began', () => place(session, player));
}

function described(app, track) {
  const artwork = track.cover ? [{ src: app.service.cover(track.id) }] : [];
  return new MediaMetadata({ title: track.title, artist: byline(track), album: track.album, artwork });
}

function place(session, { duration, position }) {
  if (duration && position <= duration) session.setPositionState({ duration, position, playbackRate: 1 });
}
