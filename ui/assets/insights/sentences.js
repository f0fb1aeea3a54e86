// What is known about a listener, in plain words.
// In: facts of me/taste (`kind`, `name`, `value`). Out: sentences; '' for a kind that has no words yet.

import { number } from './zone.js';

const SHARES = new Set(['finishes', 'discovers']);

export function sentence(t, { kind, name, value }) {
  const key = `taste.facts.${kind === 'time_of_day' ? `time_of_day.${name}` : kind}`;
  const told = t(key, { name, value: SHARES.has(kind) ? number(value, { style: 'percent' }) : value });
  return told === key ? '' : told;
}
