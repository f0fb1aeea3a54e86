// Why a track is next, as a sentence.
// In: the recommender's `because` with the titles of its reasons. Out: words that are true of this track.

const NAMED = 2;

export function why(app, { track, because, titles = {} }) {
  if (!because) return '';
  const reason = REASONS[because.kind]?.(app, because, titles) ?? explored(app, track, because);
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

// Nothing leads there: say in what it differs from what is heard now.
function explored(app, track, because) {
  const now = app.player.current;
  const artist = track.artist || track.album_artist;
  if (because.never_played) return app.t('why.explore_unheard');
  if (track.genre && now?.genre && track.genre !== now.genre) return app.t('why.explore_genre', { genre: track.genre });
  if (artist && artist !== (now?.artist || now?.album_artist)) return app.t('why.explore_artist', { artist });
  if (track.year && now?.year && Math.abs(track.year - now.year) > 4) return app.t('why.explore_year', { year: String(track.year) });
  return app.t('why.explore');
}
