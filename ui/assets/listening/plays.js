// What becomes a play event, and whether it may be learned from.
// In: what the player says of a listening, and opinions. Out: events through the outbox, which keeps them until the service has them.

import { Outbox, uuid } from './outbox.js';

const PROGRESS_S = 30;

export class Plays {
  #progressAt = 0;

  // `acknowledged(events)` when the service has some, `refused()` when it asks for a sign-in.
  constructor(app, { acknowledged, refused }) {
    this.app = app;
    this.outbox = new Outbox('api/plays', app.session.user, { acknowledged, refused });
    app.on('began', (place) => this.#begin(place));
    app.on('left', ({ kind, ...place }) => this.tell(kind, place));
    app.on('ended', (place) => this.tell('finished', place));
    app.on('sought', (seconds) => (this.#progressAt = seconds));
    app.on('time', () => this.#progress());
    addEventListener('pagehide', () => this.#close());
  }

  // `position` and `duration` in seconds; without them it was not playing.
  tell(kind, { track, position = 0, duration = 0 }, { quietly = false } = {}) {
    const event = {
      v: 1,
      event_id: uuid(),
      track: track.id,
      kind,
      position_ms: Math.round(position * 1000),
      duration_ms: Math.round(duration * 1000) || track.duration_ms,
      at: new Date().toISOString(),
      client: 'segue-page',
      private: this.app.private,
    };
    this.outbox.add(event, { quietly });
    return event.event_id;
  }

  // An opinion on `track`, with its place when it is the one that plays.
  opine(kind, track) {
    const { player } = this.app;
    const heard = player.current?.id === track.id;
    return this.tell(kind, heard ? { track, position: player.position, duration: player.duration } : { track });
  }

  #begin(place) {
    this.#progressAt = place.position;
    this.tell('started', place);
  }

  #progress() {
    const { player } = this.app;
    if (!player.begun || player.position - this.#progressAt < PROGRESS_S) return;
    this.#progressAt = player.position;
    this.tell('progress', { track: player.current, position: player.position, duration: player.duration });
  }

  // Until a later page has the answer, they stay in the outbox.
  #close() {
    const { player } = this.app;
    const place = { track: player.current, position: player.position, duration: player.duration };
    if (player.begun && player.playing) this.tell('progress', place, { quietly: true });
    this.outbox.beacon();
  }
}
