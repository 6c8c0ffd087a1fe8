// The shipped model on a radiograph of the reader's own, or on one of the book's examples. Nothing is sent anywhere.
//
// Values, from pneumo.reporting.interactive.model: warnings (the words for each measure, below and above its range) and
// examples [{ name, image (an address) }].

import { decodeRadiograph } from "./decode.js";
import { announcer, decimals, element, freshId } from "./dom.js";
import { startModel } from "./network.js";
import { resizeToSquare } from "./resample.js";
import { dataOf } from "./scripts.js";

const ORANGE = [230, 159, 0]; // as pneumo.interpret.gradcam.overlay
const STRENGTH = 0.7;

let started = null;

/** The model, started when it is first asked for. Throws an Error that says what was missing when the book was made. */
function model() {
  started ??= dataOf("page-model.js", "pneumoPageModel").then((values) => {
    if (values.missing) throw new Error(`This edition has no model in the page: ${values.missing} when it was made`);
    return startModel(values);
  });
  return started;
}

/** Builds the widget in `place`. */
export function modelWidget(place, { warnings, examples }) {
  const announce = announcer();
  const status = element("p", { class: "w-result" }, "The model is loaded with the first image; it has about 15 MB.");
  const canvas = element("canvas", { class: "w-radiograph", width: 160, height: 160, role: "img", "aria-label": "No image yet" });
  const verdict = element("dl", { class: "w-rates" });
  const results = element("div", { class: "w-beside", hidden: true }, canvas, element("div", {}, verdict));
  const show = element("input", { type: "checkbox", id: freshId(), checked: true });
  const mapRow = element("p", {}, show, " ", element("label", { for: show.id }, "Show where the network saw signs of pneumonia (Grad-CAM, orange)"));
  results.lastChild.append(mapRow);
  let last = null;
  let newest = 0;

  show.addEventListener("change", () => drawOverlay(canvas, last, show.checked));

  /** Predicts one file. Of several that are chosen quickly, only the newest is shown. */
  async function predict(file) {
    newest += 1;
    const mine = newest;
    status.textContent = started ? `Reading ${file.name} …` : "Loading the model …";
    try {
      const network = await model();
      const radiograph = await decodeRadiograph(new Uint8Array(await file.arrayBuffer()), file.name, network.size, resizeToSquare);
      const found = await network.predict(radiograph, warnings);
      if (mine !== newest) return;
      last = { ...found, size: network.size };
      results.hidden = false;
      drawOverlay(canvas, last, show.checked);
      tell(file.name, found, network);
    } catch (error) {
      if (mine !== newest) return;
      results.hidden = true;
      status.textContent = `${error.message}.`;
      announce.say(status.textContent);
    }
  }

  function tell(name, { probability, positive, warning }, { threshold, note }) {
    const decision = positive ? "positive" : "negative";
    verdict.replaceChildren(
      ...Object.entries({
        Image: name,
        "Probability of pneumonia": decimals(probability, 4),
        [`Decision, positive from ${decimals(threshold, 4)} on`]: decision,
        Warning: warning || "none",
      }).flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, text)]),
    );
    verdict.classList.toggle("w-warned", Boolean(warning));
    status.textContent = warning
      ? `Unlike the images that the network was trained on: ${warning}. Its answer says little.`
      : `${note} An image without a warning may still be unlike the training images.`;
    canvas.setAttribute("aria-label", `${name}, with the places that raised the probability in orange`);
    announce.say(`${name}: probability ${decimals(probability)}, ${decision}. ${status.textContent}`);
  }

  const chooser = element("input", { type: "file", id: freshId(), accept: "image/jpeg,image/png", class: "w-file" });
  chooser.addEventListener("change", () => chooser.files[0] && predict(chooser.files[0]));
  const drop = element(
    "label",
    { for: chooser.id, class: "w-drop" },
    element("strong", {}, "Choose a radiograph"),
    " or drop one here (JPEG or PNG)",
  );
  for (const event of ["dragover", "drop"]) drop.addEventListener(event, (each) => each.preventDefault());
  drop.addEventListener("drop", ({ dataTransfer }) => dataTransfer.files[0] && predict(dataTransfer.files[0]));

  const buttons = examples.map(({ name, image }) =>
    element("button", { type: "button", onclick: async () => predict(await fileOf(image, name)) }, element("img", { src: image, alt: "" }), name),
  );
  place.replaceChildren(
    element("p", { class: "w-notice" }, element("strong", {}, "Nothing leaves your computer. Research only, not a medical device.")),
    element("div", { class: "w-sources" }, chooser, drop, ...buttons),
    status,
    results,
    announce.region,
  );
}

/** The file in an address "data:image/png;base64,...". */
async function fileOf(address, name) {
  const bytes = Uint8Array.from(atob(address.split(",")[1]), (letter) => letter.charCodeAt(0));
  return new File([bytes], name, { type: address.slice(5, address.indexOf(";")) });
}

/** What the network saw, with its map laid over it. */
function drawOverlay(canvas, found, withMap) {
  if (!found) return;
  const { pixels, map, size } = found;
  Object.assign(canvas, { width: size, height: size });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(size, size);
  pixels.forEach((level, index) => {
    const strength = withMap ? STRENGTH * map[index] : 0;
    const colour = ORANGE.map((each) => Math.round(level * (1 - strength) + each * strength));
    picture.data.set([...colour, 255], 4 * index);
  });
  context.putImageData(picture, 0, 0);
}
