// A listener's music in pictures: figures, taste over time, the listening clock, and how good the model has become.
// In: me/statistics of a year (`#/pictures?year=`), models, Gradio's plots of ui/pictures.py. Out: the view.

import { chart } from '../insights/charts.js';
import { clockFace } from '../insights/clock.js';
import { emptyState, link, node } from '../draw.js';
import { loaded } from '../library/loading.js';
import { layerLegend } from '../insights/layers.js';
import { choice } from '../insights/mapside.js';
import { viewHead } from '../library/masthead.js';
import { quality } from '../insights/quality.js';
import { hoursTable, table, weekTable } from '../insights/tables.js';
import { tiles } from '../insights/tiles.js';
import { hour, length, months, number, zone } from '../insights/zone.js';

const LAYERS = 6; // genres or artists that a month names; the rest is one layer
const FEW_MS = 2 * 3_600_000; // months shorter than this are told in minutes

export async function render(holder, params, app) {
  holder.classList.add('segue-insights');
  const leaving = [];
  const year = params.query.get('year') ?? undefined;
  const ask = () => Promise.all([app.service.get('me/statistics', { year, tz: zone() }), app.service.get('models')]);
  await loaded(app, holder, 'page', ask, ([statistics, models]) => {
    const { head } = viewHead(app, app.t('pictures.title'), [years(app, statistics)]);
    const parts = statistics.plays ? own(app, statistics, leaving) : [none(app)];
    holder.replaceChildren(head, ...parts, quality(app, models.items, leaving));
  });
  return () => leaving.forEach((leave) => leave());
}

function none(app) {
  return emptyState(app, node('div'), 'pictures.none', { label: app.t('pictures.none_action'), run: () => app.go('#/') });
}

function years(app, { years, year }) {
  const nav = node('nav', 'segue-years');
  nav.setAttribute('aria-label', app.t('pictures.years'));
  for (const each of years.length > 1 ? years.toReversed() : []) {
    const to = link(`#/pictures?year=${each}`, 'segue-year', String(each));
    if (each === year) to.setAttribute('aria-current', 'page');
    nav.append(to);
  }
  return nav;
}

function own(app, statistics, leaving) {
  return [figures(app, statistics), invitation(app, statistics), overTime(app, statistics, leaving), listeningClock(app, statistics)];
}

function figures({ t }, s) {
  return tiles([
    [number(Math.round(s.ms / 60_000)), t('pictures.minutes')],
    [number(s.plays), t('pictures.plays')],
    [number(s.n_artists), t('pictures.artists')],
    [number(s.n_tracks), t('pictures.tracks')],
    [number(s.n_new), t('pictures.new')],
    [number(s.days_in_a_row), t('pictures.in_a_row', { n: s.days_in_a_row })],
  ]);
}

function invitation(app, { year }) {
  const card = link(`#/pictures/${year}`, 'segue-invitation');
  card.append(node('span', 'segue-invitation-year', String(year)), node('strong', '', app.t('pictures.review', { year: String(year) })));
  card.append(node('span', '', app.t('pictures.review_about')));
  return card;
}

function panel(title, about, ...content) {
  const made = node('section', 'segue-panel');
  const head = node('header', 'segue-panel-head');
  head.append(node('h2', '', title));
  made.append(head, node('p', 'segue-muted', about), ...content);
  return made;
}

// --- taste over time ------------------------------------------------------------------------------------------------

function overTime(app, { year, months: known }, leaving) {
  const { t } = app;
  const slot = node('div', 'segue-chart');
  const beside = node('div');
  const unit = known.every((month) => month.ms < FEW_MS) ? 'minutes' : 'hours';
  const texts = { others: t('pictures.others'), unknown: t('pictures.unknown'), x: t('pictures.month'), y: t(`pictures.unit_${unit}`) };
  const names = months(matchMedia('(max-width: 560px)').matches ? 'numeric' : 'short');
  const asked = (by) => ({ year, tz: zone(), by, months: names, layers: longest(known, by), unit, ...texts });
  const show = (by) => {
    const names = longest(known, by).map((name, place) => [name || t('pictures.unknown'), place]);
    beside.replaceChildren(layerLegend([...names, [t('pictures.others'), 'others']]), monthsTable(t, known, by));
    slot.setAttribute('aria-label', t(`pictures.over_time_${by}`));
  };
  slot.setAttribute('role', 'group');
  show('genres');
  const drawn = chart(slot, 'months', asked('genres'));
  leaving.push(drawn.leave);
  const kinds = { genres: t('pictures.by_genre'), artists: t('pictures.by_artist') };
  const by = choice('segue-over-time', t('pictures.by'), kinds, 'genres', (kind) => {
    drawn.ask(asked(kind));
    show(kind);
  });
  const made = panel(t('pictures.over_time'), t('pictures.over_time_about'), slot, beside);
  made.querySelector('.segue-panel-head').append(by);
  return made;
}

// What was heard longest in all these months.
function longest(known, by) {
  const whole = new Map();
  for (const { name, ms } of known.flatMap((month) => month[by])) whole.set(name, (whole.get(name) ?? 0) + ms);
  return [...whole.keys()].sort((a, b) => whole.get(b) - whole.get(a)).slice(0, LAYERS);
}

function monthsTable(t, known, by) {
  const names = months('long');
  const rows = known.map(({ month, ms, plays, [by]: parts }) => {
    const most = parts.slice(0, 3).map(({ name }) => name || t('pictures.unknown'));
    return [names[Number(month.slice(5)) - 1], length(ms), number(plays), most.join(', ')];
  });
  return table(t, t('pictures.over_time'), ['month', 'listened', 'plays', `most_${by}`].map((head) => t(`pictures.head.${head}`)), rows);
}

// --- the clock ------------------------------------------------------------------------------------------------------

function listeningClock({ t }, { clock }) {
  const hours = Array.from({ length: 24 }, (_, at) => clock.reduce((sum, weekday) => sum + weekday[at], 0));
  const most = hours.indexOf(Math.max(...hours));
  const told = t('pictures.clock_told', { hour: hour(most), length: length(hours[most]) });
  const both = node('div', 'segue-clocks');
  const week = node('div', 'segue-week-scroll');
  week.append(weekTable(t, clock));
  both.append(clockFace(hours, told), week);
  return panel(t('pictures.clock'), told, both, hoursTable(t, hours));
}
