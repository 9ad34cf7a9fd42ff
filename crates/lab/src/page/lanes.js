// Slices as pixels: one pass over what can be seen, added up by pixel column, into a buffer whose
// size is that of the picture. So what a frame costs does not grow with the number of slices.
import { element, prose } from "./dom.js";

/** @typedef {{label: string, first: number, count: number}} LaneRow */
/** @typedef {{model: string, length_ns: number, tick_ns: number, rows: LaneRow[], rows_left_out: number, legend: {name: string, words: string, total_ns: number}[], dropped: number, starts: Uint32Array, lengths: Uint32Array, states: Uint8Array}} Run */

/** Which pixels of a state are darker: its texture. @type {Record<string, (x: number, y: number) => boolean>} */
const TEXTURES = {
  queueing: (x, y) => (x + y) % 6 < 2,
  holding: (x, y) => x % 6 === 0 || y % 6 === 2,
  blocked: (x) => x % 6 < 1,
  "held-up": (x) => x % 4 < 1,
  waiting: (_, y) => y % 6 === 3,
  talking: (x, y) => (x - y + 6000) % 6 < 2,
  runnable: (x, y) => (x - y + 6000) % 6 < 2,
  failed: (x, y) => (x + y) % 6 === 0 || (x - y + 6000) % 6 === 0,
};

/** The colours of states, as they are now. @type {Map<string, Uint32Array> | null} */
let palette = null;

/** After the colours of the page changed. */
export function forgetColours() {
  palette = null;
}

/** The tile of 12 by 12 pixels of a state, repeated when it is drawn. @param {string} name */
export function tile(name) {
  palette ??= new Map();
  const known = palette.get(name);
  if (known) return known;
  const probe = element("i", { hidden: true });
  document.body.append(probe);
  probe.style.color = `var(--state-${name})`;
  const [red, green, blue] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? ["0", "0", "0"]).map(Number);
  probe.remove();
  const dark = TEXTURES[name] ?? (() => false);
  const pixels = new Uint32Array(144);
  for (let y = 0; y < 12; y++) {
    for (let x = 0; x < 12; x++) {
      const share = dark(x, y) ? 0.66 : 1;
      pixels[y * 12 + x] =
        (255 << 24) | ((blue * share) << 16) | ((green * share) << 8) | (red * share);
    }
  }
  palette.set(name, pixels);
  return pixels;
}

/** The first slice of a row that ends after this tick. @param {Run} run @param {LaneRow} row @param {number} tick */
function firstAfter(run, row, tick) {
  let low = row.first;
  let high = row.first + row.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (run.starts[middle] + run.lengths[middle] <= tick) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Draws the rows of a run from one tick to another.
 * @param {HTMLCanvasElement} canvas @param {Run} run
 * @param {{from: number, to: number, lane: number, gap: number, firstRow?: number}} lens in ticks and pixels
 */
export function paint(canvas, run, lens) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  if (!context || width === 0 || height === 0) return;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const tiles = run.legend.map((state) => tile(state.name));
  const states = tiles.length;
  const time = new Float64Array(width * states);
  const scale = width / Math.max(lens.to - lens.from, 1e-9);
  const first = lens.firstRow ?? 0;
  const pitch = lens.lane + lens.gap;
  const last = Math.min(run.rows.length, first + Math.ceil(height / pitch));
  for (let index = first; index < last; index++) {
    const row = run.rows[index];
    time.fill(0);
    addUp(run, row, lens, scale, width, states, time);
    fill(pixels, width, height, (index - first) * pitch, lens.lane, time, tiles);
  }
  context.putImageData(image, 0, 0);
}

/** Time by pixel column and state, in pixels. */
function addUp(run, row, lens, scale, width, states, time) {
  const end = row.first + row.count;
  for (let at = firstAfter(run, row, lens.from); at < end; at++) {
    const start = run.starts[at];
    if (start >= lens.to) break;
    const from = Math.max(0, (start - lens.from) * scale);
    const to = Math.min(width, (start + run.lengths[at] - lens.from) * scale);
    const state = run.states[at];
    let column = Math.floor(from);
    if (to <= column + 1) {
      time[column * states + state] += Math.max(to - from, 1e-4);
      continue;
    }
    time[column * states + state] += column + 1 - from;
    for (column++; column + 1 <= to; column++) time[column * states + state] += 1;
    if (column < width && to > column) time[column * states + state] += to - column;
  }
}

/** The state with most time gives a column its colour, all time in states its height. */
function fill(pixels, width, height, top, lane, time, tiles) {
  const states = tiles.length;
  for (let x = 0; x < width; x++) {
    let most = 0;
    let which = -1;
    let all = 0;
    for (let state = 0; state < states; state++) {
      const here = time[x * states + state];
      all += here;
      if (here > most) {
        most = here;
        which = state;
      }
    }
    if (which < 0) continue;
    const tall = Math.max(1, Math.round(lane * Math.min(1, all)));
    const pixelsOf = tiles[which];
    for (let y = top + lane - tall; y < top + lane && y < height; y++) {
      pixels[y * width + x] = pixelsOf[((y - top) % 12) * 12 + (x % 12)];
    }
  }
}

/** What is at a place of a row; null: nothing. @param {Run} run @param {number} index @param {number} tick */
export function sliceAt(run, index, tick) {
  const row = run.rows[index];
  if (!row) return null;
  const at = firstAfter(run, row, tick);
  if (at >= row.first + row.count || run.starts[at] > tick) return null;
  return { at, start: run.starts[at], length: run.lengths[at], state: run.legend[run.states[at]] };
}

/** A legend of the states that occur, each once. @param {Run[]} runs */
export function legend(runs) {
  const seen = new Map();
  for (const run of runs) for (const state of run.legend) if (!seen.has(state.name)) seen.set(state.name, state.words);
  const entry = ([name, words]) => {
    const swatch = element("canvas", { width: 24, height: 12, "aria-hidden": true });
    const one = { ...runs[0], rows: [{ label: "", first: 0, count: 1 }], legend: [{ name, words, total_ns: 0 }] };
    const sample = { ...one, starts: new Uint32Array([0]), lengths: new Uint32Array([1]), states: new Uint8Array([0]) };
    paint(swatch, sample, { from: 0, to: 1, lane: 12, gap: 0 });
    return element("span", {}, swatch, ...prose(words));
  };
  return element("div", { className: "legend" }, ...[...seen].map(entry));
}
