// The valley of the chapter on optimisers, with the optimiser, its learning rate and its momentum to set.
//
// Values, from pneumo.reporting.interactive.optimiser: names, start, curvatures, steps, and rates, for each optimiser
// the learning rate with which it starts.

import { announcer, choice, element, slider } from "./dom.js";
import { optimiserPath, quadraticLoss } from "./optimisers.js";
import { plot } from "./plot.js";

const CONTOURS = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6].map((power) => 2 ** power); // as in the book's figure
const WITH_MOMENTUM = new Set(["momentum", "nesterov", "adam", "adamw"]);
const NAMES = { sgd: "SGD", momentum: "Momentum", nesterov: "Nesterov", rmsprop: "RMSprop", adam: "Adam", adamw: "AdamW" };

/** Builds the widget in `place`. */
export function optimiserWidget(place, { names, start, curvatures, steps, rates }) {
  let name = names.includes("momentum") ? "momentum" : names[0];
  const half = start.map((each) => 1.15 * Math.abs(each));
  const width = Math.min(Math.max(place.clientWidth - 30, 290), 560); // text keeps its size on a narrow screen
  const announce = announcer();
  const axes = plot({
    label: "Path of an optimiser",
    width,
    height: Math.round(0.6 * width),
    x: { from: -half[0], to: half[0], ticks: [-4, -2, 0, 2, 4], label: "first weight" },
    y: { from: -half[1], to: half[1], ticks: [-1, -0.5, 0, 0.5, 1], label: "second weight" },
  });
  for (const level of CONTOURS) axes.inside(contour(axes, level, curvatures));
  const minimum = element("path", { class: "w-minimum", d: crossAt(axes.across(0), axes.up(0)) });
  const line = axes.line("w-line w-first w-thin");
  const dots = Array.from({ length: steps + 1 }, (_, step) => axes.dot("w-step", step ? 2.6 : 5));
  axes.add(minimum);
  const result = element("p", { class: "w-result" });

  const rate = slider({
    label: "Learning rate",
    min: -3,
    max: 0,
    step: 0.01,
    value: Math.log10(rates[name]),
    show: (power) => significant(rateAt(power)),
    change: update,
  });
  const momentum = slider({
    label: "Momentum",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: 0.9,
    show: (value) => value.toFixed(2),
    change: update,
  });

  function update() {
    const options = { rate: rateAt(rate.value()), momentum: momentum.value(), steps, start, curvatures };
    const path = optimiserPath(name, options);
    const loss = quadraticLoss(path[steps], curvatures);
    line.draw(path);
    path.forEach((point, step) => dots[step].move(...point));
    momentum.row.hidden = !WITH_MOMENTUM.has(name);
    const [first, last] = [quadraticLoss(start, curvatures), Number.isFinite(loss) ? loss : Infinity];
    const text =
      last > first
        ? `After ${steps} steps the loss is higher than at the start: the steps are too long.`
        : `After ${steps} steps the loss has fallen from ${significant(first)} to ${significant(last)}.`;
    result.textContent = text;
    axes.describe(`Path of ${NAMES[name]} over the contours of the loss. ${text}`);
    announce.say(text);
  }

  place.replaceChildren(
    element(
      "div",
      { class: "w-controls" },
      choice({
        label: "Optimiser",
        options: names.map((each) => [each, NAMES[each]]),
        value: name,
        change(each) {
          name = each;
          rate.set(Math.log10(rates[name]));
        },
      }),
      rate.row,
      momentum.row,
    ),
    axes.svg,
    result,
    announce.region,
  );
  update();
}

/** The rate at a position of its slider, with two digits: what is shown is what is used. */
function rateAt(power) {
  return Number((10 ** power).toPrecision(2));
}

/** The ellipse on which the loss is `level`. */
function contour(axes, level, curvatures) {
  const [first, second] = curvatures.map((each) => Math.sqrt((2 * level) / each));
  return element("ellipse", {
    class: "w-contour",
    cx: axes.across(0),
    cy: axes.up(0),
    rx: axes.across(first) - axes.across(0),
    ry: axes.up(0) - axes.up(second),
  });
}

function crossAt(x, y) {
  return `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x - 5} ${y + 5}L${x + 5} ${y - 5}`;
}

/** Two significant digits, without an exponent down to a millionth. */
function significant(value) {
  if (value !== 0 && value < 1e-6) return value.toExponential(1).replace("e-", " · 10⁻").replace(/(?<=⁻)\d+/, superscript);
  return String(Number(value.toPrecision(2)));
}

function superscript(digits) {
  return [...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
}
