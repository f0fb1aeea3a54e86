// Large figures with what they count below them.
// In: pairs of a figure and its words. Out: a list.

import { node } from '../draw.js';

export function tiles(pairs) {
  const list = node('dl', 'segue-tiles');
  for (const [figure, words] of pairs.filter(Boolean)) {
    const tile = node('div', 'segue-tile');
    tile.append(node('dt', '', words), node('dd', '', figure));
    list.append(tile);
  }
  return list;
}
