// What the library has for some words: best tracks, albums and artists, while one types.
// In: the words of the address. Out: results that are walked with the arrow keys; the newest question's only.

import { emptyState, failure, node, skeleton } from '../draw.js';
import { fixed } from '../library/pages.js';
import { albumShelf, artistShelf } from '../library/shelves.js';
import { TrackTable } from '../library/tracktable.js';

const FOUND = 20;

let last = null; // holds what was found before, which stays until the next answer is there: nothing flickers while one types

export async function render(holder, { words = '' }, app) {
  const asking = new AbortController();
  const results = node('div', 'segue-results');
  app.title(words ? app.t('find.title', { words }) : app.t('find.none_yet'));
  const head = node('h1', 'segue-view-title', words ? app.t('find.title', { words }) : app.t('find.none_yet'));
  holder.append(head, results);
  const shown = { table: null };
  const stop = intoResults(results, shown);
  if (words.trim()) find(app, results, words.trim(), shown, asking.signal);
  else emptyState(app, results, 'find.begin');
  return () => {
    asking.abort();
    stop();
    shown.table?.close();
  };
}

async function find(app, results, words, shown, signal) {
  const answer = app.service.get('search', { q: words, limit: FOUND }, { signal });
  if (last) results.replaceChildren(...last.childNodes);
  else skeleton(results, 'rows');
  last &&= results;
  results.setAttribute('aria-busy', 'true');
  try {
    const found = await answer;
    if (signal.aborted) return;
    last = found.tracks.length + found.albums.length + found.artists.length ? results : null;
    show(app, results, { words, found }, shown);
  } catch (error) {
    if (error.name === 'AbortError') return;
    last = null;
    failure(app, results, error, () => find(app, results, words, shown, signal));
  }
}

function show(app, results, { words, found }, shown) {
  shown.table?.close();
  shown.table = null;
  results.removeAttribute('aria-busy');
  results.replaceChildren();
  const { tracks, albums, artists } = found;
  if (!tracks.length && !albums.length && !artists.length) return void emptyState(app, results, 'find.nothing', null, { words });
  const told = node('p', 'segue-unseen', app.t('find.found', { tracks: tracks.length, albums: albums.length, artists: artists.length }));
  told.setAttribute('role', 'status');
  results.append(told);
  if (tracks.length) shown.table = table(app, results, words, tracks);
  const shelves = () => {
    if (told.parentNode !== results) return; // the next search is there already
    if (artists.length) told.after(artistShelf(app, app.t('find.artists'), artists.slice(0, 8)));
    if (albums.length) results.append(albumShelf(app, app.t('find.albums'), albums.slice(0, 12)));
  };
  if (tracks.length) requestAnimationFrame(() => setTimeout(shelves)); // they are below the tracks, which are painted first
  else shelves();
}

function table(app, results, words, tracks) {
  const section = node('section', 'segue-section segue-first');
  section.append(node('h2', 'segue-section-title', app.t('find.tracks')));
  results.prepend(section);
  const columns = ['title', 'artist', 'album', 'length'];
  return new TrackTable(app, section, fixed(tracks), { label: app.t('find.tracks'), from: app.t('find.from', { words }), columns, heads: false });
}

// From the search box down into what was found, and back up to it.
function intoResults(results, shown) {
  const pressed = (event) => {
    const box = event.target.closest?.('input[type="search"]');
    if (box && event.key === 'ArrowDown') {
      event.preventDefault();
      event.stopPropagation();
      if (shown.table) shown.table.focus(0);
      else results.querySelector('a, button')?.focus();
    } else if (event.key === 'ArrowUp' && shown.table?.at === 0 && shown.table.body.contains(event.target)) {
      event.preventDefault();
      event.stopPropagation();
      document.querySelector('#segue input[type="search"]')?.focus();
    }
  };
  document.addEventListener('keydown', pressed, { capture: true });
  return () => document.removeEventListener('keydown', pressed, { capture: true });
}
