// What lies over the dots of the map: rings around those that are chosen, paths from one to another.
// In: a canvas, places in CSS pixels, colours. Out: lines with a rim of the ground, so that they stand out from any dot.

export function ring(context, { x, y }, radius, { colour, ground, width }) {
  for (const [ink, line] of [[ground, width + 3], [colour, width]]) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    Object.assign(context, { strokeStyle: ink, lineWidth: line });
    context.stroke();
  }
}

// `kind` is 'played' (a quiet dotted line) or 'journey' (a strong one with its steps numbered).
export function path(context, points, kind, ink, font) {
  const journey = kind === 'journey';
  context.setLineDash(journey ? [] : [1, 6]);
  for (const [colour, width] of [[ink.ground, journey ? 6 : 5], [journey ? ink.accent : ink.text, journey ? 3 : 2]]) {
    Object.assign(context, { strokeStyle: colour, lineWidth: width, lineJoin: 'round', lineCap: 'round' });
    context.beginPath();
    for (const { x, y } of points) context.lineTo(x, y);
    context.stroke();
  }
  context.setLineDash([]);
  if (journey) for (const [step, point] of points.entries()) number(context, step + 1, point, ink, font);
}

function number(context, step, { x, y }, ink, font) {
  Object.assign(context, { fillStyle: ink.accent, strokeStyle: ink.ground, lineWidth: 2 });
  context.beginPath();
  context.arc(x, y, 10, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  Object.assign(context, { fillStyle: ink.ground, font: `650 11px ${font}`, textAlign: 'center', textBaseline: 'middle' });
  context.fillText(step, x, y + 0.5);
}
