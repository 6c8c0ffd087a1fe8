// Starts everything that a page of the book has to offer beyond reading. The one script that a page loads.

import { augmentationWidget } from "./augmentation.js";
import { makeCodeCopyable } from "./copy.js";
import { element } from "./dom.js";
import { makeFiguresEnlargeable } from "./figures.js";
import { modelWidget } from "./model.js";
import { optimiserWidget } from "./optimiser.js";
import { recordSearch, showRecordsInPlace } from "./records.js";
import { easeWideTables, makeTablesSortable } from "./tables.js";
import { thresholdWidget } from "./threshold.js";

const WIDGETS = {
  augmentation: augmentationWidget,
  model: modelWidget,
  optimiser: optimiserWidget,
  records: recordSearch,
  threshold: thresholdWidget,
};

/** Starts one widget; what goes wrong is said in its place. */
async function start(place) {
  try {
    const values = JSON.parse(decodeURIComponent(place.dataset.values));
    const body = element("div", {});
    place.append(body);
    place.classList.add("w-started");
    await WIDGETS[place.dataset.widget](body, values);
    place.dataset.started = "yes";
  } catch (error) {
    place.append(element("p", { class: "w-problem" }, `This part of the page could not start (${error.message}).`));
    console.error(error);
  }
}

document.querySelectorAll("[data-widget]").forEach(start);
makeTablesSortable();
easeWideTables();
makeFiguresEnlargeable();
makeCodeCopyable();
showRecordsInPlace();
