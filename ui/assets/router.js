// Which view is shown: `#/albums/ID` imports views/album.js and has it draw.
// In: the address after `#`. Out: the view's own part of the page; back and forward find place, focus and what was loaded again.

const ROUTES = [
  ['', 'home'],
  ['albums', 'albums'],
  ['albums/:id', 'album'],
  ['artists', 'artists'],
  ['artists/:id', 'artist'],
  ['tracks', 'tracks'],
  ['genres', 'genres'],
  ['genres/:name', 'genre'],
  ['search', 'search'],
  ['search/:words', 'search'],
  ['playlists', 'playlists'],
  ['playlists/:id', 'playlist'],
  ['mixes/:id', 'mix'],
  ['favourites', 'favourites'],
  ['history', 'history'],
  ['journey', 'journey'],
  ['map', 'map'],
  ['taste', 'taste'],
  ['pictures', 'pictures'],
  ['pictures/:year', 'review'],
  ['work', 'work'],
];

export const VIEWS = [...new Set(ROUTES.map(([, view]) => view))];

// { view, section, params: { id…, query } }; null when no view has that address.
export function resolve(hash) {
  const [path, query = ''] = hash.replace(/^#?\/?/, '').split('?');
  const parts = path.split('/').filter(Boolean);
  for (const [pattern, view] of ROUTES) {
    const params = match(pattern.split('/').filter(Boolean), parts);
    if (params) return { view, section: parts[0] ?? '', params: { ...params, query: new URLSearchParams(query) } };
  }
  return null;
}

function match(pattern, parts) {
  if (pattern.length !== parts.length) return null;
  const params = {};
  for (const [place, name] of pattern.entries()) {
    if (name.startsWith(':')) params[name.slice(1)] = decoded(parts[place]);
    else if (name !== parts[place]) return null;
  }
  return params;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const FRAMES = 10; // so long a link is looked for

export class Router {
  #entries = new Map(); // of this tab's history: number → { y, focus, kept }
  #number = 0;
  #turn = 0;
  #cleanup = null;

  // `draw(holder, route)` gives the view's cleanup; `shown(route)` hears of each change.
  constructor(main, { draw, shown }) {
    Object.assign(this, { main, draw, shown });
    history.scrollRestoration = 'manual';
    addEventListener('popstate', () => this.#enter());
    addEventListener('scroll', () => this.#remember(), { passive: true });
    document.addEventListener('click', (event) => this.#follow(event));
  }

  // What a view kept when it was left, for the time one comes back to it.
  get kept() {
    return this.#entry.kept;
  }

  get #entry() {
    if (!this.#entries.has(this.#number)) this.#entries.set(this.#number, { y: 0, focus: null, kept: {} });
    return this.#entries.get(this.#number);
  }

  start() {
    this.#enter();
  }

  go(href, { replace = false } = {}) {
    if (href === location.hash && !replace) return this.#enter({ again: true });
    this.#note();
    const number = replace ? this.#number : nextNumber();
    const address = location.pathname + location.search + href;
    history[replace ? 'replaceState' : 'pushState']({ segue: number }, '', address);
    if (replace) this.#entries.delete(number);
    this.#enter({ forward: !replace });
  }

  // Links of the page's own; a new tab for one is the browser's business.
  #follow(event) {
    const link = event.target.closest?.('a[href^="#/"]');
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.go(link.getAttribute('href'));
  }

  async #enter({ forward = false, again = false } = {}) {
    if (!history.state?.segue) history.replaceState({ segue: nextNumber() }, '');
    this.#number = history.state.segue;
    const route = resolve(location.hash);
    const turn = ++this.#turn;
    this.#cleanup?.();
    this.#cleanup = null;
    const { y, focus } = again ? { y: 0, focus: null } : this.#entry;
    const holder = document.createElement('div');
    holder.className = 'view';
    this.main.replaceChildren(holder);
    this.shown(route, { forward });
    const cleanup = await this.draw(holder, route);
    if (turn !== this.#turn) return void cleanup?.();
    this.#cleanup = cleanup ?? null;
    this.#settle(y, focus, forward);
  }

  // Where one was: the place, and the link that one had followed from here.
  #settle(y, focus, forward) {
    requestAnimationFrame(() => scrollTo(0, y));
    if (document.activeElement?.closest('header, dialog, [popover]')) return;
    if (focus) this.#focus(focus, this.#turn, FRAMES);
    else if (forward) this.main.focus({ preventScroll: true });
  }

  // Long lists draw what is near the place only after one is there.
  #focus(href, turn, frames) {
    const link = this.main.querySelector(`a[href="${CSS.escape(href)}"]`);
    if (link) link.focus({ preventScroll: true });
    else if (frames && turn === this.#turn) requestAnimationFrame(() => this.#focus(href, turn, frames - 1));
  }

  #note() {
    this.#entry.y = scrollY;
    const link = document.activeElement?.closest?.('a[href^="#/"]');
    this.#entry.focus = link && this.main.contains(link) ? link.getAttribute('href') : null;
  }

  #remember() {
    if (history.state?.segue === this.#number) this.#entry.y = scrollY;
  }
}

function nextNumber() {
  const number = Number(sessionStorage.getItem('segue.entries') ?? 0) + 1;
  sessionStorage.setItem('segue.entries', number);
  return number;
}
