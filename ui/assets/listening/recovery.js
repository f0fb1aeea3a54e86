// When something does not answer, or cannot be played.
// In: what the service answered, and what the player could not do. Out: a banner, tries, and the music goes on as soon as it can.

import { button, node } from '../draw.js';
import { Away } from '../service.js';

const RETRY_MS = 4000;
const BROKEN_MS = 1500;
const MOST_BROKEN = 3; // in a row

export class Recovery {
  #lost = false;
  #broken = 0;
  #held = false; // the player waits for the service
  lookedAt = 0;

  constructor(app, open) {
    Object.assign(this, { app, open });
    app.on('answered', ({ error, path }) => this.#heard(error, path));
    app.on('broken', (place) => this.#isBroken(place));
    app.on('began', () => (this.#broken = 0));
    for (const name of ['offline', 'online']) addEventListener(name, () => this.#look());
    // In another tab somebody else may have signed in meanwhile.
    document.addEventListener('visibilitychange', () => document.hidden || this.#look());
  }

  // Whether the service is there, one address tells: a part of it may be away without the whole.
  #heard(error, path) {
    const away = error instanceof Away;
    if (path === 'session' && away) this.lost();
    else if (path === 'session') this.#found();
    else if (away) this.#look();
  }

  // Not more often than once a second, however much has just failed.
  #look() {
    if (Date.now() - this.lookedAt < RETRY_MS / 4) return;
    this.lookedAt = Date.now();
    this.open();
  }

  lost(told = '') {
    if (!this.#lost) this.#show(told || this.app.t('banner.away'));
    this.#lost = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(this.open, RETRY_MS);
  }

  #show(text) {
    const { banner } = this.app.shell;
    banner.replaceChildren(node('p', '', text), button(this.app.t('banner.again'), this.open));
    banner.hidden = false;
  }

  #found() {
    if (!this.#lost) return;
    this.#lost = false;
    clearTimeout(this.timer);
    this.app.shell.banner.hidden = true;
    if (!this.app.session) return;
    if (this.#held) this.app.player.again();
    this.#held = false;
    this.app.queue.refresh();
    this.app.say('back');
  }

  // Nobody answers, or only this track is at fault?
  async #isBroken({ track }) {
    const { app } = this;
    try {
      await app.service.get('session');
    } catch {
      this.#held = true;
      return app.say('waiting', true);
    }
    this.#broken += 1;
    app.toast(app.t(this.#broken < MOST_BROKEN ? 'bar.broken' : 'bar.broken_many', { title: track.title }));
    if (this.#broken >= MOST_BROKEN) return (this.#broken = 0);
    setTimeout(() => app.player.current === track && !app.player.playing && app.queue.next({ kind: null }), BROKEN_MS);
  }
}
