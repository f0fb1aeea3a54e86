// Who is near: the dots of the map sorted into square cells, so that the nearest are found without asking all.
// In: places in the unit square. Out: indices of dots, nearest first.

const A_CELL = 4; // dots that share one, on average

export class Places {
  constructor(x, y) {
    this.x = x;
    this.y = y;
    this.side = Math.max(1, Math.min(512, Math.round(Math.sqrt(x.length / A_CELL))));
    const cells = Uint32Array.from(x.keys(), (_, place) => this.#cell(y[place]) * this.side + this.#cell(x[place]));
    this.begin = new Uint32Array(this.side * this.side + 1);
    for (const cell of cells) this.begin[cell + 1]++;
    for (let cell = 0; cell < this.begin.length - 1; cell++) this.begin[cell + 1] += this.begin[cell];
    const next = this.begin.slice();
    this.sorted = new Uint32Array(x.length);
    for (const [place, cell] of cells.entries()) this.sorted[next[cell]++] = place;
  }

  // The `count` dots nearest to a point, nearest first, looked for in rings around its cell.
  nearest(px, py, count = 1) {
    const [cx, cy] = [this.#cell(px), this.#cell(py)];
    let found = [];
    for (let ring = 0; ring < this.side; ring++) {
      this.#ring(cx, cy, ring, (place) => found.push([(this.x[place] - px) ** 2 + (this.y[place] - py) ** 2, place]));
      const sure = (ring / this.side) ** 2; // nothing in a later ring is nearer than this
      if (found.length < count) continue;
      found = found.sort((a, b) => a[0] - b[0]).slice(0, count);
      if (found[count - 1][0] <= sure) break;
    }
    return found.sort((a, b) => a[0] - b[0]).slice(0, count).map(([, place]) => place);
  }

  // The nearest dot that lies this way (`dx`, `dy`: one of the four directions), or undefined.
  towards(from, dx, dy) {
    const ahead = this.nearest(this.x[from], this.y[from], 400).flatMap((place) => {
      const [x, y] = [this.x[place] - this.x[from], this.y[place] - this.y[from]];
      const [along, aside] = [x * dx + y * dy, Math.abs(x * dy + y * dx)];
      return along > 0 && along >= aside ? [[along + 2 * aside, place]] : [];
    });
    return ahead.sort((a, b) => a[0] - b[0])[0]?.[1];
  }

  #cell(part) {
    return Math.max(0, Math.min(this.side - 1, Math.floor(part * this.side)));
  }

  #ring(cx, cy, ring, take) {
    for (let y = Math.max(0, cy - ring); y <= Math.min(this.side - 1, cy + ring); y++) {
      const whole = Math.abs(y - cy) === ring; // else only its two ends belong to the ring
      for (let x = cx - ring; x <= cx + ring; x += whole || !ring ? 1 : 2 * ring) {
        if (x < 0 || x >= this.side) continue;
        const cell = y * this.side + x;
        for (let at = this.begin[cell]; at < this.begin[cell + 1]; at++) take(this.sorted[at]);
      }
    }
  }
}
