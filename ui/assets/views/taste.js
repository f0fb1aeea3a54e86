// What Segue knows about you: tastes in words and pictures, each of which can be taken back; what is kept, and its end.
// In: me/taste, me/opinions, the session. Out: the view; me/unlearn, me/opinions, me/export and the erasing of everything.

import { chart } from '../insights/charts.js';
import { button, byline, cover, emptyState, iconButton, link, node, titled } from '../draw.js';
import { yourData } from '../insights/yourdata.js';
import { loaded } from '../library/loading.js';
import { viewHead } from '../library/masthead.js';
import { sentence } from '../insights/sentences.js';
import { hoursTable } from '../insights/tables.js';
import { unlearn } from '../insights/unlearning.js';
import { day, length, zone } from '../insights/zone.js';

const SHOWN = 8;
const MEANT = {
  artists: ({ name }) => ({ artist: name }),
  genres: ({ name }) => ({ genre: name }),
  albums: ({ name, artist }) => ({ album: name, album_artist: artist }),
};

export async function render(holder, params, app) {
  holder.classList.add('segue-insights');
  const view = { leave() {} };
  const ask = () => Promise.all([app.service.get('me/taste', { tz: zone() }), app.service.get('me/opinions')]);
  const again = async () => {
    const answers = await ask().catch(() => null);
    if (answers && holder.isConnected) fill(...answers);
  };
  const fill = (taste, opinions) => {
    const opened = [...holder.querySelectorAll('details[open]')].map((details) => details.id);
    view.leave();
    view.leave = show(holder, app, taste, opinions, again);
    for (const id of opened) holder.querySelector(`#${id}`)?.setAttribute('open', '');
  };
  await loaded(app, holder, 'page', ask, (answers) => fill(...answers));
  return () => view.leave();
}

function show(holder, app, taste, opinions, again) {
  const { head } = viewHead(app, app.t('taste.title'));
  const parts = [head];
  let leave = () => {};
  if (taste.plays) {
    const plot = hours(app, taste);
    leave = plot.leave;
    parts.push(
      intro(app, taste),
      facts(app, taste, again),
      ...Object.keys(MEANT).map((kind) => leanings(app, kind, taste[kind], again)),
      tracks(app, taste.tracks, again),
      plot.section,
    );
  } else {
    parts.push(emptyState(app, node('div'), 'taste.none', { label: app.t('taste.none_action'), run: () => app.go('#/') }));
  }
  parts.push(judged(app, opinions, again), yourData(app, again));
  holder.replaceChildren(...parts.filter(Boolean));
  return leave;
}

// A part of the page under a heading of its own.
function section(title, about, ...content) {
  const made = node('section', 'segue-panel');
  made.append(node('h2', '', title));
  if (about) made.append(node('p', 'segue-muted', about));
  made.append(...content);
  return made;
}

function intro(app, taste) {
  const { t } = app;
  const told = node('p', 'segue-lead');
  const values = { n: taste.plays, since: day(taste.since), length: length(taste.ms), skipped: taste.skipped, finished: taste.finished };
  told.textContent = t('taste.intro', values);
  return told;
}

// --- in words -------------------------------------------------------------------------------------------------------

function facts(app, taste, again) {
  const list = node('ul', 'segue-sentences');
  for (const fact of taste.facts) {
    const told = sentence(app.t, fact);
    if (!told) continue;
    const item = node('li', 'segue-sentence');
    const words = node('div');
    words.append(node('p', '', told));
    item.append(words);
    (sourceOf(fact, taste) ? item : words).append(origin(app, fact, taste, again));
    list.append(item);
  }
  return list.children.length ? section(app.t('taste.words'), app.t('taste.words_about'), list) : null;
}

// A fact about an artist, a genre or a track can be taken back; one about all plays leads to them.
function origin(app, fact, taste, again) {
  const what = sourceOf(fact, taste);
  return what ? remover(app, what, fact.name, again) : link('#/history', 'segue-quiet-link', app.t('taste.from_all'));
}

function sourceOf({ kind, name }, { tracks }) {
  if (kind === 'most_artist' || kind === 'skips_artist') return { artist: name };
  if (kind === 'most_genre') return { genre: name };
  const returned = kind === 'returns_to' && tracks.find(({ track }) => track.title === name);
  return returned ? { track: returned.track.id } : null;
}

function remover(app, what, name, again) {
  const label = app.t('taste.remove', { name });
  return iconButton('close', label, (event) => unlearn(app, what, name, again, event.currentTarget));
}

// --- in pictures ----------------------------------------------------------------------------------------------------

function leanings(app, kind, items, again) {
  if (!items.length) return null;
  const rows = items.map((item) => leaning(app, item, MEANT[kind](item), item.name, shownName(item), again));
  return section(app.t(`taste.${kind}`), kind === 'artists' ? app.t('taste.bars') : '', ...few(app, kind, rows));
}

// An album's with whose it is.
function shownName({ name, artist }) {
  return artist ? titled(name, artist) : name;
}

function tracks(app, items, again) {
  if (!items.length) return null;
  const rows = items.map((item) => {
    const name = node('span', 'segue-leaning-track');
    name.append(cover(app, item.track, 40), titled(item.track.title, byline(item.track)));
    return leaning(app, item, { track: item.track.id }, item.track.title, name, again);
  });
  return section(app.t('taste.tracks'), '', ...few(app, 'tracks', rows));
}

// One bar to the right of the middle for what is wanted, to the left for what is not; the same in words.
function leaning(app, item, what, name, shown, again) {
  const { t } = app;
  const row = node('li', item.weight < 0 ? 'segue-leaning segue-unwanted' : 'segue-leaning');
  const bar = node('span', 'segue-leaning-bar');
  const fill = node('i');
  bar.setAttribute('aria-hidden', 'true');
  fill.style.setProperty('--share', Math.min(1, Math.abs(item.weight)));
  bar.append(fill);
  const counts = [t('count.plays', { n: item.plays })];
  if (item.skips) counts.push(t('taste.skips', { n: item.skips }));
  if (item.likes) counts.push(t('taste.likes', { n: item.likes }));
  const told = node('span', 'segue-leaning-told');
  told.append(node('span', '', t(lean(item.weight))), node('span', 'segue-muted', counts.join(' · ')));
  const title = node('span', 'segue-leaning-name');
  title.append(shown);
  row.append(title, bar, told, remover(app, what, name, again));
  return row;
}

function lean(weight) {
  if (weight < -0.05) return weight < -0.4 ? 'taste.lean.not' : 'taste.lean.less';
  return weight > 0.4 ? 'taste.lean.much' : weight > 0.05 ? 'taste.lean.some' : 'taste.lean.even';
}

// The first few, and the rest behind a word.
function few(app, kind, rows) {
  const list = node('ul', 'segue-leanings');
  list.append(...rows.slice(0, SHOWN));
  if (rows.length <= SHOWN) return [list];
  const more = node('details', 'segue-more');
  const rest = node('ul', 'segue-leanings');
  more.id = `segue-taste-${kind}`;
  rest.append(...rows.slice(SHOWN));
  more.append(node('summary', '', app.t('taste.more', { n: rows.length - SHOWN })), rest);
  return [list, more];
}

function hours(app, taste) {
  const { t } = app;
  const slot = node('div', 'segue-chart');
  const asked = { tz: zone(), x: t('taste.hour'), y: t('taste.minutes') };
  const drawn = chart(slot, 'hours', asked);
  const table = hoursTable(t, taste.hours);
  return { section: section(t('taste.hours'), t('taste.hours_about'), slot, table), leave: drawn.leave };
}

// --- likes and dislikes ---------------------------------------------------------------------------------------------

function judged(app, opinions, again) {
  const { t } = app;
  const kinds = ['liked', 'disliked'].filter((kind) => opinions[kind].length);
  if (!kinds.length) return null;
  const parts = kinds.flatMap((kind) => [
    node('h3', '', t(`taste.${kind}`, { n: opinions[kind].length })),
    ...few(app, kind, opinions[kind].map((opinion) => judgement(app, opinion, kind, again))),
  ]);
  return section(t('taste.judged'), t('taste.judged_about'), ...parts);
}

function judgement(app, { track, at }, kind, again) {
  const row = node('li', 'segue-judgement');
  const back = async () => {
    if (!(await app.opinions.set(track, null))) return;
    row.remove();
    app.toast(app.t(`taste.back_${kind}`, { title: track.title }));
    await again();
  };
  row.append(cover(app, track, 40), titled(track.title, byline(track)), node('span', 'segue-muted', day(at)), button(app.t('taste.take_back'), back, { kind: 'quiet' }));
  row.lastChild.setAttribute('aria-label', app.t('taste.take_back_long', { title: track.title }));
  return row;
}
