// The names of the layers or lines of a plot, with their colours.
// In: pairs of a name and which layer it is. Out: a list that finds room on any screen, which a plot's own has not.

import { node } from '../draw.js';

export function layerLegend(pairs) {
  const list = node('ul', 'segue-legend');
  for (const [name, layer] of pairs) {
    const item = node('li', 'segue-legend-item');
    const dot = node('i', 'segue-legend-colour');
    dot.style.background = `var(--layer-${layer})`;
    item.append(dot, node('span', 'segue-legend-name', name));
    list.append(item);
  }
  return list;
}
