// One example radiograph with sliders for what an augmentation changes, and the call that does the same in Python.
//
// Values, from pneumo.reporting.interactive.augmentation: image (an address), height, width.

import { announcer, choice, decimals, element, slider } from "./dom.js";
import { sampled, samplingMatrix } from "./warp.js";

const FILLS = [["nearest", "nearest pixel"], ["constant", "black"], ["reflect", "mirror image"]];

/** The amounts, each with its range, what it is when nothing is changed, and how it is shown. */
const AMOUNTS = [
  { name: "rotation", label: "Rotation", min: -30, max: 30, step: 1, neutral: 0, show: degrees },
  { name: "shift_x", label: "Shift, right", min: -0.3, max: 0.3, step: 0.01, neutral: 0, show: share },
  { name: "shift_y", label: "Shift, down", min: -0.3, max: 0.3, step: 0.01, neutral: 0, show: share },
  { name: "zoom_x", label: "Zoom, width", min: 0.5, max: 2, step: 0.05, neutral: 1, show: factor },
  { name: "zoom_y", label: "Zoom, height", min: 0.5, max: 2, step: 0.05, neutral: 1, show: factor },
  { name: "shear", label: "Shear", min: -30, max: 30, step: 1, neutral: 0, show: degrees },
  { name: "brightness", label: "Brightness", min: 0.2, max: 2, step: 0.05, neutral: 1, show: factor },
];

/** Builds the widget in `place`, once its image has been read. */
export async function augmentationWidget(place, { image, height, width }) {
  const pixels = await greyLevels(image, height, width);
  const canvas = element("canvas", { width, height, role: "img", "aria-label": "The example radiograph" });
  const code = element("code", {});
  const announce = announcer();
  let fill = "nearest";
  const sliders = AMOUNTS.map(({ neutral, ...amount }) => slider({ ...amount, value: neutral, change: update }));

  function update() {
    const amounts = Object.fromEntries(AMOUNTS.map(({ name }, index) => [name, sliders[index].value()]));
    const changed = sampled(pixels, height, width, samplingMatrix(amounts, height, width), fill);
    draw(canvas, changed, amounts.brightness);
    code.textContent = pythonCall(amounts, fill);
    const told = AMOUNTS.filter(({ name, neutral }) => amounts[name] !== neutral).map(
      ({ name, label, show }) => `${label.toLowerCase()} ${show(amounts[name])}`,
    );
    canvas.setAttribute("aria-label", `The example radiograph${told.length ? ` with ${told.join(", ")}` : ", unchanged"}`);
    announce.say(canvas.getAttribute("aria-label"));
  }

  place.replaceChildren(
    element(
      "div",
      { class: "w-beside" },
      canvas,
      element(
        "div",
        { class: "w-controls" },
        ...sliders.map(({ row }) => row),
        choice({
          label: "Filled with",
          options: FILLS,
          value: fill,
          change(each) {
            fill = each;
            update();
          },
        }),
        element("button", { type: "button", onclick: () => sliders.forEach((each, index) => each.set(AMOUNTS[index].neutral)) }, "As it was"),
      ),
    ),
    element("p", {}, "The same in Python:"),
    element("pre", {}, code),
    announce.region,
  );
  update();
}

/** The call that gives the same image: only the amounts that change it. */
function pythonCall(amounts, fill) {
  const changed = AMOUNTS.filter(({ name, neutral }) => amounts[name] !== neutral)
    .map(({ name }) => `${name}=${Number(amounts[name].toFixed(2))}`)
    .join(", ");
  const filled = fill === "nearest" ? "" : `, fill_mode="${fill}"`;
  return `from pneumo import augment\n\nimages = augment.scale(pixels)  # (1, H, W) uint8\namounts = augment.given_parameters(${changed})\nimages = augment.transform(images, amounts${filled})`;
}

/** The grey levels of an image file as numbers from 0 to 1, row by row. */
async function greyLevels(address, height, width) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = element("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return Float32Array.from({ length: height * width }, (_, index) => data[4 * index] / 255);
}

function draw(canvas, pixels, brightness) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, canvas.height);
  pixels.forEach((level, index) => {
    const grey = Math.round(255 * Math.min(Math.max(brightness * level, 0), 1));
    picture.data.set([grey, grey, grey, 255], 4 * index);
  });
  context.putImageData(picture, 0, 0);
}

function degrees(value) {
  return `${String(value).replace("-", "−")}°`;
}

function share(value) {
  return decimals(value, 2);
}

function factor(value) {
  return `× ${decimals(value, 2)}`;
}
