// Elements, and how figures are written. Nothing here knows what a cell is.

/**
 * Makes an element. What is a function becomes a listener, what is true an attribute without value.
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function element(tag, attributes = {}, ...children) {
  /** @type {any} */
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "className") made.className = value;
    else if (name === "value") made.value = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) made.append(child);
  return made;
}

/** What went wrong, in words. @param {any} error */
export function wordsOf(error) {
  return String(error?.message ?? error);
}

/** Makes copies of what is read once: a page of many cells takes a tenth of the time for them. @param {string} markup of one element, with no space between its lines @returns {() => any} */
export function copies(markup) {
  const place = document.createElement("template");
  place.innerHTML = markup.replaceAll("\n", "");
  return () => place.content.firstElementChild?.cloneNode(true);
}

/** Three digits and a unit, as everywhere in maitred. @param {number} ns */
export function duration(ns) {
  if (!Number.isFinite(ns)) return "?";
  const units = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]];
  let at = 0;
  while (at < 3 && ns >= Number(units[at + 1][1]) * 0.9995) at++;
  return `${three(ns / Number(units[at][1]))} ${units[at][0]}`;
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (at < units.length - 1 && bytes >= 1024) {
    bytes /= 1024;
    at++;
  }
  return `${three(bytes)} ${units[at]}`;
}

/** Three digits that tell. @param {number} number */
export function three(number) {
  if (number === 0) return "0";
  const whole = Math.max(0, Math.floor(Math.log10(Math.abs(number)) + 1e-9) + 1);
  return number.toFixed(Math.max(0, Math.min(2, 3 - whole)));
}

/** A figure that may be unknown: its text, or ? with the reason. @param {any} observed @param {(value: any) => string} show */
export function observed(observed, show) {
  if (observed && "known" in observed) return show(observed.known);
  return element("abbr", { title: observed?.unknown ?? "it was not measured" }, "?");
}

/** A sentence in which backticks set off names. @param {string} text @returns {(string|HTMLElement)[]} */
export function prose(text) {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return [text];
  return parts.map((part, place) => (place % 2 === 0 ? part : element("code", {}, part)));
}

/** A whole number with its thousands apart. @param {number} count */
export function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** @param {number} count @param {string} noun */
export function plural(count, noun) {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Hands a file to the reader. @param {string} name @param {Blob} blob */
export function download(name, blob) {
  const address = URL.createObjectURL(blob);
  const link = element("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Makes something once its place is near what is on the screen, or is about to be printed. @param {Element} place @param {() => unknown} make */
export function whenSeen(place, make) {
  const now = () => {
    seen.disconnect();
    removeEventListener("beforeprint", now);
    make();
  };
  const seen = new IntersectionObserver((entries) => void (entries.some((entry) => entry.isIntersecting) && now()), { rootMargin: "400px 0px" });
  seen.observe(place);
  addEventListener("beforeprint", now);
}

/** Waits until what was changed is on the screen; a page that nobody sees is not drawn, and waits for a moment. */
export function onScreen() {
  return new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, 100);
  });
}

/** Whether things may move. */
export function mayMove() {
  return !matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** The ground on which pictures stand now. */
export function ground() {
  const theme = document.documentElement.dataset.theme ?? "auto";
  const dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  return dark ? "dark" : "light";
}

/** What a picture is loaded from. @param {Blob} blob @returns {Promise<string>} */
export function asData(blob) {
  return new Promise((done) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(String(reader.result)));
    reader.readAsDataURL(blob);
  });
}
