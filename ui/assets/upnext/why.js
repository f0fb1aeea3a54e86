// Why a track is next, as a sentence.
// In: the recommender's `because` with the titles of its reasons. Out: words that are true of this track, and not the same
// all the way down where several things are true.

import { clock } from '../words.js';

const NAMED = 2;
const LOUDER_DB = 4;
const YEARS = 5;
const [SHORT_MS, LONG_MS] = [150_000, 420_000];
const LATELY = 3; // so many sentences above are not said again

// One sentence an item, '' for what the listener placed.
export function whys(app, items) {
  const said = [];
  for (const item of items) said.push(item.because ? why(app, item, said.slice(-LATELY)) : '');
  return said;
}

function why(app, { track, because, titles = {} }, said) {
  const reason = REASONS[because.kind]?.(app, because, titles) ?? explored(app, track, because, said);
  const plain = because.never_played && because.kind === 'sounds_like';
  return plain ? app.t('why.unheard', { reason }) : reason;
}

const REASONS = {
  played_with: (app, because, titles) => named(app, 'played_with', because, titles),
  goes_with: (app, because, titles) => {
    const liked = because.tracks.slice(0, NAMED).every((id) => app.opinions.of(id) === 'liked');
    return named(app, liked && because.tracks.length ? 'goes_with_liked' : 'goes_with', because, titles, 'goes_with_none');
  },
  sounds_like: (app, because, titles) => named(app, 'sounds_like', because, titles),
  popular: (app) => app.t('why.popular'),
  new: (app) => app.t('why.new'),
};

function named(app, key, because, titles, none = `${key}_none`) {
  const known = because.tracks.map((id) => titles[id]).filter(Boolean).slice(0, NAMED);
  if (!known.length) return app.t(`why.${none}`);
  const tracks = known.length > 1 ? app.t('why.and', { a: known[0], b: known[1] }) : known[0];
  return app.t(`why.${key}`, { tracks });
}

// Nothing that was heard leads there: say what it is beside what is heard now, first what has not just been said.
function explored(app, track, because, said) {
  const facts = [...beside(app, track, app.player.current), ...itself(app, track, because), app.t('why.explore')];
  return facts.find((fact) => !said.includes(fact)) ?? facts[0];
}

function* beside(app, track, now) {
  if (!now) return;
  const [artist, other] = [track, now].map((one) => one.artist || one.album_artist);
  const [year, before] = [track.year, now.year];
  if (track.genre && now.genre && track.genre !== now.genre) yield app.t('why.explore_genre', { genre: track.genre });
  if (artist && other && artist !== other) yield app.t('why.explore_artist', { artist });
  if (track.album && track.album === now.album) yield app.t('why.explore_album', { album: track.album });
  if (year && before && Math.abs(year - before) >= YEARS) yield app.t(year < before ? 'why.explore_older' : 'why.explore_newer', { year: String(year) });
  const louder = (track.loudness_lufs ?? 0) - (now.loudness_lufs ?? 0);
  if (track.loudness_lufs && now.loudness_lufs && Math.abs(louder) >= LOUDER_DB) yield app.t(louder > 0 ? 'why.explore_louder' : 'why.explore_softer');
}

function* itself(app, track, because) {
  if (because.never_played) yield app.t('why.explore_unheard');
  if (track.duration_ms < SHORT_MS) yield app.t('why.explore_short', { time: clock(track.duration_ms) });
  if (track.duration_ms > LONG_MS) yield app.t('why.explore_long', { time: clock(track.duration_ms) });
}
