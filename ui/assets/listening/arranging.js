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

// Which came, which now stand before some that stood before them, and how many left that were not played.
export function changes({ kind, title, items: before }, items, settled) {
  const old = new Map(before.map((id, place) => [id, place]));
  const after = items.map((item) => item.track.id);
  const stayed = inTheirOrder(after.filter((id) => old.has(id)), old);
  const marks = new Map();
  let reached = -1; // the furthest of the old places passed so far
  for (const id of after) {
    if (!old.has(id)) marks.set(id, 'new');
    else if (stayed.has(id)) reached = old.get(id);
    else if (old.get(id) > reached) marks.set(id, 'up');
  }
  const came = [...marks.values()].filter((mark) => mark === 'new').length;
  const here = new Set(after);
  const gone = before.filter((id) => !here.has(id) && !settled.has(id)).length;
  return { kind, title, marks, came, moved: marks.size - came, gone };
}

// As many of `ids` as possible that stand in the order in which they stood: the longest rising run of their old places.
function inTheirOrder(ids, old) {
  const ends = []; // of the best run of each length: its last id
  const before = new Map();
  for (const id of ids) {
    const at = ends.findIndex((end) => old.get(end) > old.get(id));
    const length = at < 0 ? ends.length : at;
    before.set(id, ends[length - 1]);
    ends[length] = id;
  }
  const run = new Set();
  for (let id = ends.at(-1); id !== undefined; id = before.get(id)) run.add(id);
  return run;
}
