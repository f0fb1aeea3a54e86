// What the listener likes, and what is never to be played again.
// In: opinions as the service keeps them. Out: the liked as a table that plays; the banned, each to be allowed again.

import { button, byline, cover, emptyState, node, titled } from '../draw.js';
import { loaded } from '../library/loading.js';
import { playActions, viewHead } from '../library/masthead.js';
import { fixed } from '../library/pages.js';
import { saveAsPlaylist } from '../library/addto.js';
import { TrackTable } from '../library/tracktable.js';

export async function render(holder, params, app) {
  const view = { table: null, off: () => {} };
  const { head, count } = viewHead(app, app.t('favourites.title'));
  const place = node('div');
  holder.append(head, place);
  await loaded(app, place, 'rows', () => app.service.get('me/opinions'), ({ liked, disliked }) => {
    const tracks = liked.map(({ track }) => track).filter(Boolean);
    const banned = disliked.map(({ track }) => track).filter(Boolean);
    count.textContent = tracks.length ? app.t('count.tracks', { n: tracks.length }) : '';
    showLiked(app, place, tracks, view);
    if (banned.length) place.append(showBanned(app, banned));
  });
  return () => {
    view.off();
    view.table?.close();
  };
}

function showLiked(app, place, tracks, view) {
  const part = node('div');
  place.append(part);
  if (!tracks.length) return void emptyState(app, part, 'favourites.none');
  const name = app.t('favourites.title');
  const keep = button(app.t('does.keep'), () => saveAsPlaylist(app, name, pages.items), { icon: 'playlist' });
  const actions = node('div', 'segue-actions');
  actions.append(...playActions(app, name, async () => pages.items), keep);
  part.append(actions);
  const pages = fixed(tracks);
  const columns = ['place', 'title', 'artist', 'album', 'length'];
  view.table = new TrackTable(app, part, pages, { label: name, from: name, columns });
  // One that is liked no more goes, unless one looks at it: then its heart is only empty.
  view.off = app.on('opinions', () => {
    const left = pages.items.filter((track) => app.opinions.of(track.id) === 'liked');
    if (left.length === pages.items.length || view.table.body.contains(document.activeElement)) return;
    pages.items = left;
    view.table.reset();
  });
}

function showBanned(app, tracks) {
  const section = node('section', 'segue-section');
  section.append(node('h2', 'segue-section-title', app.t('favourites.banned')), node('p', 'segue-explained', app.t('favourites.banned_text')));
  const list = node('ul', 'segue-lines');
  list.append(...tracks.map((track) => banned(app, track)));
  section.append(list);
  return section;
}

function banned(app, track) {
  const item = node('li', 'segue-line');
  const allow = button(app.t('favourites.allow'), () => allowAgain(app, track, item));
  allow.setAttribute('aria-label', app.t('favourites.allow_title', { title: track.title }));
  item.append(cover(app, track, 44), titled(track.title, byline(track) || app.t('states.unknown_artist')), allow);
  return item;
}

async function allowAgain(app, track, item) {
  if (!(await app.opinions.set(track, null))) return;
  const next = item.nextElementSibling ?? item.previousElementSibling;
  item.remove();
  next?.querySelector('button')?.focus();
  const again = () => app.opinions.set(track, 'disliked');
  app.toast(app.t('favourites.allowed', { title: track.title }), { label: app.t('does.undo'), action: again });
}
