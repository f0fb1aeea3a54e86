// A long list of which only what is near the screen stands in the document: 100,000 rows scroll as 100 do.
// In: `Pages`, how one item is drawn, and what room it takes. Out: a box as high as all of it, filled where one looks.

const AHEAD = 1.2; // screens drawn before they are seen
const FETCHED = 4; // screens fetched before they are seen

// `measure(width)` → { columns, width, height, gap }: of one item, in pixels. `draw(item, place)` → element.
export class Windowed {
  constructor(box, pages, { measure, draw, drawn = () => {}, failed = () => {} }) {
    Object.assign(this, { box, pages, measure, draw, drawn, failed });
    this.shown = new Map(); // place → element
    this.frame = 0;
    this.width = 0;
    box.classList.add('segue-windowed');
    this.later = () => (this.frame ||= requestAnimationFrame(() => this.update()));
    this.sizes = new ResizeObserver(() => {
      if (box.clientWidth !== this.width) this.later();
    });
    this.sizes.observe(box);
    document.addEventListener('scroll', this.later, { capture: true, passive: true });
    addEventListener('resize', this.later);
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.closed = true;
    this.sizes.disconnect();
    document.removeEventListener('scroll', this.later, { capture: true });
    removeEventListener('resize', this.later);
  }

  // Everything again: what there is has changed.
  reset() {
    for (const element of this.shown.values()) element.remove();
    this.shown.clear();
    this.update();
  }

  update() {
    this.frame = 0;
    if (this.closed || !this.box.isConnected) return;
    this.#layOut();
    const { top, bottom, screen } = this.#seen();
    const { columns, height, gap } = this.room;
    const rows = (pixels) => Math.floor(pixels / (height + gap));
    const first = Math.max(0, rows(top - screen * AHEAD)) * columns;
    const last = Math.min(this.pages.items.length, (rows(bottom + screen * AHEAD) + 1) * columns);
    this.#show(first, last);
    const loaded = Math.ceil(this.pages.items.length / columns) * (height + gap);
    if (!this.pages.ended && bottom + screen * FETCHED > loaded) this.#more();
  }

  // Brings an item into view and returns its element.
  reveal(place) {
    const { columns, height, gap } = this.room;
    const top = this.box.getBoundingClientRect().top + Math.floor(place / columns) * (height + gap);
    const [above, below] = this.#margins();
    const scroller = this.#scroller();
    if (top < above) scroller.scrollTop += top - above;
    else if (top + height > innerHeight - below) scroller.scrollTop += top + height - innerHeight + below;
    this.update();
    return this.shown.get(place);
  }

  #layOut() {
    if (this.box.clientWidth !== this.width) {
      this.width = this.box.clientWidth;
      this.room = this.measure(this.width);
      for (const [place, element] of this.shown) this.#put(element, place);
    }
    const { columns, height, gap } = this.room;
    const all = Math.ceil(this.pages.items.length / columns);
    this.box.style.height = `${Math.max(0, all * (height + gap) - gap)}px`;
  }

  #seen() {
    const { top } = this.box.getBoundingClientRect();
    return { top: -top, bottom: innerHeight - top, screen: innerHeight };
  }

  #show(first, last) {
    const focused = document.activeElement;
    for (const [place, element] of this.shown) {
      if ((place >= first && place < last) || element.contains(focused)) continue;
      element.remove();
      this.shown.delete(place);
    }
    let following = null;
    for (let place = last - 1; place >= first; place -= 1) {
      following = this.shown.get(place) ?? this.#add(place, following);
    }
  }

  #add(place, following) {
    const element = this.draw(this.pages.items[place], place);
    this.#put(element, place);
    this.shown.set(place, element);
    this.box.insertBefore(element, following ?? this.#after(place));
    return element;
  }

  // What stands after `place` in the document: one that has the focus may have been kept from far away.
  #after(place) {
    const later = [...this.shown.keys()].filter((other) => other > place);
    return later.length ? this.shown.get(Math.min(...later)) : null;
  }

  #put(element, place) {
    const { columns, width, height, gap } = this.room;
    const [x, y] = [(place % columns) * (width + gap), Math.floor(place / columns) * (height + gap)];
    element.style.transform = `translate(${x}px, ${y}px)`;
    element.style.width = `${width}px`;
    element.style.height = `${height}px`;
  }

  async #more() {
    if (this.asking || this.broken) return;
    this.asking = true;
    this.box.setAttribute('aria-busy', 'true');
    try {
      await this.pages.more();
      this.later();
    } catch (error) {
      this.broken = true;
      this.failed(error, () => {
        this.broken = false;
        this.later();
      });
    }
    this.asking = false;
    this.box.removeAttribute('aria-busy');
    this.drawn();
  }

  #scroller() {
    for (let above = this.box.parentElement; above; above = above.parentElement) {
      const { overflowY } = getComputedStyle(above);
      if (/auto|scroll/.test(overflowY) && above.scrollHeight > above.clientHeight) return above;
    }
    return document.scrollingElement;
  }

  // What the header and the player cover of the screen.
  #margins() {
    const style = getComputedStyle(this.box);
    return ['scroll-margin-top', 'scroll-margin-bottom'].map((name) => parseFloat(style.getPropertyValue(name)) || 0);
  }
}
