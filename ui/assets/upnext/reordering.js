// Putting an item elsewhere in a list with mouse, pen or finger.
// In: a list whose rows have `data-key` and a grip. Out: `ended(key, place)` when it is let go; the same place when it was no move.

const EDGE = 48; // so near the edge of what scrolls, it scrolls
const SPEED = 10;

export class Reordering {
  busy = false;

  constructor(list, ended) {
    Object.assign(this, { list, ended });
    list.addEventListener('pointerdown', (event) => this.#begin(event));
  }

  #begin(event) {
    const grip = event.target.closest('.segue-grip');
    if (!grip || event.button) return;
    event.preventDefault();
    grip.focus({ preventScroll: true });
    this.row = grip.closest('[data-key]');
    this.rows = [...this.list.querySelectorAll('[data-key]')];
    this.from = this.to = this.rows.indexOf(this.row);
    this.places = this.rows.map((row) => row.offsetTop);
    Object.assign(this, { busy: true, y: event.clientY, startY: event.clientY, startTop: this.#scroller().scrollTop });
    this.row.classList.add('segue-dragged');
    grip.setPointerCapture(event.pointerId);
    grip.onpointermove = (move) => (this.y = move.clientY);
    grip.onpointerup = grip.onpointercancel = (end) => this.#end(grip, end.type === 'pointerup');
    this.#follow();
  }

  // Every frame, since the list may scroll below a finger that stays where it is.
  #follow() {
    if (!this.busy) return;
    const scroller = this.#scroller();
    const { top, bottom } = scroller.getBoundingClientRect();
    if (this.y < top + EDGE) scroller.scrollTop -= SPEED;
    if (this.y > bottom - EDGE) scroller.scrollTop += SPEED;
    const by = this.y - this.startY + scroller.scrollTop - this.startTop;
    this.row.style.transform = `translateY(${by}px)`;
    this.#makeRoom(this.places[this.from] + by);
    requestAnimationFrame(() => this.#follow());
  }

  #makeRoom(top) {
    const height = this.row.offsetHeight;
    this.to = this.#target(top, height);
    for (const [at, row] of this.rows.entries()) {
      if (row === this.row) continue;
      const up = at > this.from && at <= this.to;
      const down = at < this.from && at >= this.to;
      row.style.transform = up ? `translateY(${-height}px)` : down ? `translateY(${height}px)` : '';
    }
  }

  // The place whose middle it has passed.
  #target(top, height) {
    let to = this.from;
    while (to < this.rows.length - 1 && top + height > this.places[to + 1] + height / 2) to += 1;
    while (to > 0 && top < this.places[to - 1] + height / 2) to -= 1;
    return to;
  }

  #end(grip, kept) {
    grip.onpointermove = grip.onpointerup = grip.onpointercancel = null;
    this.busy = false;
    for (const row of this.rows) row.style.transform = '';
    this.row.classList.remove('segue-dragged');
    this.ended(Number(this.row.dataset.key), kept ? this.to : this.from, this.from);
  }

  #scroller() {
    return this.list.closest('.segue-aside');
  }
}
