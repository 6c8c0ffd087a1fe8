// The record behind a number, shown where the number stands; and a list of all records to search.
//
// The data are in record-cards.js, which the pre-render step writes beside this script and which is loaded when they are
// first needed. See pneumo.reporting.provenance.record_cards.

import { showDialog } from "./dialog.js";
import { element } from "./dom.js";
import { dataOf } from "./scripts.js";

const MOST_SHOWN = 40;

/** All cards; the file is read once. */
function cards() {
  return dataOf("record-cards.js", "pneumoRecordCards");
}

/** A click on a measured number shows its records, unless it asks for another tab; so does a key of the list. */
export function showRecordsInPlace() {
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a.measured, a.w-record");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      const anchor = decodeURIComponent(link.hash.slice(1));
      const wanted = link.dataset.records?.split(" ");
      const found = (await cards()).records.filter((card) =>
        wanted ? wanted.includes(card.key.slice(0, 8)) : [card.anchor, card.groupAnchor].includes(anchor),
      );
      if (!found.length) throw new Error(`no record at ${anchor}`);
      showRecords(link.matches(".measured") ? link.textContent : "", found, siteRoot(link));
    } catch (error) {
      console.error(error);
      location.href = link.href; // the list of records says the same, in less detail
    }
  });
  for (const key of document.querySelectorAll("span.record[id]")) {
    key.replaceChildren(element("a", { class: "w-record", href: `#${key.id}` }, ...key.childNodes));
  }
}

/** The folder of the site, seen from a link to report/provenance.html. */
function siteRoot(link) {
  return new URL("..", link.href);
}

function showRecords(number, records, root) {
  const { facts } = window.pneumoRecordCards;
  const [first] = records;
  const several = records.length > 1;
  const title = several ? `${records.length} records of ${first.group}` : first.name;
  const shared = Object.entries(first.settings).filter(([key, value]) => records.every((each) => each.settings[key] === value));
  const names = new Set(shared.map(([key]) => key));
  const one = (read) => [...new Set(records.map(read))].join("; ");
  const about = element(
    "dl",
    { class: "w-about" },
    ...entries({
      ...(number ? { "The number": several ? `${number}: from these records together` : number } : {}),
      Data: one((each) => facts[each.data]),
      Seeds: one((each) => each.seed),
      Machine: one((each) => facts[each.machine]),
      Versions: one((each) => facts[each.versions]),
    }),
    element("dt", {}, several ? "Shared configuration" : "Configuration"),
    element("dd", {}, element("code", {}, shared.map(([key, value]) => `${key} = ${value}`).join("\n"))),
  );
  const table = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...["Record", ...(several ? ["Differs in"] : []), "Date", "Commit", "Time"].map((text) => element("th", { scope: "col" }, text)))),
    element(
      "tbody",
      {},
      ...records.map((each) =>
        element(
          "tr",
          {},
          element("td", {}, each.file ? element("a", { href: new URL(each.file, root) }, `${each.key}.json`) : each.key),
          ...(several ? [element("td", {}, own(each, names))] : []),
          element("td", {}, each.date),
          element("td", {}, element("code", {}, each.commit)),
          element("td", {}, each.time),
        ),
      ),
    ),
  );
  const command = several && first.groupCommand ? `pneumo run ${first.group}` : `pneumo run ${first.name}`;
  const again = element("p", {}, "To make it again, move its file away and run ", element("code", {}, command), ".");
  showDialog(title, element("div", { class: "w-records" }, about, element("div", { class: "w-scroll", tabindex: "0" }, table), again));
}

function entries(values) {
  return Object.entries(values).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]);
}

/** What a record does not share with the others. */
function own(card, shared) {
  const settings = Object.entries(card.settings).filter(([key]) => !shared.has(key)).map(([key, value]) => `${key.split(".").pop()} = ${value}`);
  return [...settings, `seed = ${card.seed}`].join(", ");
}

/** A field to search all records by name, setting, key or date. */
export async function recordSearch(place) {
  const { records } = await cards();
  const texts = records.map((card) => [card.name, card.key, card.date, ...Object.entries(card.settings).map((pair) => pair.join(" = "))].join("\n").toLowerCase() + "\n");
  const status = element("p", { role: "status" });
  const list = element("ul", {});
  const search = () => {
    // "learning_rate = 0.01" is one setting with its whole value.
    const words = field.value.toLowerCase().replace(/\s*=\s*/g, " = ").match(/\S+ = \S+|\S+/g) ?? [];
    const found = records.filter((_, index) => words.every((word) => texts[index].includes(word.includes(" = ") ? `${word}\n` : word)));
    status.textContent = words.length
      ? `${found.length} of ${records.length} records${found.length > MOST_SHOWN ? `; the first ${MOST_SHOWN}:` : "."}`
      : `${records.length} records. Search by name, setting, key or date: “augmentation mixup”, “learning_rate = 0.01”.`;
    list.replaceChildren(
      ...(words.length ? found.slice(0, MOST_SHOWN) : []).map((card) =>
        element("li", {}, element("a", { class: "w-record", href: `#${card.anchor}` }, card.name), ` ${card.key.slice(0, 8)}, ${card.date}`),
      ),
    );
  };
  const field = element("input", { type: "search", id: "record-search", oninput: search });
  place.replaceChildren(element("div", { class: "w-search" }, element("label", { for: "record-search" }, "Find a record"), field), status, list);
  search();
}
