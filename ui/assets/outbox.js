// Play events on their way to the service.
// In: events from the player. Out: POST api/plays; each is kept in localStorage until it is acknowledged, so that
// nothing is lost while the service is away or when the tab closes. The same id sent twice counts once.

const BATCH = 100;
const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 30000;

export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // plain http away from loopback has no randomUUID
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export class Outbox {
  // `acknowledged(events)` is called when the service has taken some, `refused()` when it asks for a sign-in.
  constructor(url, user, { acknowledged, refused }) {
    this.url = `${url}?user=${encodeURIComponent(user)}`; // another tab may sign somebody else in
    this.key = `segue.outbox.${user}`;
    this.acknowledged = acknowledged;
    this.refused = refused;
    this.sending = false;
    this.retryMs = FIRST_RETRY_MS;
    addEventListener('online', () => this.flush());
  }

  add(event, { quietly = false } = {}) {
    this.#write([...this.pending(), event]);
    if (!quietly) setTimeout(() => this.flush()); // what happens at once travels together
  }

  pending() {
    try {
      return JSON.parse(localStorage.getItem(this.key)) || [];
    } catch {
      return [];
    }
  }

  // The tab is closing: nobody will hear the answer, so the events stay until a later page has it.
  beacon() {
    const events = this.pending().slice(-BATCH);
    if (events.length) navigator.sendBeacon(this.url, JSON.stringify(events));
  }

  async flush(size = BATCH) {
    const events = this.pending().slice(0, size);
    if (this.sending || !events.length) return;
    this.sending = true;
    clearTimeout(this.timer);
    const status = await this.#post(events);
    this.sending = false;
    if (status < 300) this.#settled(events);
    else if (status === 401) this.refused();
    else if (status !== 422) this.#later();
    else if (events.length > 1) this.flush(1); // one is at fault: find it
    else this.#dropped(events); // it would be refused for ever
  }

  async #post(events) {
    const options = { method: 'POST', body: JSON.stringify(events), keepalive: true };
    options.headers = { 'Content-Type': 'application/json' };
    try {
      return (await fetch(this.url, options)).status;
    } catch {
      return 503;
    }
  }

  #settled(events) {
    this.retryMs = FIRST_RETRY_MS;
    this.#remove(events);
    this.acknowledged(events);
    this.flush();
  }

  #dropped(events) {
    console.warn('The service refused a play event', events[0]);
    this.#remove(events);
    this.flush();
  }

  #later() {
    this.timer = setTimeout(() => this.flush(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }

  #remove(events) {
    const done = new Set(events.map((event) => event.event_id));
    this.#write(this.pending().filter((event) => !done.has(event.event_id)));
  }

  #write(events) {
    localStorage.setItem(this.key, JSON.stringify(events));
  }
}
