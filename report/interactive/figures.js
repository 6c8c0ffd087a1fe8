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
    markWhatGoesOn(frame.parentElement, image);
    for (const each of [image, button]) each.addEventListener("click", () => enlarge(image, name));
  }
}

/** Fades the right edge of a figure that is wider than the screen, until it has been scrolled to its end. */
function markWhatGoesOn(scroller, image) {
  const update = () =>
    scroller.classList.toggle("w-more", scroller.scrollLeft + scroller.clientWidth < scroller.scrollWidth - 1);
  scroller.addEventListener("scroll", update, { passive: true });
  image.addEventListener("load", update);
  new ResizeObserver(update).observe(scroller);
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
