// Opens the notebook, and is the frame around it: contents, colours, the presenter's mode, keys.
import { asked, carried, json } from "./api.js";
import { Book } from "./book.js";
import { element, onScreen, wordsOf } from "./dom.js";
import { takeAlong } from "./downloads.js";
import { forgetColours } from "./lanes.js";

/** @param {string} name @returns {any} */
const at = (name) => document.getElementById(name);

/** @type {Book | null} */
let book = null;
let shown = 0;

async function open() {
  const main = at("main");
  if (!carried && !asked) {
    main.replaceChildren(element("h1", {}, "Open the address from the terminal"), element("p", { className: "prose" }, "This page runs programs on this machine, so it wants the token that `maitred lab` printed: the whole address, with what stands behind the #."));
    return;
  }
  try {
    const facts = carried ?? (await asked);
    book = new Book(facts);
    document.title = `${facts.title} · maitred lab`;
    at("machine").textContent = facts.machine;
    at("contents").querySelector("ol").replaceWith(book.contents);
    at("books").replaceChildren(...facts.books.map((one) => element("option", { value: one.name, selected: one.name === facts.name }, one.title)));
    at("books").parentElement.hidden = facts.books.length < 2;
    main.replaceChildren(...facts.mistakes.map((one) => element("p", { className: "status bad" }, `line ${one.line}: ${one.message}`)), ...book.sections, ...(carried ? [] : [takeAlong(facts)]));
    watch();
    if (location.hash.length > 1) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
    else void appear(main);
    document.body.dataset.ready = "yes";
    if (!carried && !facts.complete) void learn(facts);
  } catch (error) {
    main.replaceChildren(element("h1", {}, "The program does not answer"), element("p", { className: "prose" }, `${wordsOf(error)}. Start it again with \`maitred lab\` and open the address that it prints.`));
  }
}

/** Shows the first screen, then lays out the rest. @param {HTMLElement} main */
async function appear(main) {
  main.classList.add("opening");
  await onScreen();
  main.classList.remove("opening");
}

/** Runtimes are asked what they are while the page is open already. @param {any} facts */
async function learn(facts) {
  const here = await json("/api/here");
  facts.missing = here.missing;
  for (const cell of book?.cells ?? []) cell.offer(here.models);
}

/** Marks in the contents where the reader is. */
function watch() {
  const links = [...at("contents").querySelectorAll("a")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links) {
        if (link.getAttribute("href") === `#${entry.target.id}`) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  for (const section of book?.sections ?? []) seen.observe(section);
}

/** @param {string} theme */
function dress(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  repaint();
}

/** Pictures are pixels: who changes the colours draws them again. */
function repaint() {
  forgetColours();
  for (const cell of book?.cells ?? []) {
    if (cell.replay) {
      cell.replay.redraw();
      cell.replay.box.querySelector(".legend")?.replaceWith(cell.replay.key());
    }
  }
}

/** One section a screen. @param {number} number */
function present(number) {
  if (!book) return;
  shown = Math.max(0, Math.min(book.sections.length - 1, number));
  document.body.classList.add("presenting");
  at("stage").hidden = false;
  book.sections.forEach((section, index) => (section.hidden = index !== shown));
  at("place").textContent = `${shown + 1} of ${book.sections.length}`;
  at("said").textContent = book.facts.sections[shown].heading;
  scrollTo(0, 0);
}

function leave() {
  document.body.classList.remove("presenting");
  at("stage").hidden = true;
  for (const section of book?.sections ?? []) section.hidden = false;
  book?.sections[shown]?.scrollIntoView();
}

function isPresenting() {
  return document.body.classList.contains("presenting");
}

/** The section that is being read. */
function here() {
  const current = at("contents").querySelector("[aria-current]")?.getAttribute("href")?.slice(1);
  return Math.max(0, book?.sections.findIndex((section) => section.id === current) ?? 0);
}

addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const replay = () => {
    const near = book?.cells.filter((cell) => cell.replay && !cell.box.closest("[hidden]")).find((cell) => cell.box.getBoundingClientRect().bottom > 80);
    return near?.replay;
  };
  const keys = {
    p: () => (isPresenting() ? leave() : present(here())),
    Escape: () => isPresenting() && leave(),
    ArrowRight: () => isPresenting() && present(shown + 1),
    PageDown: () => isPresenting() && present(shown + 1),
    ArrowLeft: () => isPresenting() && present(shown - 1),
    PageUp: () => isPresenting() && present(shown - 1),
    r: () => replay()?.toggle(),
    ".": () => replay()?.step(1),
    ",": () => replay()?.step(-1),
  };
  const done = keys[event.key]?.();
  if (done !== undefined && done !== false) event.preventDefault();
});

at("fold").addEventListener("click", () => {
  const open = at("contents").classList.toggle("open");
  at("fold").setAttribute("aria-expanded", String(open));
});
at("present").addEventListener("click", () => present(here()));
at("leave").addEventListener("click", leave);
at("next").addEventListener("click", () => present(shown + 1));
at("previous").addEventListener("click", () => present(shown - 1));
at("books").addEventListener("change", () => (location.search = `?book=${encodeURIComponent(at("books").value)}`));
at("theme").addEventListener("change", () => {
  if (!carried) localStorage.setItem("theme", at("theme").value);
  dress(at("theme").value);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
const theme = carried ? "auto" : (localStorage.getItem("theme") ?? "auto");
at("theme").value = theme;
dress(theme);
void open();
