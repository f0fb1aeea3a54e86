// A way from one track to another, in small steps.
// In: `from` and `to` of the address, or chosen here. Out: the way as a line of covers, that plays and can be kept.

import { button, byline, cover, emptyState, iconButton, node, titled } from '../draw.js';
import { loaded } from '../library/loading.js';
import { choice, viewHead } from '../library/masthead.js';
import { Picker } from '../library/picker.js';
import { saveAsPlaylist } from '../library/addto.js';
import { trackMenu } from '../library/trackmenu.js';

const LENGTHS = [6, 9, 12, 18, 25];
const USUAL = 12;

const chosen = new Map(); // tracks that were an end: nothing is asked for twice, and typing goes on at once

export async function render(holder, { query }, app) {
  const steps = LENGTHS.includes(Number(query.get('n'))) ? Number(query.get('n')) : USUAL;
  const ends = { from: null, to: null };
  const ids = ['from', 'to'].map((end) => query.get(end)).filter((id) => id && !chosen.has(id));
  const { items } = ids.length ? await app.service.get('tracks', { ids: ids.join(',') }) : { items: [] };
  for (const track of items) chosen.set(track.id, track);
  for (const end of ['from', 'to']) ends[end] = chosen.get(query.get(end)) ?? null;
  if (ends.to === ends.from) ends.to = null; // it leads nowhere
  const go = (changed) => {
    const wanted = { from: ends.from?.id ?? '', to: ends.to?.id ?? '', n: steps, ...changed };
    app.go(`#/journey?${new URLSearchParams(wanted)}`, { replace: true });
  };
  const choose = (end, track) => {
    if (track) chosen.set(track.id, track);
    go({ [end]: track?.id ?? '' });
  };
  const lengths = LENGTHS.map((n) => [String(n), app.t('count.tracks', { n })]);
  const { head } = viewHead(app, app.t('trip.title'), [choice(app.t('trip.length'), lengths, String(steps), (n) => go({ n }))]);
  const form = node('div', 'segue-trip-ends');
  const picker = (end, other) => new Picker(app, app.t(`trip.${end}`), (track) => choose(end, track), ends[other]);
  const pickers = { from: picker('from', 'to'), to: picker('to', 'from') };
  const swap = iconButton('repeat', app.t('trip.swap'), () => go({ from: ends.to?.id ?? '', to: ends.from?.id ?? '' }));
  swap.classList.add('segue-trip-swap');
  form.append(pickers.from.show(ends.from), swap, pickers.to.show(ends.to));
  const place = node('div');
  holder.append(head, node('p', 'segue-explained', app.t('trip.text')), form, place);
  if (!ends.from || !ends.to) {
    emptyState(app, place, ends.from || ends.to ? 'trip.half' : 'trip.none');
    // No keyboard jumps up on phones; elsewhere one types at once, after the router has settled the focus.
    if (matchMedia('(hover: hover)').matches) requestAnimationFrame(() => pickers[ends.from ? 'to' : 'from'].focus());
    return undefined;
  }
  return way(app, place, ends, steps);
}

async function way(app, place, { from, to }, n) {
  let off = null;
  await loaded(app, place, 'cards', () => app.service.get('me/journey', { from: from.id, to: to.id, n }), ({ items }) => {
    const tracks = items.map(({ track }) => track);
    const name = app.t('trip.name', { from: from.title, to: to.title });
    const does = node('div', 'segue-actions');
    const play = button(app.t('trip.play'), () => app.play(tracks, { from: name }), { kind: 'strong', icon: 'play' });
    does.append(
      play,
      button(app.t('does.keep'), () => saveAsPlaylist(app, name, tracks), { icon: 'playlist' }),
    );
    const line = node('ol', 'segue-trip');
    line.setAttribute('aria-label', name);
    line.append(...tracks.map((track, at) => stop(app, tracks, at, name)));
    place.append(does, line);
    if (document.activeElement === app.shell.main) play.focus({ preventScroll: true }); // the box in which the end was chosen is gone
    const mark = () => {
      for (const each of line.children) each.classList.toggle('segue-current', each.dataset.id === app.player.current?.id);
    };
    mark();
    off = app.on('current', mark);
  });
  return () => off?.();
}

function stop(app, tracks, at, name) {
  const track = tracks[at];
  const item = node('li', 'segue-stop');
  item.dataset.id = track.id;
  const play = node('button', 'segue-stop-play');
  play.type = 'button';
  play.setAttribute('aria-label', app.t('table.play', { title: track.title, artist: byline(track) }));
  play.append(cover(app, track), node('span', 'segue-stop-number', at + 1));
  play.addEventListener('click', () => app.play(tracks, { at, from: name }));
  const more = iconButton('more', app.t('row.more', { title: track.title }), () => app.menu(more, trackMenu(app, track)));
  more.setAttribute('aria-haspopup', 'menu');
  item.append(play, titled(track.title, byline(track) || app.t('states.unknown_artist')), more);
  return item;
}
