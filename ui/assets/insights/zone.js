// Times, days and lengths as the listener's language and place have them.
// In: dates and milliseconds as the service tells them. Out: texts by Intl; the name of the time zone.

import { locale } from '../words.js';

export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

export function day(date, { weekday = false } = {}) {
  const wanted = { day: 'numeric', month: 'long', year: 'numeric', ...(weekday && { weekday: 'long' }) };
  return new Intl.DateTimeFormat(locale(), wanted).format(dateOf(date));
}

export function date(value) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' }).format(dateOf(value));
}

export function moment(date) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(date));
}

// A day without a time is that day wherever one is.
function dateOf(date) {
  return /^\d{4}-\d{2}-\d{2}$/.test(date) ? new Date(`${date}T12:00`) : new Date(date);
}

// "52 min", "3 hr 5 min".
export function length(ms) {
  const minutes = Math.max(ms > 0 ? 1 : 0, Math.round(ms / 60_000));
  if (minutes < 60) return unit(minutes, 'minute');
  return [unit(Math.floor(minutes / 60), 'hour'), minutes % 60 ? unit(minutes % 60, 'minute') : ''].join(' ').trim();
}

function unit(value, name) {
  return new Intl.NumberFormat(locale(), { style: 'unit', unit: name, unitDisplay: 'short' }).format(value);
}

export function number(value, options) {
  return new Intl.NumberFormat(locale(), options).format(value);
}

// 'long', 'short', or 'numeric' where there is little room.
export function months(style = 'short') {
  const name = new Intl.DateTimeFormat(locale(), { month: style, timeZone: 'UTC' });
  return Array.from({ length: 12 }, (_, month) => name.format(Date.UTC(2024, month, 1)));
}

// Monday first.
export function weekdays(style = 'short') {
  const name = new Intl.DateTimeFormat(locale(), { weekday: style, timeZone: 'UTC' });
  return Array.from({ length: 7 }, (_, weekday) => name.format(Date.UTC(2024, 0, 1 + weekday)));
}

export function hour(value) {
  return new Intl.DateTimeFormat(locale(), { hour: 'numeric', timeZone: 'UTC' }).format(Date.UTC(2024, 0, 1, value));
}
