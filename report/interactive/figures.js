// Figures that enlarge: over the whole window, and wider than a narrow one, to be moved about.

import { showDialog } from "./dialog.js";
import { element } from "./dom.js";

/** Gives every figure of the text a button, and lets a click on the image do the same. */
export function makeFiguresEnlargeable() {
  for (const image of document.querySelectorAll("main figure img, main .quarto-figure img, main .cell-output-display img")) {
    if (image.closest("a, [data-widget], .w-figure")) continue;
    const name = nameOf(image);
    const button = element("button", { type: "button", class: "w-enlarge", "aria-label": `Enlarge ${name}`, title: "Enlarge" }, "⤢");
    const frame = element("span", { class: "w-figure" });
    image.replaceWith(frame);
    frame.append(image, button);
    for (const each of [image, button]) each.addEventListener("click", () => enlarge(image, name));
  }
}

function enlarge(image, name) {
  const drawn = image.classList.contains("drawing") ? "drawing" : "";
  const large = element("img", { src: image.currentSrc || image.src, alt: image.alt, class: drawn });
  showDialog(name, element("div", { class: "w-large", tabindex: "0" }, large), "w-whole");
}

/** "Figure 4.1", from the caption, for a button and a title. */
function nameOf(image) {
  const captions = [...(image.closest("figure")?.querySelectorAll("figcaption") ?? [])];
  const outer = image.closest("figure")?.parentElement?.closest("figure")?.querySelector(":scope > figcaption");
  const text = [outer, ...captions].filter(Boolean)[0]?.textContent.trim() ?? "";
  return /^Figure[\s\u00a0][\w.]+/.exec(text)?.[0] ?? "the figure";
}
