// Rows of a track table are put in another order: dragged by their grips, or moved with Alt and the arrow keys.
// In: a table whose column `extra` has a grip. Out: `moved(from, to)`; where it would land is shown while one drags.

import { node } from '../draw.js';
import { ROW } from './tracktable.js';

const EDGE = 90; // pixels from the screen's edge where the page scrolls along
const STEP = 14;

export class Reorder {
  constructor(table, moved) {
    Object.assign(this, { table, moved, from: null });
    this.line = node('div', 'segue-drop');
    this.line.hidden = true;
    table.body.append(this.line);
    table.body.addEventListener('pointerdown', (event) => this.#down(event));
    table.body.addEventListener('pointermove', (event) => this.#move(event));
    table.body.addEventListener('pointerup', () => this.#drop());
    table.body.addEventListener('pointercancel', () => this.#end());
    this.escaped = (event) => event.key === 'Escape' && this.#end();
    document.addEventListener('keydown', this.escaped);
  }

  close() {
    this.#end();
    document.removeEventListener('keydown', this.escaped);
  }

  // The option `pressed` of the table: true when it was a move.
  pressed(event, place) {
    const by = event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by) return false;
    event.preventDefault();
    event.stopPropagation();
    const to = place + by;
    if (to >= 0 && to < this.table.pages.items.length) {
      this.moved(place, to);
      this.table.focus(to);
    }
    return true;
  }

  #down(event) {
    const grip = event.target.closest('.segue-grip');
    if (!grip || event.button) return;
    event.preventDefault();
    const row = grip.closest('.segue-track');
    this.from = this.to = Number(row.dataset.place);
    this.row = row;
    row.classList.add('segue-dragged');
    this.table.body.setPointerCapture(event.pointerId);
    this.at = event.clientY;
    this.scrolling = setInterval(() => this.#along(), 16);
  }

  #move(event) {
    if (this.from === null) return;
    this.at = event.clientY;
    this.#show();
  }

  // The gap that is nearest to the pointer.
  #show() {
    const { top } = this.table.body.getBoundingClientRect();
    const gap = Math.round((this.at - top) / ROW);
    const within = Math.max(0, Math.min(this.table.pages.items.length, gap));
    this.to = within > this.from ? within - 1 : within;
    this.line.hidden = false;
    this.line.style.transform = `translateY(${within * ROW - 1}px)`;
  }

  #along() {
    const by = this.at < EDGE ? -STEP : this.at > innerHeight - EDGE * 2 ? STEP : 0;
    if (!by) return;
    scrollBy(0, by);
    this.#show();
  }

  #drop() {
    const [from, to] = [this.from, this.to];
    this.#end();
    if (from !== null && to !== from) this.moved(from, to);
  }

  #end() {
    clearInterval(this.scrolling);
    this.row?.classList.remove('segue-dragged');
    this.line.hidden = true;
    this.from = this.row = null;
  }
}
