// What a reader takes along: figures, pictures of lines and of pixels, traces; the whole notebook.
import { file, recordedOf } from "./api.js";
import { asData, download, duration, element, ground, prose, wordsOf } from "./dom.js";
import { legend } from "./lanes.js";
import { nameOf } from "./replay.js";

/** Pixels of a picture for each that it has on the page. */
const FINE = 2;

/** A button that makes a file and hands it over; what goes wrong is said. @param {any} say @param {string} words @param {string} name @param {() => Promise<Blob>} make */
function offer(say, words, name, make) {
  const take = async () => {
    try {
      download(name, await make());
      say(`${name} is saved`);
    } catch (error) {
      say(wordsOf(error), true);
    }
  };
  return element("button", { type: "button", className: "plain", "aria-label": `${words}, ${name}`, "data-file": name, click: () => void take() }, words);
}

/** Everything that there is of a result, a line for each thing. @param {any} cell */
export async function downloads(cell) {
  const result = await recordedOf(cell.result);
  const { id } = cell.facts;
  const say = (text, bad) => cell.say(text, bad);
  const get = (words, ending, path) => offer(say, words, `${id}${ending}`, () => file(path));
  const drawn = (what, path) => [get("SVG", `.${what}.svg`, path), offer(say, "PNG", `${id}.${what}.png`, async () => pixels(await file(path)))];
  const line = (what, ...buttons) => element("tr", {}, element("th", { scope: "row" }, what), element("td", {}, ...buttons));
  const dressed = (path) => `${path}?theme=${ground()}`;
  const charts = result.charts.map((name) => line(name, ...drawn(name, dressed(`/api/picture/${result.id}/${name}`))));
  const runs = result.replays.map((run, number) => {
    const what = run.model.replaceAll("/", "-").replaceAll(":", "-");
    return line(`the recorded run of ${nameOf(run.model)}`, ...drawn(what, dressed(`/api/picture/${result.id}/timeline-${number}`)), get("trace", `.${what}.trace`, `/api/trace/${result.id}/${number}`));
  });
  const replay = cell.replay !== null && result.replays.length > 0 && line("all replays on one clock", offer(say, "PNG", `${id}.replay.png`, () => together(cell)));
  const figures = line("all figures", get("JSON", ".json", `/api/result/${result.id}`));
  return element("div", {},
    cell.facts.kind !== "claim" && element("p", { className: "hint" }, ...prose("`maitred show` shows the JSON and the traces again; `maitred compare … --against` holds a new run beside the JSON.")),
    element("table", { className: "files" }, element("tbody", {}, figures, replay, ...charts, ...runs)));
}

/** The whole notebook, with what was found in it. @param {any} book */
export function takeAlong(book) {
  const said = element("span", { role: "status" });
  const say = (text) => (said.textContent = text);
  const name = encodeURIComponent(book.name);
  return element("footer", { className: "along" }, "The whole notebook, with what was found here: ",
    offer(say, "a page", `${book.name}.html`, () => file(`/api/export?name=${name}`)),
    offer(say, "a notebook of Jupyter", `${book.name}.ipynb`, () => file(`/api/jupyter?name=${name}`)), said);
}

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
function png(canvas) {
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("this browser draws no picture so large; take the SVG"))), "image/png"));
}

/** A picture of lines as pixels. @param {Blob} svg */
async function pixels(svg) {
  const image = element("img", { src: await asData(svg) });
  await image.decode();
  const canvas = element("canvas", { width: image.naturalWidth * FINE, height: image.naturalHeight * FINE });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return png(canvas);
}

/** All models of the replay at its end, with their names, their times and what the colours mean. @param {any} cell */
function together(cell) {
  const { pictures, box } = cell.replay;
  const wide = Math.max(...pictures.map((one) => one.full.width));
  const unit = wide / Math.max(1, pictures[0].canvas.clientWidth);
  const [names, times, top, gap] = [170, 90, 34, 16].map((size) => Math.round(size * unit));
  const tall = (one) => Math.max(one.full.height, 30 * unit) + gap;
  const whole = element("canvas", { width: names + wide + times, height: Math.ceil(top + pictures.reduce((sum, one) => sum + tall(one), 0)) });
  const context = whole.getContext("2d");
  const style = getComputedStyle(cell.box);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, whole.width, whole.height);
  context.fillStyle = getComputedStyle(box).color;
  context.textBaseline = "middle";
  const write = (text, x, y, weight = 400) => {
    context.font = `${weight} ${Math.round(13 * unit)}px ${style.fontFamily}`;
    context.fillText(text, x, y);
    return context.measureText(text).width;
  };
  let x = 12 * unit;
  for (const entry of legend(cell.runs).children) {
    context.drawImage(entry.querySelector("canvas"), x, 10 * unit, 24 * unit, 12 * unit);
    x += 30 * unit + write(entry.textContent, x + 30 * unit, 16 * unit) + 18 * unit;
  }
  let y = top;
  for (const one of pictures) {
    context.drawImage(one.full, names, y);
    write(nameOf(one.run.model), 12 * unit, y + 9 * unit, 600);
    write(duration(one.run.length_ns), names + wide + 12 * unit, y + 9 * unit, 600);
    y += tall(one);
  }
  return png(whole);
}
