// How good each version of the model is at guessing what was played next, beside simpler ways to guess.
// In: models as MLflow records them, Gradio's plot of the same. Out: a part of the page: bars, the plot, the figures.

import { emptyState, node } from '../draw.js';
import { chart } from './charts.js';
import { layerLegend } from './layers.js';
import { choice } from './mapside.js';
import { table } from './tables.js';
import { date, number } from './zone.js';

const METRICS = ['p@20', 'mrr@20'];

export function quality(app, models, leaving) {
  const { t } = app;
  const made = node('section', 'segue-panel');
  const head = node('header', 'segue-panel-head');
  head.append(node('h2', '', t('pictures.quality')));
  made.append(head);
  const measured = METRICS.filter((metric) => models.some((model) => metric in model.metrics));
  if (!measured.length) {
    const none = node('div');
    emptyState(app, none, models.length ? 'pictures.unmeasured' : 'pictures.no_model');
    made.append(none);
    return made;
  }
  const body = node('div');
  const show = (metric) => fill(app, body, models, metric, leaving);
  head.append(choice('segue-quality', t('pictures.metric'), Object.fromEntries(measured.map((metric) => [metric, metric])), measured[0], show));
  made.append(node('p', 'segue-muted', t('pictures.quality_about')), body);
  show(measured[0]);
  return made;
}

function fill(app, body, models, metric, leaving) {
  const { t } = app;
  const series = seriesOf(t, models, metric);
  const serving = models.find((model) => model.champion) ?? models.at(-1);
  const parts = [bars(t, serving, series)];
  if (models.filter((model) => metric in model.metrics).length > 1) parts.push(...overVersions(app, body, series, leaving));
  body.replaceChildren(...parts, versions(t, models, series));
}

// The model's own figure, then those of what it was compared with: key of MLflow → what it is called.
function seriesOf(t, models, metric) {
  const ending = `.${metric}`;
  const found = new Set(models.flatMap((model) => Object.keys(model.metrics)));
  const others = [...found].filter((key) => key.startsWith('baseline.') && key.endsWith(ending)).sort();
  return Object.fromEntries([metric, ...others].map((key) => [key, called(t, key, ending)]));
}

function called(t, key, ending) {
  if (!key.startsWith('baseline.')) return t('pictures.this_model');
  const name = key.slice('baseline.'.length, -ending.length);
  const told = t(`pictures.baselines.${name}`);
  return told.startsWith('pictures.') ? name : told;
}

const score = (value) => (value === undefined ? '–' : number(value, { maximumSignificantDigits: 3 }));

function bars(t, model, series) {
  const list = node('ul', 'segue-meters');
  const most = Math.max(...Object.keys(series).map((key) => model.metrics[key] ?? 0), Number.MIN_VALUE);
  for (const [place, [key, name]] of Object.entries(series).entries()) {
    const row = node('li', 'segue-meter');
    const bar = node('span', 'segue-meter-bar');
    bar.setAttribute('aria-hidden', 'true');
    bar.style.setProperty('--share', (model.metrics[key] ?? 0) / most);
    bar.style.setProperty('--colour', `var(--layer-${place})`);
    row.append(node('span', '', name), bar, node('span', 'segue-meter-figure', score(model.metrics[key])));
    list.append(row);
  }
  const title = node('h3', '', t('pictures.serving_title', { version: model.version }));
  const made = node('div');
  made.append(title, list);
  return made;
}

function overVersions(app, body, series, leaving) {
  const { t } = app;
  const asked = { x: t('pictures.version'), y: t('pictures.score'), series };
  const legend = layerLegend(Object.values(series).map((name, place) => [name, place]));
  const before = body.querySelector('.segue-chart');
  if (before) {
    body.plot.ask(asked);
    return [before, legend];
  }
  const slot = node('div', 'segue-chart');
  slot.setAttribute('role', 'group');
  slot.setAttribute('aria-label', t('pictures.quality'));
  body.plot = chart(slot, 'quality', asked);
  leaving.push(body.plot.leave);
  return [slot, legend];
}

// Newest first; the one that answers now is marked.
function versions(t, models, series) {
  const rows = models.toReversed().map((model) => [
    model.champion ? t('pictures.serving', { version: model.version }) : model.version,
    date(model.created_at),
    number(model.tracks),
    number(model.plays),
    ...Object.keys(series).map((key) => score(model.metrics[key])),
  ]);
  const heads = ['version', 'created', 'tracks', 'plays_learned'].map((head) => t(`pictures.head.${head}`));
  return table(t, t('pictures.quality'), [...heads, ...Object.values(series)], rows);
}
