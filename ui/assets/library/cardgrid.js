// Cards in rows, however many: albums, artists.
// In: `Pages` and how a card is drawn. Out: a windowed grid that is walked with the arrow keys.

import { failure, node } from '../draw.js';
import { bonesBelow } from './loading.js';
import { Windowed } from './windowed.js';

const GAP = 20;
const WORDS = 84; // pixels below the picture; a third line of a title reaches into the gap
const LEAST = { narrow: 136, wide: 172 };
const NARROW = 560;

function measure(width) {
  const least = width < NARROW ? LEAST.narrow : LEAST.wide;
  const gap = width < NARROW ? GAP * 0.7 : GAP;
  const columns = Math.max(2, Math.floor((width + gap) / (least + gap)));
  const card = (width - gap * (columns - 1)) / columns;
  return { columns, width: card, height: card + WORDS, gap };
}

export class CardGrid {
  constructor(app, holder, pages, { label, card, counted = () => {} }) {
    Object.assign(this, { app, pages, counted });
    this.box = node('div', 'segue-card-grid');
    this.box.setAttribute('role', 'list');
    this.box.setAttribute('aria-label', label);
    holder.append(this.box);
    this.list = new Windowed(this.box, pages, {
      measure,
      draw: (item, place) => this.#item(card(item), place),
      drawn: () => this.#drawn(),
      failed: (error, retry) => this.#failed(error, retry),
    });
    this.box.addEventListener('keydown', (event) => this.#pressed(event));
    this.settled = bonesBelow(this.box, pages, 'cards');
    counted(pages);
    this.list.update();
  }

  close() {
    this.list.close();
  }

  reset() {
    this.counted(this.pages);
    this.list.reset();
  }

  #drawn() {
    this.settled();
    this.counted(this.pages);
  }

  #item(card, place) {
    const item = node('div', 'segue-card-place');
    item.setAttribute('role', 'listitem');
    item.setAttribute('aria-setsize', this.pages.ended ? this.pages.items.length : -1);
    item.setAttribute('aria-posinset', place + 1);
    item.dataset.place = place;
    item.append(card);
    return item;
  }

  #pressed(event) {
    const item = event.target.closest('.segue-card-place');
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const { columns } = this.list.room;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation(); // the arrows are the player's elsewhere
    const to = Number(item.dataset.place) + by;
    if (to < 0 || to >= this.pages.items.length) return;
    this.list.reveal(to)?.querySelector('a')?.focus({ preventScroll: true });
  }

  #failed(error, retry) {
    const told = node('div');
    this.box.after(told);
    failure(this.app, told, error, () => {
      told.remove();
      retry();
    });
  }
}
