// The order of what is next: what stays where it was put, what comes between, and what has changed.
// In: items of Up next. Out: items in a new order; nothing here remembers anything.

const artistOf = (one) => (one?.track ?? one)?.artist || (one?.track ?? one)?.album_artist || '';

// What was placed or listed keeps its place; suggestions fill the others. One that was suggested before keeps its key.
export function merged(items, suggested, current) {
  const known = new Map(items.filter((item) => item.by === 'segue').map((item) => [item.track.id, item]));
  const fixed = items.filter((item) => item.by !== 'segue' || item.pinned);
  const taken = new Set(fixed.map((item) => item.track.id));
  const fresh = suggested
    .filter((item) => !taken.has(item.track.id))
    .map((item) => ({ ...item, key: known.get(item.track.id)?.key ?? item.key }));
  if (!fixed.length) return varied(fresh, current);
  const result = [];
  for (const item of items) {
    if (item.by !== 'segue' || item.pinned) result.push(item);
    else if (fresh.length) result.push(fresh.shift());
  }
  return [...result, ...fresh];
}

// The first is not by whom one hears now, where somebody else is near.
function varied(fresh, current) {
  const other = fresh.slice(0, 4).findIndex((item) => artistOf(item) !== artistOf(current));
  if (other < 1 || !artistOf(current)) return fresh;
  const [item] = fresh.splice(other, 1);
  return [item, ...fresh];
}

// A random order in which no artist comes twice in a row while others are left.
export function spread(tracks, after = null) {
  const waiting = [...tracks];
  for (let n = waiting.length - 1; n > 0; n -= 1) {
    const m = Math.floor(Math.random() * (n + 1));
    [waiting[n], waiting[m]] = [waiting[m], waiting[n]];
  }
  const order = [];
  let last = artistOf(after);
  while (waiting.length) {
    const at = Math.max(0, waiting.findIndex((one) => artistOf(one) !== last));
    const [one] = waiting.splice(at, 1);
    order.push(one);
    last = artistOf(one);
  }
  return order;
}

// Which suggestions came, which now stand before one that stood before them, and how many left that were not played.
export function changes({ kind, title, items: before }, items, settled) {
  const old = new Map(before.map((id, place) => [id, place]));
  const after = items.map((item) => item.track.id);
  const marks = new Map();
  for (const [place, id] of after.entries()) {
    if (!old.has(id)) marks.set(id, 'new');
    else if (after.slice(place + 1).some((later) => old.has(later) && old.get(later) < old.get(id))) marks.set(id, 'up');
  }
  const came = [...marks.values()].filter((mark) => mark === 'new').length;
  const here = new Set(after);
  const gone = before.filter((id) => !here.has(id) && !settled.has(id)).length;
  return { kind, title, marks, came, moved: marks.size - came, gone };
}
