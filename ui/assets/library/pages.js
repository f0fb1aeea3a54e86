// A long answer of the service, page by page, kept while one looks elsewhere and comes back.
// In: `fetchPage(cursor, limit)` → { items, cursor }. Out: `items` so far, and more of them when asked.

const FIRST = 60; // what fills a screen comes first
const LATER = 300;
const MOST = 1000; // what the service gives at once
const KEPT = 12;

export class Pages {
  constructor(fetchPage) {
    this.fetchPage = fetchPage;
    this.items = [];
    this.cursor = undefined; // undefined: nothing asked yet; null: that was all
    this.coming = null;
    this.turned = false;
  }

  get ended() {
    return this.cursor === null;
  }

  // The next page; whoever asks meanwhile waits for the same one.
  more() {
    if (this.ended) return Promise.resolve();
    this.coming ??= this.#next().finally(() => (this.coming = null));
    return this.coming;
  }

  async #next() {
    const page = await this.fetchPage(this.cursor, this.items.length ? LATER : FIRST);
    this.items = this.items.concat(page.items);
    this.cursor = page.cursor ?? null;
  }

  // The other way round, which can be said of a whole only.
  turn() {
    this.items = this.items.toReversed();
    this.turned = !this.turned;
  }

  // More than can be asked for again at once: what stands at its beginning would be all that is left of it.
  get long() {
    return this.items.length > MOST;
  }

  // The same stretch again, as it is now. Returns whether anything differs.
  async renew() {
    await this.coming;
    const wanted = Math.min(MOST, Math.max(FIRST, this.items.length));
    const { items, cursor } = await this.fetchPage(undefined, wanted);
    this.turned &&= !cursor;
    if (this.turned) items.reverse();
    const same = items.length === this.items.length && items.every((item, place) => alike(item, this.items[place]));
    [this.items, this.cursor] = [items, cursor ?? null];
    return !same;
  }
}

function alike(one, other) {
  return one.id === other.id && one.n_tracks === other.n_tracks && one.title === other.title;
}

const kept = new Map();

// The pages that `key` named before, so that going back shows at once what was there; or new ones.
export function remembered(key, fetchPage) {
  const pages = kept.get(key) ?? new Pages(fetchPage);
  kept.delete(key);
  kept.set(key, pages);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return pages;
}

// Pages that have everything already.
export function fixed(items) {
  const pages = new Pages(async () => ({ items, cursor: null }));
  [pages.items, pages.cursor] = [items, null];
  return pages;
}
