// Tracks by their ids, each asked for once.
// In: ids, in any order and from several places at a time. Out: tracks in that order, without those that are gone.

const AT_ONCE = 200;
const SOON_MS = 15;

export class Tracks {
  #known = new Map();
  #wanted = null; // { ids, told }: what the next question will ask

  constructor(service) {
    this.service = service;
  }

  async of(ids) {
    const missing = ids.filter((id) => !this.#known.has(id));
    if (missing.length) await this.#ask(missing);
    return ids.map((id) => this.#known.get(id)).filter(Boolean);
  }

  // What is wanted at almost the same time travels in one question.
  #ask(ids) {
    this.#wanted ??= { ids: new Set(), told: new Promise((done) => setTimeout(done, SOON_MS)).then(() => this.#fetch()) };
    for (const id of ids) this.#wanted.ids.add(id);
    return this.#wanted.told;
  }

  async #fetch() {
    const ids = [...this.#wanted.ids];
    this.#wanted = null;
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const part = ids.slice(at, at + AT_ONCE);
      const { items } = await this.service.get('tracks', { ids: part.join(','), limit: AT_ONCE });
      for (const id of part) this.#known.set(id, null);
      for (const track of items) this.#known.set(track.id, track);
    }
  }
}
