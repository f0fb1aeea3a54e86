// Every sentence of the page, in the listener's language where there is one.
// In: words/LANGUAGE/*.json, nested by view; `{name}` stands for a value, {"one", "other"} for what follows a number `n`.
// Out: t(key, values), and times and numbers as that language writes them.

const LANGUAGES = ['en'];
const AREAS = ['core', 'library', 'insights'];

function chosen(wanted) {
  return wanted.map((tag) => tag.split('-')[0]).find((tag) => LANGUAGES.includes(tag)) ?? LANGUAGES[0];
}

async function area(language, name) {
  const answer = await fetch(new URL(`./words/${language}/${name}.json`, import.meta.url));
  return answer.json();
}

let here; // the language as it is written where the listener lives

export async function load(wanted = navigator.languages) {
  const language = chosen(wanted);
  here = wanted.find((tag) => tag.split('-')[0] === language && usable(tag)) ?? language;
  const texts = Object.assign({}, ...(await Promise.all(AREAS.map((name) => area(language, name)))));
  document.documentElement.lang = language;
  return translator(texts, language);
}

// For Intl: with 'en-GB', days come before months.
export const locale = () => here;

function usable(tag) {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag).length > 0;
  } catch {
    return false; // some systems name theirs in a way that Intl does not know
  }
}

// A key that has no text is answered as it is, so that what is missing can be seen.
export function translator(texts, language) {
  const plural = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(language);
  const shown = (value) => (typeof value === 'number' ? number.format(value) : String(value ?? ''));

  return function t(key, values = {}) {
    let text = key.split('.').reduce((inner, part) => inner?.[part], texts);
    if (text && typeof text === 'object') text = text[plural.select(values.n ?? 0)] ?? text.other;
    if (typeof text !== 'string') return key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
  };
}

// 3:07, or 1:02:09.
export function clock(ms) {
  const seconds = Math.max(0, Math.floor((ms || 0) / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = `${String(m).padStart(h ? 2 : 1, '0')}:${String(s).padStart(2, '0')}`;
  return h ? `${h}:${tail}` : tail;
}

// How long something is, in words: 48 min, 2 h 5 min.
export function length(t, ms) {
  const minutes = Math.max(1, Math.round((ms || 0) / 60000));
  if (minutes < 60) return t('time.minutes', { m: minutes });
  return t('time.hours', { h: Math.floor(minutes / 60), m: minutes % 60 });
}

// When something was: today with its time, yesterday, a day of this year, any day.
export function when(t, at, now = new Date()) {
  const date = new Date(at);
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  if (days === 0) return t('time.today', { time: CLOCK.format(date) });
  if (days === 1) return t('time.yesterday', { time: CLOCK.format(date) });
  return (date.getFullYear() === now.getFullYear() ? THIS_YEAR : ANY_YEAR).format(date);
}

// Made once: a table asks for one of them in each of its rows.
const CLOCK = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' });
const THIS_YEAR = new Intl.DateTimeFormat([], { day: 'numeric', month: 'short' });
const ANY_YEAR = new Intl.DateTimeFormat([], { day: 'numeric', month: 'short', year: 'numeric' });
