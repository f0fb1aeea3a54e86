// One tab plays at a time, as one person listens.
// In: what this tab's player does, and what other tabs say. Out: the others fall silent.

export function oneAtATime(app) {
  const channel = new BroadcastChannel(`segue.playing.${app.session.user}`);
  let sounded = false; // what was only restored may be another tab's listening, which that one tells of
  app.on('playing', (playing) => {
    if (!playing) return;
    sounded = true;
    channel.postMessage('playing');
  });
  channel.addEventListener('message', () => {
    app.player.pause();
    if (!sounded) app.player.begun = false;
  });
}
