// Where one begins: what one was listening to, the day's mixes, what was played lately, what is new.
// In: the listener's listens, mixes, and the newest albums. Out: a page on which one click is music.

import { button, byline, clock, cover, emptyState, failure, link, node, skeleton } from '../draw.js';
import { followLibrary } from '../library/loading.js';
import { mixCard } from '../library/mixes.js';
import { fixed, Pages } from '../library/pages.js';
import { SignIn } from '../service.js';
import { albumShelf, shelf } from '../library/shelves.js';
import { artistLink } from '../library/trackmenu.js';
import { TrackTable } from '../library/tracktable.js';

const LISTENS = 60;
const RECENT = 6;
const NEW = 12;
const NEARLY = 0.95; // played so far, a track is not worth going on with

export async function render(holder, params, app) {
  const ends = [];
  const heading = node('h1', 'segue-unseen', app.t('start.title'));
  const parts = ['continue', 'mixes', 'recent', 'new'].map((name) => node('div', `segue-home-${name}`));
  const [again, mixes, recent, newest] = parts;
  holder.append(heading, ...parts);
  skeleton(mixes, 'cards', 4);
  await Promise.all([
    part(app, mixes, () => app.service.get('me/mixes'), ({ items }) => showMixes(app, mixes, items)),
    part(app, recent, () => app.service.get('me/listens', { limit: LISTENS }), ({ items }) => {
      showContinue(app, again, items, ends);
      showRecent(app, recent, items, ends);
    }),
    showNew(app, holder, newest, ends),
  ]);
  return () => ends.forEach((end) => end());
}

// Each part stands for itself: one that fails does not take the others with it.
async function part(app, place, ask, show) {
  try {
    const answer = await ask();
    place.removeAttribute('aria-busy');
    place.replaceChildren();
    show(answer);
  } catch (error) {
    if (!(error instanceof SignIn)) failure(app, place, error, () => part(app, place, ask, show));
  }
}

function showMixes(app, place, items) {
  if (items.length) place.append(shelf(app.t('start.mixes'), items.map((mix) => mixCard(app, mix))));
}

// What stands still in the player, or else the newest listening: where it was left, or as something to start from.
function showContinue(app, place, items, ends) {
  const { player } = app;
  const still = { track: player.current, position_ms: player.position * 1000, duration_ms: player.duration * 1000 };
  const heard = player.current ? still : items.find((listen) => listen.track);
  if (!heard || player.playing) return;
  const { track, position_ms: at, duration_ms: of } = heard;
  const left = at >= 1000 && at / Math.max(1, of) < NEARLY; // a second at least: nobody stopped at the beginning
  const section = node('section', 'segue-continue');
  const words = node('div', 'segue-continue-words');
  const by = node('p', 'segue-artist');
  by.append(artistLink(app, track));
  words.append(node('p', 'segue-kind', app.t(left ? 'start.continue' : 'start.radio')), node('h2', 'segue-continue-title', track.title), by);
  const text = left ? app.t('start.continue_at', { at: clock(at) }) : app.t('start.radio_from');
  words.append(button(text, () => goOn(app, track, left ? at : null), { kind: 'strong', icon: left ? 'play' : 'radio' }));
  section.append(cover(app, track), words);
  place.append(section);
  ends.push(app.on('playing', (playing) => playing && section.remove()));
}

function goOn(app, track, at) {
  if (at === null) return app.queue.radio(track.title, [track]);
  if (app.player.current?.id === track.id) return app.player.play();
  app.play([track], { from: byline(track), href: '#/history' });
  app.player.seek(at / 1000);
}

function showRecent(app, place, items, ends) {
  const tracks = [...new Map(items.filter((one) => one.track).map(({ track }) => [track.id, track])).values()];
  if (!tracks.length) return;
  const section = node('section', 'segue-section');
  const head = node('div', 'segue-section-head');
  head.append(node('h2', 'segue-section-title', app.t('start.recent')), link('#/history', 'segue-all', app.t('start.all_history')));
  section.append(head);
  place.append(section);
  const options = { label: app.t('start.recent'), from: app.t('start.recent'), columns: ['title', 'artist', 'album', 'length'], heads: false };
  const table = new TrackTable(app, section, fixed(tracks.slice(0, RECENT)), options);
  ends.push(() => table.close());
}

// The newest albums; more come while one looks, and the first of an empty library makes the page anew.
async function showNew(app, holder, place, ends) {
  const ask = () => app.service.get('albums', { order: 'newest', limit: NEW }).then(({ items }) => ({ items, cursor: null }));
  const pages = new Pages(ask);
  const show = () => {
    const all = link('#/albums?order=newest', 'segue-all', app.t('start.all_new'));
    if (pages.items.length) place.replaceChildren(albumShelf(app, app.t('start.new'), pages.items, { all }));
    else emptyState(app, holder, 'states.empty_library');
  };
  await part(app, place, () => pages.more(), show);
  const changed = () => (place.isConnected ? show() : app.go(location.hash || '#/', { replace: true }));
  ends.push(followLibrary(app, pages, changed));
}
