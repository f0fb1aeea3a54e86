// Many dots on a canvas, painted pixel by pixel: 100,000 of them follow a finger without help from a graphics card.
// In: places in the unit square, a colour and a radius for each. Out: pixels; nothing here knows what a dot stands for.

const STEPS = 4; // radii are kept in quarters of a pixel
const MOST = 28; // the largest radius, in pixels of the screen
const [PLAIN, FAINT] = [216, 36]; // of 256: what is under a dot shines through

// How much of each pixel a disc of this radius covers, 0 to 256, row by row.
function disc(radius) {
  const reach = Math.ceil(radius + 0.5) - 1; // beyond it nothing is covered
  const side = 2 * reach + 1;
  const cover = new Uint16Array(side * side);
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const edge = radius + 0.5 - Math.hypot(x, y);
      cover[(y + reach) * side + x + reach] = Math.round(256 * Math.min(1, Math.max(0, edge)));
    }
  }
  return { reach, side, cover };
}

const discs = Array.from({ length: MOST * STEPS + 1 }, (_, step) => (step ? disc(step / STEPS) : null));

// Indices, the lightest first; most weigh nothing, and only the others have to be sorted.
function byWeight(weight) {
  const order = new Uint32Array(weight.length);
  const heavy = [];
  let light = 0;
  for (let place = 0; place < weight.length; place++) {
    if (weight[place]) heavy.push(place);
    else order[light++] = place;
  }
  order.set(heavy.sort((a, b) => weight[a] - weight[b]), light);
  return order;
}

const pixels = new Map(); // colour → pixel, as asking a canvas takes a while
const one = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });

// Any colour that CSS knows, as the bytes of a pixel.
export function pixel(colour) {
  if (!pixels.has(colour)) {
    one.fillStyle = colour;
    one.fillRect(0, 0, 1, 1);
    pixels.set(colour, new Uint32Array(one.getImageData(0, 0, 1, 1).data.buffer)[0]);
  }
  return pixels.get(colour);
}

export class Dots {
  // `x` and `y` are 0…1; `weight` (0…1) makes a dot larger and is painted later.
  constructor(x, y, weight) {
    this.x = x;
    this.y = y;
    this.weight = weight;
    this.order = byWeight(weight);
  }

  // `palette` are pixels, `index` says which of them each dot has; `faint` (bytes) marks dots that stand back.
  dress(palette, index, faint = null) {
    this.palette = palette;
    this.index = index;
    this.faint = faint;
  }

  // Radius of a dot of no weight, in pixels: dots grow more slowly than the distances between them.
  #base({ width, height, zoom, density }) {
    const room = Math.sqrt((width * height) / Math.max(1, this.x.length));
    const base = Math.min(5.5 * density, Math.max(0.9 * density, room * 0.16));
    return base * Math.min(zoom, 40) ** 0.45;
  }

  radius(place, view) {
    return Math.min(MOST, this.#base(view) * (1 + 1.4 * this.weight[place]));
  }

  // `view`, in pixels: width and height, `left` and `top` of the unit square, how far it reaches `across` and `down`;
  // `zoom`, and `density` (pixels to a CSS pixel).
  paint(context, view, ground) {
    const { width, height, across, down, left, top } = view;
    if (this.image?.width !== width || this.image?.height !== height) this.image = new ImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    pixels.fill(ground);
    const base = this.#base(view);
    const one = (place, strength) => {
      const cx = Math.round(this.x[place] * across + left);
      const cy = Math.round(this.y[place] * down + top);
      if (cx < -MOST || cy < -MOST || cx > width + MOST || cy > height + MOST) return;
      const radius = Math.min(MOST, base * (1 + 1.4 * this.weight[place]));
      lay(pixels, width, height, cx, cy, discs[Math.round(radius * STEPS)], this.palette[this.index[place]], strength);
    };
    if (this.faint) for (const place of this.order) if (this.faint[place]) one(place, FAINT);
    for (const place of this.order) if (!this.faint?.[place]) one(place, PLAIN);
    context.putImageData(this.image, 0, 0);
  }
}

// One disc over what is there; two channels are mixed at once, as each has room for its product.
function lay(pixels, width, height, cx, cy, { reach, side, cover }, colour, strength) {
  const red = colour & 0xff00ff;
  const green = colour & 0x00ff00;
  const first = Math.max(0, cx - reach);
  const last = Math.min(width - 1, cx + reach);
  const end = Math.min(height - 1, cy + reach);
  for (let y = Math.max(0, cy - reach); y <= end; y++) {
    let of = (y - cy + reach) * side + reach - cx + first;
    for (let x = first, at = y * width + first; x <= last; x++, at++, of++) {
      const share = (cover[of] * strength) >> 8;
      if (share === 0) continue;
      const under = pixels[at];
      const r = (Math.imul(red, share) + Math.imul(under & 0xff00ff, 256 - share)) >>> 8;
      const g = (Math.imul(green, share) + Math.imul(under & 0x00ff00, 256 - share)) >>> 8;
      pixels[at] = 0xff000000 | (r & 0xff00ff) | (g & 0x00ff00);
    }
  }
}
