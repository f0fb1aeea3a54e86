// A cover for music that came without one: shapes and colours that belong to a name and never change.
// In: any name (an album's, a title). Out: an SVG, the same for the same name, clear at 48 pixels and at 320.

const SVG = 'http://www.w3.org/2000/svg';
const KEPT = 400; // drawings that are copied instead of made again while one scrolls

// A ground and three colours that stand on it, in both themes of the page.
const PALETTES = [
  ['#22323f', '#e2725b', '#f2d6a2', '#6f9f92'],
  ['#3a2438', '#d9577a', '#f4b183', '#8c6a9e'],
  ['#12393b', '#e9a23b', '#f3e7cf', '#3d8f86'],
  ['#2b2d52', '#7f8ff4', '#f3c4d0', '#f08a5d'],
  ['#4a2c1d', '#d98841', '#f0dcb8', '#8a9a5b'],
  ['#16324a', '#4fa3c7', '#f5e6c8', '#ef7b5a'],
  ['#3d1f1f', '#c8553d', '#f2c9a1', '#588b8b'],
  ['#24352b', '#8fb573', '#f0e3b2', '#d9734e'],
  ['#412d5b', '#b57edc', '#f6d186', '#e0607e'],
  ['#e9dcc3', '#c4562f', '#2f4858', '#86a397'],
  ['#d5dfda', '#33656b', '#e08e45', '#1f2f3a'],
  ['#f0d9d2', '#a8325a', '#3b2b48', '#e2a05c'],
];

const PATTERNS = [orbits, hills, quarters, strings, bars, rays, phases, dots, bands];

const drawings = new Map();

export function artwork(name) {
  const kept = drawings.get(name);
  if (kept) return kept.cloneNode(true);
  if (drawings.size >= KEPT) drawings.delete(drawings.keys().next().value);
  const drawing = draw(name);
  drawings.set(name, drawing);
  return drawing.cloneNode(true);
}

function draw(name) {
  const chance = chances(name);
  const [ground, ...colours] = PALETTES[chance.below(PALETTES.length)];
  const turned = chance.below(colours.length); // the same palette may lead with another colour
  const svg = shape('svg', { viewBox: '0 0 100 100', preserveAspectRatio: 'xMidYMid slice', 'aria-hidden': 'true' });
  svg.classList.add('segue-artwork');
  svg.append(shape('rect', { width: 100, height: 100, fill: ground }));
  const ink = colours.map((_, place) => colours[(place + turned) % colours.length]);
  svg.append(...PATTERNS[chance.below(PATTERNS.length)](chance, ink, ground));
  return svg;
}

// --- chance that is the same every time -----------------------------------------------------------------------------

function chances(name) {
  let state = 2166136261;
  for (const char of name) state = Math.imul(state ^ char.codePointAt(0), 16777619);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return {
    between: (least, most) => least + next() * (most - least),
    below: (count) => Math.floor(next() * count),
  };
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes))
    made.setAttribute(key, typeof value === 'number' ? Math.round(value * 10) / 10 : value);
  return made;
}

const disc = (cx, cy, r, fill) => shape('circle', { cx, cy, r, fill });

// --- patterns: a few large shapes each ------------------------------------------------------------------------------

// Rings around a point that is not the middle, as on a record.
function orbits(chance, ink, ground) {
  const [x, y] = [chance.between(22, 78), chance.between(22, 78)];
  const step = chance.between(13, 18);
  const rings = [];
  for (let r = step * 5; r >= step; r -= step) rings.push(disc(x, y, r, ink[rings.length % ink.length]));
  return [...rings, disc(x, y, step * 0.45, ground)];
}

// A sun over hills.
function hills(chance, ink) {
  const sun = disc(chance.between(24, 76), chance.between(24, 40), chance.between(13, 20), ink[0]);
  const ridges = [0, 1, 2].map((row) => {
    const top = 48 + row * 16;
    const [a, b] = [chance.between(-18, 18), chance.between(-18, 18)];
    const path = `M0 ${top} C25 ${top - a} 35 ${top + a} 52 ${top + a / 3} S82 ${top - b} 100 ${top + b / 3} V100 H0Z`;
    return shape('path', { d: path, fill: ink[(row + 1) % ink.length] });
  });
  return [sun, ...ridges];
}

// Quarter circles, each turned its own way.
function quarters(chance, ink) {
  const across = 2 + chance.below(2);
  const side = 100 / across;
  const corners = [
    (x, y) => `M${x} ${y}H${x + side}A${side} ${side} 0 0 1 ${x} ${y + side}Z`,
    (x, y) => `M${x + side} ${y}V${y + side}A${side} ${side} 0 0 1 ${x} ${y}Z`,
    (x, y) => `M${x + side} ${y + side}H${x}A${side} ${side} 0 0 1 ${x + side} ${y}Z`,
    (x, y) => `M${x} ${y + side}V${y}A${side} ${side} 0 0 1 ${x + side} ${y + side}Z`,
  ];
  return Array.from({ length: across * across }, (_, place) => {
    const [x, y] = [(place % across) * side, Math.floor(place / across) * side];
    return shape('path', { d: corners[chance.below(4)](x, y), fill: ink[chance.below(ink.length)] });
  });
}

// Strings that swing.
function strings(chance, ink) {
  const [high, lean] = [chance.between(9, 17), chance.between(-14, 14)];
  return Array.from({ length: 6 }, (_, row) => {
    const y = 4 + row * 18;
    const path = `M-5 ${y - lean / 2} C25 ${y - high * 1.6} 25 ${y + high * 1.6} 50 ${y} S75 ${y - high * 1.6} 105 ${y + lean / 2}`;
    return shape('path', { d: path, fill: 'none', stroke: ink[row % ink.length], 'stroke-width': 7.5 });
  });
}

// Levels, the same from both sides.
function bars(chance, ink) {
  const [count, gap] = [7, 100 / 8];
  const half = Array.from({ length: 4 }, () => chance.between(18, 80));
  return Array.from({ length: count }, (_, place) => {
    const height = half[Math.min(place, count - 1 - place)];
    const x = gap * (place + 1) - 4.2;
    return shape('rect', { x, y: 50 - height / 2, width: 8.4, height, rx: 4.2, fill: ink[place % 2 ? 1 : 0] });
  });
}

// Light from below an edge.
function rays(chance, ink) {
  const [x, y, count] = [chance.between(15, 85), 100, 9];
  const fan = Array.from({ length: count }, (_, place) => {
    const [from, to] = [place, place + 0.55].map((part) => Math.PI * (1 + part / count));
    const at = (angle) => `${x + 160 * Math.cos(angle)} ${y + 160 * Math.sin(angle)}`;
    return shape('path', { d: `M${x} ${y}L${at(from)}L${at(to)}Z`, fill: ink[place % 2] });
  });
  return [...fan, disc(x, y, chance.between(20, 30), ink[2])];
}

// A crescent moon over water.
function phases(chance, ink, ground) {
  const [r, x, y] = [chance.between(26, 33), chance.between(40, 60), chance.between(38, 50)];
  const away = chance.between(0.4, 0.8) * r * (chance.below(2) ? 1 : -1);
  const shore = chance.between(64, 78);
  const water = shape('rect', { y: shore, width: 100, height: 100, fill: ink[1] });
  const glint = shape('rect', { x: x - r * 0.7, y: shore + 8, width: r * 1.4, height: 4.5, rx: 2.2, fill: ink[0] });
  return [disc(x, y, r, ink[0]), disc(x + away, y - r * 0.2, r * 0.88, ground), disc(x + away, y - r * 0.2, r * 0.26, ink[2]), water, glint];
}

// Drops in rows, some larger.
function dots(chance, ink) {
  const across = 4;
  const side = 100 / across;
  return Array.from({ length: across * across }, (_, place) => {
    const [x, y] = [(place % across + 0.5) * side, (Math.floor(place / across) + 0.5) * side];
    return disc(x, y, side * chance.between(0.16, 0.5), ink[chance.below(ink.length)]);
  });
}

// Broad bands across.
function bands(chance, ink) {
  const angle = [-45, 45, -30, 60][chance.below(4)];
  let from = -40;
  const made = [];
  while (from < 140) {
    const width = chance.between(9, 24);
    made.push(shape('rect', { x: from, y: -60, width, height: 220, fill: ink[made.length % ink.length], transform: `rotate(${angle} 50 50)` }));
    from += width + chance.between(5, 16);
  }
  return made;
}
