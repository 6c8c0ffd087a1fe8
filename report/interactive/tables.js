// Tables that sort by the column whose heading is pressed: upwards, downwards, and as they were. Tables that are too wide.

import { element } from "./dom.js";

const FEWEST_ROWS = 3;
const MOST_LETTERS_SQUEEZED = 30;
const LARGEST_SHARE_HELD = 0.45; // of the width that is there, for the first column
const UNITS = { h: 3600, min: 60, s: 1, ms: 0.001 };
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

/** Makes the headings of every table in the text into buttons. */
export function makeTablesSortable() {
  for (const table of document.querySelectorAll("main table")) {
    const heads = table.tHead?.rows.length === 1 ? [...table.tHead.rows[0].cells] : [];
    const rows = [...(table.tBodies[0]?.rows ?? [])];
    const plain = rows.every((row) => row.cells.length === heads.length && !isGroupHeading(row));
    if (rows.length < FEWEST_ROWS || !plain || table.closest("[data-widget], .sourceCode")) continue;
    heads.forEach((head, column) => makeSortable(head, column, heads, rows));
  }
}

/** Marks tables wider than their place: long texts get room, and a first column that names each row stays in sight. */
export function easeWideTables() {
  for (const table of document.querySelectorAll("main table")) {
    const room = table.parentElement.clientWidth;
    if (table.offsetWidth <= room + 1) continue;
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    const namesRow = (cell) => cell.textContent.trim() && cell.offsetWidth <= LARGEST_SHARE_HELD * room;
    table.classList.toggle("w-held", rows.every((row) => namesRow(row.cells[0])));
    for (const cell of rows.flatMap((row) => [...row.cells].slice(1))) {
      const text = cell.textContent.trim();
      cell.classList.toggle("w-words", text.length > MOST_LETTERS_SQUEEZED && Number.isNaN(numberIn(text)));
    }
  }
}

/** Whether a row names the rows below it: one bold cell, the others empty. Sorted, it would lose them. */
function isGroupHeading(row) {
  const [first, ...others] = row.cells;
  return others.length > 0 && first.querySelector("strong") && others.every((cell) => !cell.textContent.trim());
}

function makeSortable(head, column, heads, rows) {
  if (!head.textContent.trim()) return;
  const button = element("button", { type: "button", class: "w-sort" }, ...head.childNodes);
  head.append(button);
  head.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => {
    const order = NEXT[head.getAttribute("aria-sort")];
    for (const each of heads) if (each.hasAttribute("aria-sort")) each.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    rows[0].parentNode.append(...(order === "none" ? rows : sorted(rows, column, order === "descending")));
  });
}

function sorted(rows, column, downwards) {
  const texts = new Map(rows.map((row) => [row, row.cells[column].textContent.trim()]));
  const present = rows.filter((row) => !isMissing(texts.get(row)));
  const numbers = new Map(present.map((row) => [row, numberIn(texts.get(row))]));
  const numeric = present.every((row) => !Number.isNaN(numbers.get(row)));
  const compare = numeric
    ? (a, b) => numbers.get(a) - numbers.get(b)
    : (a, b) => texts.get(a).localeCompare(texts.get(b), undefined, { numeric: true });
  const ordered = present.sort((a, b) => (downwards ? -compare(a, b) : compare(a, b)));
  return [...ordered, ...rows.filter((row) => isMissing(texts.get(row)))]; // what is missing comes last, either way
}

function isMissing(text) {
  return text === "" || text === "–" || text === "-";
}

/** The number with which a cell begins: "−0.02 (−0.05 to 0.01)", "5 856", "1 h 05 min" in seconds; NaN for other text. */
export function numberIn(text) {
  const plain = text.replace(/[\u202f\u00a0\u2009]/g, " ").replace(/−/g, "-").replace(/(?<=\d) (?=\d{3}(?!\d))/g, "");
  const parts = [...plain.matchAll(/(\d+(?:\.\d+)?) ?(h|min|ms|s)\b/g)];
  if (parts.length && parts[0].index === 0) return parts.reduce((sum, [, value, unit]) => sum + value * UNITS[unit], 0);
  const found = /^[<>≤≥±×]? ?(-?\d+(?:\.\d+)?(?:e-?\d+)?)(?![\w-])/.exec(plain);
  return found ? Number(found[1]) : NaN;
}
