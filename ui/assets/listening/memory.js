// What a page remembers of itself: what plays, where, and what is next; and what rests until tomorrow.
// In: the player and the queue. Out: localStorage for a later page, sessionStorage for this tab when it is loaded again.

const SAVE_MS = 5000;
const SHAPE = 1; // of what is kept; another version's is not read
const SESSION_MS = 6 * 60 * 60 * 1000; // after so long a pause nothing counts as heard in this session

export class Memory {
  constructor(app) {
    this.app = app;
    this.key = `segue.state.${app.session.user}`;
    for (const name of ['queue', 'current', 'playing', 'sought']) app.on(name, () => this.#soon());
    app.on('time', () => this.app.player.playing && Date.now() - (this.savedAt ?? 0) > SAVE_MS && this.save());
    addEventListener('pagehide', () => this.save());
    document.addEventListener('visibilitychange', () => document.hidden && this.save());
  }

  save() {
    clearTimeout(this.timer);
    const { player, queue } = this.app;
    this.savedAt = Date.now();
    const place = { position: player.position, begun: player.begun };
    const state = JSON.stringify({ shape: SHAPE, at: this.savedAt, place, queue: queue.kept() });
    keep(sessionStorage, this.key, state);
    keep(localStorage, this.key, state);
  }

  // As it was, but silent until the listener says so.
  restore() {
    const state = this.#read();
    if (state?.shape !== SHAPE) return;
    const late = Date.now() - state.at > SESSION_MS;
    const forgotten = late ? { played: [], dropped: [], steering: { more: [], less: [] }, past: [] } : {};
    const { current } = state.queue;
    if (current) this.app.player.load(current.track, { at: state.place.position, begun: state.place.begun, play: false, kind: null });
    this.app.queue.restore({ ...state.queue, ...forgotten });
  }

  #soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), 200);
  }

  #read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.key) ?? localStorage.getItem(this.key));
    } catch {
      return null;
    }
  }
}

function keep(storage, key, text) {
  try {
    storage.setItem(key, text);
  } catch {
    storage.removeItem(key); // full: playing matters more than remembering
  }
}

// Tracks that are not to be played today.
export class Resting {
  constructor(user) {
    this.key = `segue.resting.${user}`;
  }

  add(id) {
    localStorage.setItem(this.key, JSON.stringify({ day: today(), ids: [...new Set([...this.ids(), id])] }));
  }

  clear() {
    localStorage.removeItem(this.key);
  }

  ids() {
    const { day, ids } = JSON.parse(localStorage.getItem(this.key) ?? '{}');
    return day === today() ? ids : [];
  }
}

function today() {
  return new Date().toLocaleDateString('sv');
}
