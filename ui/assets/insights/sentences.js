// What is known about a listener, in plain words.
// In: facts of me/taste (`kind`, `name`, `value`). Out: sentences; '' for a kind that has no words yet.

import { number } from './zone.js';

const SHARES = new Set(['finishes', 'discovers']);
const NONE = 0.005; // of a share, which would read as 0 %

export function sentence(t, { kind, name, value }) {
  const key = `taste.facts.${worded(kind, name, value)}`;
  const told = t(key, { name, value: SHARES.has(kind) ? number(value, { style: 'percent' }) : value });
  return told === key ? '' : told;
}

function worded(kind, name, value) {
  if (kind === 'time_of_day') return `time_of_day.${name}`;
  return kind === 'discovers' && value < NONE ? 'discovers_nothing' : kind;
}
