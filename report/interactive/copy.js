// A button that copies, on every listing. Quarto's own is left as it is.

import { element } from "./dom.js";

const SECONDS_SHOWN = 2;

export function makeCodeCopyable() {
  for (const listing of document.querySelectorAll("main pre")) {
    const code = listing.querySelector("code");
    if (!code || listing.closest(".cell-output, .cell-output-display") || listing.parentElement.querySelector(".code-copy-button")) continue;
    const button = element("button", { type: "button", class: "w-copy" }, "Copy");
    const frame = element("div", { class: "w-listing" });
    listing.replaceWith(frame);
    frame.append(listing, button);
    button.addEventListener("click", async () => {
      button.textContent = (await copy(code)) ? "Copied" : "Select and copy by hand";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 1000 * SECONDS_SHOWN);
    });
  }
}

/** The lines of an example that can be run: those behind a prompt, without it. Another text stays as it is. */
export function runnable(text) {
  const behindPrompt = text.split("\n").filter((line) => /^(>>>|\.\.\.)( |$)/.test(line));
  return text.startsWith(">>> ") ? behindPrompt.map((line) => line.slice(4)).join("\n") : text;
}

/** Whether the text of an element is in the clipboard now. */
async function copy(source) {
  try {
    await navigator.clipboard.writeText(runnable(source.textContent));
    return true;
  } catch {
    // Not allowed, as on a page from disk in some browsers: by way of the selection, which then stays.
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}
