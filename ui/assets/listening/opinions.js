// What the listener likes and dislikes.
// In: opinions kept by the service, and clicks. Out: play events, taken back where one changes one's mind; signal `opinions`.

export class Opinions {
  #known = new Map(); // track id → 'liked' or 'disliked'
  #said = 0; // how often one was said, here or in another tab

  constructor(app) {
    this.app = app;
    this.key = `segue.opinions.${app.session.user}`;
    this.#read();
    addEventListener('storage', (event) => event.key === this.key && this.#heard());
  }

  #read() {
    this.#known = new Map(Object.entries(JSON.parse(localStorage.getItem(this.key) ?? '{}')));
  }

  // Another tab has said something.
  #heard() {
    this.#said += 1;
    this.#read();
    this.app.say('opinions', null);
  }

  of(id) {
    return this.#known.get(id) ?? null;
  }

  // What other devices have said of tracks meanwhile.
  async learn() {
    const said = this.#said;
    const { liked, disliked } = await this.app.service.get('me/opinions');
    if (said !== this.#said) return this.learn(); // the answer may be from before
    this.#known.clear();
    for (const { track } of liked) this.#known.set(track.id ?? track, 'liked');
    for (const { track } of disliked) this.#known.set(track.id ?? track, 'disliked');
    for (const { track, kind } of this.app.plays.outbox.pending())
      if (kind === 'liked' || kind === 'disliked') this.#known.set(track, kind);
    this.#changed(null);
  }

  // `kind` null takes an opinion back. Answers whether that holds, which for one that was sent the service decides.
  async set(track, kind) {
    const before = this.of(track.id);
    if (kind && before === kind) return true; // what is taken back may have been said elsewhere
    this.#said += 1;
    if (kind) this.#known.set(track.id, kind);
    else this.#known.delete(track.id);
    this.#changed(track.id);
    if (!kind) return this.#withdraw(track, before);
    this.app.plays.opine(kind, track);
    return true;
  }

  // An event that has not been sent is simply not sent; one that was, the service removes.
  async #withdraw(track, before) {
    const { outbox } = this.app.plays;
    if (outbox.withdraw((event) => event.track === track.id && event.kind === before)) return true;
    try {
      await outbox.quiet();
      await this.app.service.remove(`me/opinions/${encodeURIComponent(track.id)}`);
      this.app.queue.refresh();
      return true;
    } catch (error) {
      if (before) this.#known.set(track.id, before);
      this.#changed(track.id);
      this.app.toast(this.app.t('states.failed.text', { told: error.message }));
      return false;
    }
  }

  #changed(id) {
    localStorage.setItem(this.key, JSON.stringify(Object.fromEntries(this.#known)));
    this.app.say('opinions', id);
  }
}
