// How good each version of the model is at guessing what was played next.
// In: models as MLflow records them, Gradio's plot of the same. Out: a part of the page, the plot and its table.

import { chart } from './charts.js';
import { emptyState, node } from '../draw.js';
import { table } from './tables.js';
import { date, number } from './zone.js';

const METRICS = ['p@20', 'mrr@20'];

export function quality(app, models, leaving) {
  const { t } = app;
  const made = node('section', 'segue-panel');
  made.append(node('h2', '', t('pictures.quality')));
  if (!models.length) {
    const none = node('div');
    emptyState(app, none, 'pictures.no_model');
    made.append(none);
    return made;
  }
  made.append(node('p', 'segue-muted', t('pictures.quality_about')));
  if (models.filter((model) => METRICS.some((metric) => metric in model.metrics)).length > 1) made.append(plot(app, leaving));
  made.append(versions(app, models));
  return made;
}

function plot(app, leaving) {
  const slot = node('div', 'segue-chart');
  slot.setAttribute('role', 'group');
  slot.setAttribute('aria-label', app.t('pictures.quality'));
  leaving.push(chart(slot, 'quality', { x: app.t('pictures.version'), y: app.t('pictures.score'), metrics: METRICS }).leave);
  return slot;
}

// Newest first; the one that answers now is marked.
function versions({ t }, models) {
  const score = (model, metric) => (metric in model.metrics ? number(model.metrics[metric], { maximumFractionDigits: 3 }) : '–');
  const rows = models.toReversed().map((model) => [
    model.champion ? t('pictures.serving', { version: model.version }) : String(model.version),
    date(model.created_at),
    number(model.tracks),
    number(model.plays),
    ...METRICS.map((metric) => score(model, metric)),
  ]);
  const heads = ['version', 'created', 'tracks', 'plays_learned'].map((head) => t(`pictures.head.${head}`));
  const made = table(t, t('pictures.quality'), [...heads, ...METRICS], rows);
  made.open = true;
  return made;
}
