// The daily mixes: what they are called, and how they are shown as cards.
// In: mixes as the service tells them. Out: names that stay the same, and cards that play.

import { iconButton, link, node } from '../draw.js';
import { mosaic } from './masthead.js';

const NAMED = ['rediscover', 'never-played', 'new-here'];
const ARTISTS = 3;

// `daily-2` is the second of the day; others have names of their own.
export function mixName(app, { id }) {
  if (NAMED.includes(id)) return app.t(`mixes.${id}.name`);
  return app.t('mixes.daily.name', { n: Number(id.split('-').pop()) || 1 });
}

export function mixText(app, mix) {
  const artists = mix.artists.slice(0, ARTISTS).join(', ');
  return NAMED.includes(mix.id) ? app.t(`mixes.${mix.id}.text`) : app.t('mixes.daily.text', { artists });
}

export function mixCard(app, mix) {
  const name = mixName(app, mix);
  const card = node('article', 'segue-card segue-mix');
  const picture = node('div', 'segue-card-picture');
  const play = iconButton('play', app.t('does.play_all', { name }), () => app.play(mix.items, { from: name }));
  play.classList.add('segue-card-play');
  picture.append(mosaic(app, mix.items, name), play);
  const way = link(`#/mixes/${encodeURIComponent(mix.id)}`, 'segue-card-title', name);
  card.append(picture, way, node('span', 'segue-card-second', mixText(app, mix)));
  return card;
}
