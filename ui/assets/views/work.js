// Behind the scenes: music being brought in and models being trained, as they go; what could not be read and what to do.
// In: work, failures, models. Out: the view; the words for what runs are renewed where they stand, so that nothing jumps.

import { failure, node } from '../draw.js';
import { loaded } from '../library/loading.js';
import { viewHead } from '../library/masthead.js';
import { follow, share } from '../insights/work.js';
import { moment, number } from '../insights/zone.js';

const KINDS = ['ingest', 'training'];
const LOOK_MS = 3000;
const FAILURES = 200;

export async function render(holder, params, app) {
  holder.classList.add('segue-insights');
  let leave = () => {};
  const ask = () => Promise.all([app.service.get('failures', { limit: FAILURES }), app.service.get('models')]);
  await loaded(app, holder, 'page', ask, ([failures, models]) => {
    leave();
    leave = show(holder, app, failures, models.items);
  });
  return () => leave();
}

function show(holder, app, failures, models) {
  const { t } = app;
  const { head } = viewHead(app, t('work.title'));
  const cards = node('div', 'segue-works');
  const told = node('p', 'segue-unseen');
  told.setAttribute('role', 'status');
  const failed = node('section', 'segue-panel');
  fillFailures(app, failed, failures);
  holder.replaceChildren(head, cards, told, failed, commands(app));
  const before = new Map();
  return follow(
    app,
    (items) => {
      const changed = items.filter((item) => before.has(item.kind) && before.get(item.kind) !== item.state);
      if (changed.length) told.textContent = changed.map((item) => t(`work.${item.kind}.${item.state}`)).join(' ');
      if (changed.length) renewFailures(app, failed);
      for (const item of items) before.set(item.kind, item.state);
      KINDS.forEach((kind, place) => fillCard(app, cardAt(cards, place), kind, items.find((item) => item.kind === kind), models));
    },
    { failed: (error) => cards.querySelector('.segue-failure') ?? failure(app, cards, error), resting: LOOK_MS }, // said once
  );
}

// --- what runs ------------------------------------------------------------------------------------------------------

function cardAt(cards, place) {
  if (!cards.querySelector('.segue-work')) cards.replaceChildren(...KINDS.map(() => node('section', 'segue-panel segue-work')));
  return cards.children[place];
}

function fillCard(app, card, kind, item, models) {
  const { t } = app;
  if (!card.firstChild) card.append(node('h2', '', t(`work.${kind}.title`)), node('div', 'segue-work-body'));
  const body = card.lastChild;
  if (!item) return body.replaceChildren(...never(app, kind, models));
  const state = node('p', `segue-work-state segue-${item.state}`);
  state.append(node('i', 'segue-work-dot'), node('span', '', t(`work.${kind}.${item.state}`)));
  const parts = [state];
  if (item.state === 'running') parts.push(...running(app, body, item));
  if (item.told) parts.push(withCode('p', 'segue-work-told', item.told));
  const times = item.state === 'running' ? t('work.began', { at: moment(item.began_at) }) : t('work.ended', { at: moment(item.changed_at) });
  parts.push(node('p', 'segue-muted', times));
  body.replaceChildren(...parts);
}

function never(app, kind, models) {
  const serving = models.find((model) => model.champion);
  if (kind === 'training' && serving) {
    const values = { version: serving.version, at: moment(serving.created_at), tracks: serving.tracks, plays: serving.plays };
    return [node('p', '', app.t('work.training.serves', values))];
  }
  return [node('p', 'segue-muted', app.t(`work.${kind}.never`)), node('code', 'segue-code', app.t(`work.${kind}.command`))];
}

function running({ t }, body, item) {
  const part = share(item);
  const bar = body.querySelector('progress') ?? node('progress', 'segue-progress');
  bar.setAttribute('aria-label', t(`work.${item.kind}.running`));
  bar.max = 1;
  if (part === null) bar.removeAttribute('value');
  else bar.value = part;
  const stage = t(`work.stages.${item.stage}`);
  const facts = [stage.startsWith('work.') ? item.stage : stage];
  if (item.total) facts.push(t('work.done_of', { done: item.done, total: item.total }));
  if (item.left_s !== null) facts.push(t('work.left', { left: left(item.left_s) }));
  if (item.failed) facts.push(t('work.left_out', { n: item.failed }));
  return [bar, node('p', 'segue-work-facts', facts.filter(Boolean).join(' · '))];
}

function left(seconds) {
  const [value, unit] = seconds < 90 ? [seconds, 'second'] : seconds < 5400 ? [seconds / 60, 'minute'] : [seconds / 3600, 'hour'];
  return number(Math.max(1, Math.round(value)), { style: 'unit', unit, unitDisplay: 'long' });
}

// The service writes commands between backquotes.
function withCode(name, className, text) {
  const made = node(name, className);
  made.append(...text.split('`').map((part, place) => (place % 2 ? node('code', 'segue-inline-code', part) : part)));
  return made;
}

// --- what failed ------------------------------------------------------------------------------------------------------

async function renewFailures(app, holder) {
  const failures = await app.service.get('failures', { limit: FAILURES }).catch(() => null);
  if (failures) fillFailures(app, holder, failures);
}

function fillFailures(app, holder, { items, total }) {
  const { t } = app;
  holder.replaceChildren(node('h2', '', t('work.failures')));
  if (!items.length) return void holder.append(node('p', 'segue-muted segue-all-well', t('work.no_failures')));
  holder.append(node('p', 'segue-muted', t('work.failures_about', { n: total })));
  const list = node('ul', 'segue-failures');
  for (const failed of items) {
    const row = node('li', 'segue-failed');
    const head = node('p', 'segue-failed-head');
    head.append(node('strong', '', failed.name), node('span', 'segue-failed-stage', failed.stage));
    row.append(head, withCode('p', '', failed.reason));
    if (failed.advice) row.append(withCode('p', 'segue-failed-advice', failed.advice));
    list.append(row);
  }
  holder.append(list);
  if (total > items.length) holder.append(node('p', 'segue-muted', t('work.failures_more', { n: total - items.length })));
}

// --- how to start it -------------------------------------------------------------------------------------------------

function commands({ t }) {
  const section = node('section', 'segue-panel');
  const list = node('dl', 'segue-commands');
  for (const command of ['ingest', 'watch', 'failures', 'train', 'status']) {
    const does = node('dd', '', t(`work.commands.${command}.does`));
    const term = node('dt');
    term.append(node('code', 'segue-code', t(`work.commands.${command}.command`)));
    list.append(term, does);
  }
  section.append(node('h2', '', t('work.commands.title')), list);
  return section;
}
