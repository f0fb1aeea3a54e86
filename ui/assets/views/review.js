// A year in music, as a page to look back at: how long, what most, what was new, the longest day.
// In: me/statistics of that year. Out: the view.

import { clockFace } from '../insights/clock.js';
import { button, byline, cover, emptyState, link, node, titled } from '../draw.js';
import { loaded } from '../library/loading.js';
import { tiles } from '../insights/tiles.js';
import { day, hour, length, months, number, zone } from '../insights/zone.js';

const SHOWN = 5;
const LONG_MS = 2 * 3_600_000; // from here on, minutes are said in hours too

export async function render(holder, params, app) {
  holder.classList.add('segue-insights', 'segue-review');
  app.title(app.t('pictures.review', { year: params.year }));
  const ask = () => app.service.get('me/statistics', { year: params.year, tz: zone() });
  await loaded(app, holder, 'page', ask, (statistics) => {
    if (!statistics.plays) return void emptyState(app, holder, 'review.none', { label: app.t('review.back'), run: () => app.go('#/pictures') });
    holder.replaceChildren(hero(app, statistics), numbers(app, statistics), tops(app, statistics), moments(app, statistics), monthly(app, statistics), end(app, statistics));
  });
}

function hero(app, s) {
  const { t } = app;
  const head = node('header', 'segue-hero');
  const covers = node('div', 'segue-hero-covers');
  covers.setAttribute('aria-hidden', 'true');
  covers.append(...s.top_tracks.slice(0, 6).map(({ track }) => cover(app, track)));
  const words = node('div', 'segue-hero-words');
  const title = node('h1');
  title.append(node('span', 'segue-hero-kind', t('review.title')), node('span', 'segue-hero-year', String(s.year)));
  const minutes = node('p', 'segue-hero-minutes');
  minutes.append(node('strong', '', number(Math.round(s.ms / 60_000))), node('span', '', t('review.minutes')));
  words.append(title, minutes, node('p', '', t(s.ms < LONG_MS ? 'review.in_plays' : 'review.that_is', { length: length(s.ms), n: s.plays })));
  const play = () => app.play(s.top_tracks.map(({ track }) => track), { from: t('review.from', { year: String(s.year) }) });
  words.append(button(t('review.play'), play, { kind: 'strong', icon: 'play' }));
  head.append(covers, words);
  return head;
}

function numbers({ t }, s) {
  return tiles([
    [number(s.n_tracks), t('review.tracks')],
    [number(s.n_artists), t('review.artists')],
    [number(s.n_new), t('review.new')],
    [number(s.days_in_a_row), t('review.in_a_row', { n: s.days_in_a_row })],
    [number(s.finished / Math.max(1, s.plays), { style: 'percent' }), t('review.finished')],
  ]);
}

// --- what most ------------------------------------------------------------------------------------------------------

function tops(app, s) {
  const parts = node('div', 'segue-tops');
  const plays = ({ plays }) => app.t('count.plays', { n: plays });
  const long = ({ ms }) => length(ms);
  parts.append(
    top(app, 'tracks', s.top_tracks, ({ track, ...item }) => ({ picture: track, title: track.title, about: [byline(track), plays(item)] })),
    top(app, 'artists', s.top_artists, (item) => ({ picture: item, title: item.name, about: [long(item), plays(item)] })),
    top(app, 'albums', s.top_albums, (item) => ({ picture: item, title: item.name, about: [item.artist, long(item)] })),
    top(app, 'genres', s.top_genres, (item) => ({ title: item.name, about: [long(item), plays(item)] })),
  );
  return parts;
}

function top(app, kind, items, shown) {
  const named = items.filter((item) => item.track || item.name).slice(0, SHOWN);
  if (!named.length) return '';
  const part = node('section', `segue-top segue-top-${kind}`);
  const list = node('ol', 'segue-top-list');
  const most = Math.max(1, ...named.map((item) => item.ms));
  for (const [place, item] of named.entries()) {
    const { picture, title, about } = shown(item);
    const row = node('li', 'segue-top-row');
    row.style.setProperty('--share', item.ms / most);
    row.append(node('span', 'segue-top-place', place + 1));
    if (picture) row.append(cover(app, picture, place ? 48 : 72));
    row.append(titled(title, about.filter(Boolean).join(' · ')));
    list.append(row);
  }
  part.append(node('h2', '', app.t(`review.top_${kind}`)), list);
  return part;
}

// --- when -----------------------------------------------------------------------------------------------------------

function moments({ t }, s) {
  const hours = Array.from({ length: 24 }, (_, at) => s.clock.reduce((sum, weekday) => sum + weekday[at], 0));
  const most = hours.indexOf(Math.max(...hours));
  const part = node('section', 'segue-panel segue-moments');
  const told = t('review.hour', { hour: hour(most) });
  const words = node('div', 'segue-moments-words');
  words.append(node('h2', '', t('review.when')), node('p', 'segue-lead', told));
  if (s.longest_day) {
    const values = { day: day(s.longest_day.day, { weekday: true }), length: length(s.longest_day.ms) };
    words.append(node('p', 'segue-lead', t('review.longest', values)));
  }
  words.append(node('p', 'segue-lead', t('review.row', { n: s.days_in_a_row })));
  part.append(words, clockFace(hours, told));
  return part;
}

// Twelve bars; the most heard artist of each month is its caption.
function monthly({ t }, s) {
  const part = node('section', 'segue-panel');
  const list = node('ol', 'segue-year-months');
  const most = Math.max(1, ...s.months.map(({ ms }) => ms));
  const known = new Map(s.months.map((month) => [Number(month.month.slice(5)) - 1, month]));
  const long = months('long');
  for (const [place, name] of months().entries()) {
    const month = known.get(place);
    const row = node('li');
    row.style.setProperty('--share', (month?.ms ?? 0) / most);
    const artist = month?.artists[0]?.name ?? '';
    const bar = node('span', 'segue-year-bar');
    bar.setAttribute('aria-hidden', 'true');
    const label = node('span', 'segue-year-name', name);
    label.setAttribute('aria-hidden', 'true');
    const told = t(artist ? 'review.month_mostly' : 'review.month', { month: long[place], length: length(month?.ms ?? 0), artist });
    row.append(bar, label, node('span', 'segue-unseen', told), node('span', 'segue-year-artist', artist));
    row.lastChild.setAttribute('aria-hidden', 'true');
    row.title = told;
    list.append(row);
  }
  part.append(node('h2', '', t('review.months')), list);
  return part;
}

function end({ t }, s) {
  const row = node('footer', 'segue-acts');
  row.append(link(`#/pictures?year=${s.year}`, 'segue-button', t('review.more')));
  for (const year of s.years.filter((year) => year !== s.year)) row.append(link(`#/pictures/${year}`, 'segue-button', String(year)));
  return row;
}
