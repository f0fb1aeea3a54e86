// Play events on their way to the service.
// In: events from the player. Out: POST api/plays; each lies in localStorage under a key of its own until it is acknowledged,
// so that nothing is lost while the service is away, when the tab closes, or between two tabs; one tab at a time sends.

const BATCH = 100;
const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 30000;
const STALE_MS = 3000; // what another tab added is its own to send for so long

export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // plain http away from loopback has no randomUUID
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

// Runs `act` unless another tab is at it; where the browser has no locks, the service counts an event once anyway.
async function alone(name, act) {
  if (!navigator.locks) return act();
  return navigator.locks.request(name, { ifAvailable: true }, (lock) => (lock ? act() : undefined));
}

export class Outbox {
  #own = new Set();
  #sending = false;
  #retryMs = FIRST_RETRY_MS;
  #timer = 0;

  // `acknowledged(events)` is called when the service has taken some, `refused()` when it asks for a sign-in.
  constructor(url, user, { acknowledged, refused }) {
    this.url = `${url}?user=${encodeURIComponent(user)}`; // another tab may sign somebody else in
    this.prefix = `segue.outbox.${user}.`;
    this.acknowledged = acknowledged;
    this.refused = refused;
    addEventListener('online', () => this.flush());
  }

  add(event, { quietly = false } = {}) {
    this.#own.add(event.event_id);
    localStorage.setItem(this.prefix + event.event_id, JSON.stringify(event));
    if (!quietly) setTimeout(() => this.flush()); // what happens at once travels together
  }

  // Takes back what has not been sent yet. Returns whether that was all of it.
  withdraw(unwanted) {
    const found = this.#sending ? [] : this.pending().filter(unwanted);
    this.#remove(found);
    return found.length > 0;
  }

  // When nothing is on its way.
  async quiet() {
    while (this.#sending) await new Promise((done) => setTimeout(done, 50));
  }

  // Oldest first.
  pending() {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    const events = keys.map((key) => parsed(localStorage.getItem(key))).filter(Boolean);
    return events.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  }

  // The tab is closing: nobody will hear the answer, so the events stay until a later page has it.
  beacon() {
    const events = this.#mine().slice(-BATCH);
    if (events.length) navigator.sendBeacon(this.url, JSON.stringify(events));
  }

  async flush(size = BATCH) {
    if (this.#sending || !this.pending().length) return;
    clearTimeout(this.#timer);
    if (!this.#mine().length) return this.#later(); // a tab that is gone may have left them
    this.#sending = true;
    const sent = await alone(this.prefix, () => this.#send(size));
    this.#sending = false;
    if (!sent) return this.#later(); // another tab is sending
    const { events, status } = sent;
    if (status < 300) this.#settled(events);
    else if (status === 401) this.refused();
    else if (status !== 422) this.#later();
    else if (events.length > 1) this.flush(1); // one is at fault: find it
    else this.#dropped(events); // it would be refused for ever
  }

  // Its own events, and those of tabs that are gone.
  #mine() {
    const stale = new Date(Date.now() - STALE_MS).toISOString();
    return this.pending().filter((event) => this.#own.has(event.event_id) || event.at < stale);
  }

  // Removed while no other tab can be sending the same.
  async #send(size) {
    const events = this.#mine().slice(0, size);
    if (!events.length) return { events, status: 200 };
    const status = await this.#post(events);
    if (status < 300) this.#remove(events);
    return { events, status };
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
    this.#retryMs = FIRST_RETRY_MS;
    if (events.length) this.acknowledged(events);
    this.flush();
  }

  #dropped(events) {
    console.warn('The service refused a play event', events[0]);
    this.#remove(events);
    this.flush();
  }

  #later() {
    this.#timer = setTimeout(() => this.flush(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }

  #remove(events) {
    for (const event of events) {
      this.#own.delete(event.event_id);
      localStorage.removeItem(this.prefix + event.event_id);
    }
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
