// The listening clock: the hours of the day around a circle, each as far out as one listens then.
// In: 24 lengths in milliseconds. Out: an SVG; the figures themselves stand in a table beside it.

import { hour } from './zone.js';

const SVG = 'http://www.w3.org/2000/svg';
const [CENTRE, INNER, OUTER, LABEL] = [160, 46, 128, 146];

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function point(turn, radius) {
  const angle = (turn - 0.25) * 2 * Math.PI;
  return `${(CENTRE + radius * Math.cos(angle)).toFixed(1)} ${(CENTRE + radius * Math.sin(angle)).toFixed(1)}`;
}

// A piece of a ring, from one part of a turn to another.
function piece(from, to, inner, outer) {
  const [begin, end] = [from + 0.002, to - 0.002];
  return (
    `M ${point(begin, inner)} L ${point(begin, outer)} A ${outer} ${outer} 0 0 1 ${point(end, outer)} ` +
    `L ${point(end, inner)} A ${inner} ${inner} 0 0 0 ${point(begin, inner)} Z`
  );
}

// `told` says in words what the picture shows.
export function clockFace(hours, told) {
  const svg = shape('svg', { viewBox: '0 0 320 320', role: 'img', class: 'segue-clock', 'aria-label': told });
  const most = Math.max(1, ...hours);
  svg.append(shape('circle', { cx: CENTRE, cy: CENTRE, r: OUTER, class: 'segue-clock-rim' }));
  svg.append(shape('circle', { cx: CENTRE, cy: CENTRE, r: (INNER + OUTER) / 2, class: 'segue-clock-rim' }));
  for (const [at, ms] of hours.entries()) {
    if (!ms) continue;
    const outer = INNER + 2 + (OUTER - INNER - 2) * Math.sqrt(ms / most); // the area of a piece is what one sees
    const kind = ms === most ? 'segue-clock-hour segue-most' : 'segue-clock-hour';
    svg.append(shape('path', { d: piece(at / 24, (at + 1) / 24, INNER, outer), class: kind }));
  }
  for (const at of [0, 6, 12, 18]) {
    const [x, y] = point(at / 24, LABEL).split(' ');
    svg.append(shape('text', { x, y, class: 'segue-clock-label', 'text-anchor': 'middle', 'dominant-baseline': 'middle' }, hour(at)));
  }
  return svg;
}
