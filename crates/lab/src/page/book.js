// A notebook as a page: contents with their verdicts, prose, cells in their places.
import { carried } from "./api.js";
import { Cell } from "./cell.js";
import { element } from "./dom.js";

export class Book {
  /** @param {any} facts */
  constructor(facts) {
    this.facts = facts;
    this.cells = [];
    this.tables = 0;
    this.sections = facts.sections.map((section, number) => this.section(section, number));
    this.contents = element("ol", {}, ...facts.sections.map((section) => this.entry(section)));
    this.mark();
  }

  section(section, number) {
    const box = element("div", { className: "section", id: section.id }, element(number === 0 ? "h1" : "h2", {}, section.heading));
    for (const part of section.parts) {
      if (part.kind === "cell") {
        const cell = new Cell(part.cell, this.facts, { level: number === 0 ? 2 : 3,  ran: () => this.mark(), advance: (from) => this.advance(from) });
        this.cells.push(cell);
        box.append(cell.box);
      } else {
        // Made by our own renderer, which lets nothing through that runs or loads.
        const prose = element("div", { className: part.kind });
        prose.innerHTML = part.html;
        for (const table of prose.querySelectorAll("table")) {
          const label = `Table ${++this.tables}, ${section.heading}`;
          const wide = element("div", { className: "wide", tabindex: 0, role: "region", "aria-label": label });
          table.replaceWith(wide);
          wide.append(table);
        }
        box.append(prose);
      }
    }
    return box;
  }

  entry(section) {
    return element("li", {}, element("a", { href: `#${section.id}` }, section.heading, element("span", { className: "mark" })));
  }

  /** Says in the contents what was found. */
  mark() {
    this.facts.sections.forEach((section, number) => {
      const cells = section.parts.filter((part) => part.kind === "cell").map((part) => part.cell);
      const found = cells.flatMap((cell) => cell.result?.claims ?? []).map((claim) => claim.verdict);
      const mark = this.contents.children[number].querySelector(".mark");
      const worst = ["refuted", "inconclusive", "cannot-be-tested", "holds"].find((one) => found.includes(one));
      mark.className = `mark ${worst ?? ""}`;
      const ran = cells.some((cell) => cell.result);
      mark.textContent = cells.length === 0 ? "" : (worst ?? (ran ? "run" : carried ? "" : "not run")).replaceAll("-", " ");
    });
  }

  /** To the cell after this one. */
  advance(from) {
    const next = this.cells[this.cells.indexOf(from) + 1];
    if (!next) return;
    next.box.scrollIntoView({ block: "center" });
    next.button.focus({ preventScroll: true });
  }
}
