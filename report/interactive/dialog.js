// A dialog over the page. The browser keeps the focus inside, closes it with Escape and gives the focus back.

import { element, freshId } from "./dom.js";

/** Shows a dialog with a title and returns it; a click outside closes it. */
export function showDialog(title, content, classes = "") {
  const heading = freshId();
  const dialog = element(
    "dialog",
    { class: `w-dialog ${classes}`, "aria-labelledby": heading },
    element(
      "header",
      {},
      element("h2", { id: heading }, title),
      element("button", { type: "button", onclick: () => dialog.close() }, "Close"),
    ),
    content,
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
