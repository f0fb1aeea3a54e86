// The map of the music as one sees it: dots, what lies over them (paths, rings), and the part that is looked at.
// In: places, paths and marks; gestures. Out: two canvases, and `choose`, `point` and `play` with the index of a dot.

import { Dots, pixel } from './dots.js';
import { gestures } from './gestures.js';
import { path, ring } from './overlay.js';
import { Places } from './places.js';

const MOST_ZOOM = 60;
const REACH = 22; // how far from a dot, in CSS pixels, a finger may be
const FLIGHT_MS = 320;
const MARGIN = 26;
const RINGS = { pointed: ['text', 2, 4], chosen: ['text', 3, 5], playing: ['accent', 3, 6] }; // colour, width, distance

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// A colour of the style sheet, as a canvas can use it.
function inked(holder, name) {
  const probe = holder.appendChild(document.createElement('i'));
  probe.style.color = `var(--${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export class Atlas {
  #places = null;

  constructor(holder, { x, y, weight }, told) {
    this.told = told;
    this.dots = new Dots(x, y, weight);
    this.camera = { x: 0.5, y: 0.5, zoom: 1 };
    this.paths = []; // { places, kind: 'played' or 'journey' }
    this.marks = {}; // playing, chosen, pointed: index of a dot, or undefined
    this.below = holder.appendChild(document.createElement('canvas'));
    this.above = holder.appendChild(document.createElement('canvas'));
    this.holder = holder;
    this.sized = new ResizeObserver(() => this.#size());
    this.sized.observe(holder);
    this.release = gestures(holder, this.#gestures());
    this.#size();
  }

  // Made when the first is looked for: the dots are there before.
  get places() {
    this.#places ??= new Places(this.dots.x, this.dots.y);
    return this.#places;
  }

  close() {
    this.sized.disconnect();
    this.release();
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.flight);
  }

  // `colours(dark)` as CSS writes them, for a dark ground or a light one; `index` says which of them a dot has; `faint` marks those that stand back.
  dress(colours, index, faint) {
    this.ink = Object.fromEntries(['text', 'accent', 'ground'].map((name) => [name, inked(this.holder, name)]));
    this.ground = pixel(this.ink.ground);
    this.palette = colours((this.ground & 0xff) < 128); // how much red is in a grey says how dark it is
    this.dots.dress(Uint32Array.from(this.palette, pixel), index, faint);
    this.draw();
  }

  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.ink || !this.below.width) return;
      this.dots.paint(this.below.getContext('2d', { alpha: false }), this.view(), this.ground);
      this.#overlay();
    });
  }

  view() {
    const { width, height } = this.below;
    const density = width / (this.holder.clientWidth || 1);
    const margin = MARGIN * density;
    const zoom = this.camera.zoom;
    const down = (height - 2 * margin) * zoom;
    const across = Math.min(width - 2 * margin, 1.7 * (height - 2 * margin)) * zoom; // wide, but not torn apart
    const left = width / 2 - this.camera.x * across;
    const top = height / 2 - this.camera.y * down;
    return { width, height, across, down, left, top, zoom, density };
  }

  // Where a dot is, in CSS pixels from the corner.
  at(place) {
    const { across, down, left, top, density } = this.view();
    return { x: (this.dots.x[place] * across + left) / density, y: (this.dots.y[place] * down + top) / density };
  }

  zoom(factor, x = this.holder.clientWidth / 2, y = this.holder.clientHeight / 2) {
    const before = this.#world(x, y);
    this.camera.zoom = clamp(this.camera.zoom * factor, 1, MOST_ZOOM);
    const after = this.#world(x, y);
    this.#look(this.camera.x + before.x - after.x, this.camera.y + before.y - after.y);
  }

  whole() {
    this.#fly({ x: 0.5, y: 0.5, zoom: 1 });
  }

  // Brings a dot into sight, nearer when one sees everything.
  show(place, nearest = 3) {
    const [x, y] = [this.dots.x[place], this.dots.y[place]];
    this.#fly({ x, y, zoom: Math.max(this.camera.zoom, nearest) });
  }

  #gestures() {
    return {
      pan: (dx, dy) => this.#pan(dx, dy),
      zoom: (factor, x, y) => this.zoom(factor, x, y),
      whole: () => this.whole(),
      point: (x, y) => this.#point(this.#found(x, y)),
      leave: () => this.#point(undefined),
      tap: (x, y) => this.#tap(this.#found(x, y)),
      step: (dx, dy) => this.#step(dx, dy),
      enter: () => this.marks.chosen !== undefined && this.told.play(this.marks.chosen),
    };
  }

  #pan(dx, dy) {
    const { across, down, density } = this.view();
    this.#look(this.camera.x - (dx * density) / across, this.camera.y - (dy * density) / down);
  }

  #tap(place) {
    if (place === undefined) return;
    this.told.choose(place);
    this.told.play(place);
  }

  #step(dx, dy) {
    const from = this.marks.chosen ?? this.marks.playing ?? this.places.nearest(this.camera.x, this.camera.y)[0];
    const to = this.marks.chosen === undefined ? from : this.places.towards(from, dx, dy);
    if (to === undefined) return;
    this.told.choose(to);
    const { x, y } = this.at(to);
    const inside = x > 40 && y > 40 && x < this.holder.clientWidth - 40 && y < this.holder.clientHeight - 40;
    if (!inside) this.show(to, this.camera.zoom);
  }

  #point(place) {
    if (place === this.marks.pointed) return;
    this.marks.pointed = place;
    this.holder.style.cursor = place === undefined ? '' : 'pointer';
    this.told.point(place);
    this.draw();
  }

  #found(x, y) {
    const world = this.#world(x, y);
    const near = this.places.nearest(world.x, world.y, 8).map((place) => {
      const there = this.at(place);
      return [Math.hypot(there.x - x, there.y - y), place];
    });
    const [distance, place] = near.sort((a, b) => a[0] - b[0])[0] ?? [Infinity];
    return distance <= REACH ? place : undefined;
  }

  #world(x, y) {
    const { across, down, left, top, density } = this.view();
    return { x: (x * density - left) / across, y: (y * density - top) / down };
  }

  #look(x, y) {
    cancelAnimationFrame(this.flight);
    Object.assign(this.camera, { x: clamp(x, 0, 1), y: clamp(y, 0, 1) });
    this.told.moved?.();
    this.draw();
  }

  #fly(to) {
    const from = { ...this.camera };
    const began = performance.now();
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const step = (now) => {
      const part = still ? 1 : clamp((now - began) / FLIGHT_MS, 0, 1);
      const eased = 1 - (1 - part) ** 3;
      this.camera.zoom = from.zoom * (to.zoom / from.zoom) ** eased;
      this.#look(from.x + (to.x - from.x) * eased, from.y + (to.y - from.y) * eased);
      if (part < 1) this.flight = requestAnimationFrame(step);
    };
    step(began);
  }

  #size() {
    const density = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [this.holder.clientWidth, this.holder.clientHeight].map((length) => Math.round(length * density));
    if (width === this.below.width && height === this.below.height) return; // a canvas that is given a size is empty again
    for (const canvas of [this.below, this.above]) Object.assign(canvas, { width, height });
    this.draw();
  }

  #overlay() {
    const context = this.above.getContext('2d');
    const view = this.view();
    context.setTransform(view.density, 0, 0, view.density, 0, 0);
    context.clearRect(0, 0, this.holder.clientWidth, this.holder.clientHeight);
    const font = getComputedStyle(this.holder).fontFamily;
    for (const { places, kind } of this.paths) path(context, places.map((place) => this.at(place)), kind, this.ink, font);
    for (const [name, [colour, width, room]] of Object.entries(RINGS)) {
      const place = this.marks[name];
      if (place === undefined) continue;
      const radius = this.dots.radius(place, view) / view.density + room;
      ring(context, this.at(place), radius, { colour: this.ink[colour], ground: this.ink.ground, width });
    }
  }
}
