// How a picture is moved: wheel, fingers, mouse and keys become panning, zooming, pointing and choosing.
// In: an element and what to call, with distances and places in CSS pixels from its corner. Out: a function that lets go of it.

const STILL = 6; // pixels within which a press is a click
const STEP = 64;

const KEYS = {
  '+': (on) => on.zoom(1.5),
  '=': (on) => on.zoom(1.5),
  '-': (on) => on.zoom(1 / 1.5),
  _: (on) => on.zoom(1 / 1.5),
  0: (on) => on.whole(),
  Enter: (on) => on.enter(),
  ' ': (on) => on.enter(),
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// `on`: pan(dx, dy), zoom(factor, x, y), point(x, y), leave(), tap(x, y), step(dx, dy), whole(), enter().
export function gestures(element, on) {
  const held = new Map(); // pointer id -> where it is
  let moved = 0;
  const corner = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  function down(event) {
    if (event.button) return;
    if (!held.size) moved = 0;
    held.set(event.pointerId, corner(event));
    element.setPointerCapture(event.pointerId);
  }

  function move(event) {
    const now = corner(event);
    const before = held.get(event.pointerId);
    if (!before) return event.pointerType === 'mouse' && on.point(now.x, now.y);
    moved += Math.hypot(now.x - before.x, now.y - before.y);
    if (held.size === 2) pinch(event.pointerId, before, now);
    else if (moved > STILL) on.pan(now.x - before.x, now.y - before.y);
    held.set(event.pointerId, now);
  }

  function pinch(id, before, now) {
    const other = [...held].find(([held]) => held !== id)[1];
    const apart = (point) => Math.max(8, Math.hypot(point.x - other.x, point.y - other.y));
    on.zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    on.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    moved = Infinity; // two fingers never choose
  }

  function up(event) {
    const there = held.delete(event.pointerId);
    if (there && event.type === 'pointerup' && moved <= STILL) on.tap(corner(event).x, corner(event).y);
  }

  function wheel(event) {
    event.preventDefault();
    const { x, y } = corner(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    on.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018)), x, y); // with ctrl: a pinch on a touchpad
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (!arrow && !KEYS[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // the player's keys mean something else
    if (!arrow) KEYS[event.key](on);
    else if (event.shiftKey) on.pan(-arrow[0] * STEP, -arrow[1] * STEP);
    else on.step(...arrow);
  }

  const ends = new AbortController();
  const listen = (name, act, options = {}) => element.addEventListener(name, act, { ...options, signal: ends.signal });
  listen('pointerdown', down);
  listen('pointermove', move);
  listen('pointerup', up);
  listen('pointercancel', up);
  listen('pointerleave', () => on.leave());
  listen('wheel', wheel, { passive: false });
  listen('keydown', key);
  return () => ends.abort();
}
