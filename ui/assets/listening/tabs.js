// One tab plays at a time, as one person listens.
// In: what this tab's player does, and what other tabs say. Out: the others fall silent.

export function oneAtATime(app) {
  const channel = new BroadcastChannel(`segue.playing.${app.session.user}`);
  app.on('playing', (playing) => playing && channel.postMessage('playing'));
  channel.addEventListener('message', () => app.player.pause());
}
