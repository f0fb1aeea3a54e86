// The figures behind a picture, for who would rather read them or cannot see it.
// In: rows of figures. Out: a table, folded away under a word.

import { node } from '../draw.js';
import { hour, length, weekdays } from './zone.js';

// `heads`: texts; `rows`: arrays of texts, the first of each being the row's own head.
export function table(t, caption, heads, rows) {
  const details = node('details', 'segue-figures');
  const scroll = node('div', 'segue-figures-scroll');
  const made = node('table');
  made.append(node('caption', 'segue-unseen', caption), line('th', heads), ...rows.map((row) => line('td', row)));
  scroll.tabIndex = 0;
  scroll.setAttribute('role', 'region');
  scroll.setAttribute('aria-label', caption);
  scroll.append(made);
  details.append(node('summary', '', t('pictures.figures')), scroll);
  return details;
}

function line(kind, texts) {
  const row = node('tr');
  for (const [place, text] of texts.entries()) {
    const cell = node(place ? kind : 'th', '', text);
    if (cell.tagName === 'TH') cell.scope = kind === 'th' ? 'col' : 'row';
    row.append(cell);
  }
  return row;
}

export function hoursTable(t, hours) {
  const rows = hours.flatMap((ms, at) => (ms ? [[hour(at), length(ms)]] : []));
  return table(t, t('taste.hours'), [t('taste.hour'), t('taste.listened')], rows);
}

// Seven rows of 24 cells, each as strong as it is long: the picture and its table are one.
export function weekTable(t, clock) {
  const most = Math.max(1, ...clock.flat());
  const made = node('table', 'segue-week');
  const columns = node('colgroup');
  columns.append(node('col', 'segue-week-day'), ...Array.from({ length: 24 }, () => node('col')));
  made.append(node('caption', 'segue-unseen', t('pictures.week')), columns);
  const head = node('tr');
  head.append(node('td'));
  for (let at = 0; at < 24; at += 1) {
    const cell = node('th');
    cell.scope = 'col';
    cell.append(node('span', at % 6 ? 'segue-unseen' : '', hour(at)));
    head.append(cell);
  }
  made.append(head);
  const names = weekdays('long');
  for (const [place, name] of weekdays().entries()) {
    const row = node('tr');
    const day = node('th', '', name);
    day.scope = 'row';
    day.setAttribute('aria-label', names[place]);
    row.append(day, ...clock[place].map((ms, at) => cell(t, ms, most, names[place], at)));
    made.append(row);
  }
  return made;
}

function cell(t, ms, most, day, at) {
  const made = node('td');
  made.style.setProperty('--share', ms ? 0.16 + 0.84 * Math.sqrt(ms / most) : 0);
  made.title = t('pictures.week_cell', { day, hour: hour(at), length: length(ms) });
  made.append(node('span', 'segue-unseen', length(ms)));
  return made;
}
