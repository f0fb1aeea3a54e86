// What is drawn: rows, covers, Up next, the player bar.
// In: tracks and state from player.js. Out: DOM nodes. Texts from tags only ever go through textContent.

const SVG = 'http://www.w3.org/2000/svg';

export function node(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#segue-i-${name}`);
  svg.append(use);
  return svg;
}

export function clock(ms) {
  const seconds = Math.max(0, Math.floor((ms || 0) / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = `${String(m).padStart(h ? 2 : 1, '0')}:${String(s).padStart(2, '0')}`;
  return h ? `${h}:${tail}` : tail;
}

export function byline(track) {
  return track.artist || track.album_artist || 'Unknown artist';
}

function hash(text) {
  let value = 2166136261;
  for (const char of text) value = Math.imul(value ^ char.codePointAt(0), 16777619);
  return value >>> 0;
}

// A picture for every track: the album's own, over one drawn from its name.
export function fillCover(holder, track, coverUrl) {
  const name = track.album || track.title;
  const seed = hash(name);
  const hue = seed % 360;
  const other = (hue + 30 + (seed >>> 9) % 50) % 360;
  const angle = 110 + (seed >>> 17) % 60;
  holder.style.background =
    `linear-gradient(${angle}deg, hsl(${hue} 42% 46%), hsl(${other} 46% 26%))`;
  holder.replaceChildren(node('span', 'segue-initial', [...name.trim()][0]?.toUpperCase() ?? '♪'));
  if (!track.cover) return;
  const picture = node('img');
  picture.alt = '';
  picture.loading = 'lazy';
  picture.decoding = 'async';
  picture.addEventListener('error', () => picture.remove());
  picture.src = coverUrl;
  holder.append(picture);
}

function cover(track, coverUrl) {
  const holder = node('span', 'segue-cover');
  fillCover(holder, track, coverUrl);
  return holder;
}

function texts(track, second) {
  const block = node('span', 'segue-texts');
  block.append(node('span', 'segue-title', track.title), second);
  return block;
}

export function trackRow(track, coverUrl) {
  const item = node('li', 'segue-track');
  item.dataset.id = track.id;
  const row = node('button', 'segue-row');
  row.type = 'button';
  row.setAttribute('aria-label', `Play ${track.title} by ${byline(track)}`);
  const art = cover(track, coverUrl);
  const over = node('span', 'segue-over');
  over.append(icon('play'), node('i'), node('i'), node('i'));
  art.append(over);
  row.append(
    art,
    texts(track, node('span', 'segue-artist', byline(track))),
    node('span', 'segue-album', track.album),
    node('span', 'segue-time', clock(track.duration_ms)),
  );
  item.append(row);
  return item;
}

function badge(mark) {
  const shown = node('span', 'segue-mark', mark === 'new' ? 'New' : '↑');
  shown.title = mark === 'new' ? 'Not in the list before' : 'Moved up';
  return shown;
}

// `mark` is '', 'new' or 'up': what the last thing the listener did has changed about this item.
export function nextItem({ track, why }, mark, coverUrl) {
  const item = node('li', 'segue-next-item');
  item.dataset.id = track.id;
  if (mark) item.classList.add(`segue-${mark}`);
  const row = node('button', 'segue-row');
  row.type = 'button';
  row.setAttribute('aria-label', `Play ${track.title} by ${byline(track)}. ${why}`);
  const words = texts(track, node('span', 'segue-artist', byline(track)));
  words.append(node('span', 'segue-why', why));
  row.append(cover(track, coverUrl), words);
  if (mark) row.append(badge(mark));
  item.append(row);
  return item;
}

export function skeleton(list, rows) {
  list.setAttribute('aria-busy', 'true');
  const bones = Array.from({ length: rows }, () => {
    const item = node('li', 'segue-bone');
    item.setAttribute('aria-hidden', 'true');
    item.append(node('span', 'segue-cover'), node('span', 'segue-line'));
    return item;
  });
  list.replaceChildren(...bones);
}

// Which items came, and which now stand before one that stood before them.
export function changes(before, after) {
  const old = new Map(before.map((id, place) => [id, place]));
  const marks = new Map();
  for (const [place, id] of after.entries()) {
    if (!old.has(id)) marks.set(id, 'new');
    else if (after.slice(place + 1).some((later) => old.has(later) && old.get(later) < old.get(id))) marks.set(id, 'up');
  }
  return marks;
}

const DID = { skipped: 'you skipped', finished: 'you finished', liked: 'you liked', disliked: 'you disliked' };

// `gone` is how many left that were not played.
export function changeLine(reason, marks, gone) {
  const came = [...marks.values()].filter((mark) => mark === 'new').length;
  const moved = marks.size - came;
  const parts = [came && `${came} new`, moved && `${moved} moved up`, gone && `${gone} gone`].filter(Boolean).join(', ');
  const title = reason.title.length > 48 ? `${reason.title.slice(0, 47)}…` : reason.title;
  const did = `after ${DID[reason.kind]} ${title}`;
  return parts ? `Changed ${did}: ${parts}` : `Same order ${did}`;
}

export function setRange(range, share) {
  range.style.setProperty('--fill', `${Math.round(share * 1000) / 10}%`);
}
