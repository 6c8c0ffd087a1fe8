// A slider over the test scores of the selected models: what each threshold would have meant.
//
// Values, from pneumo.reporting.interactive.threshold:
//   classes [negative, positive], labels, kinds (one of kindNames by number), models [{ name, threshold, logits }], and
//   pictures { side, columns, source }, a sheet of all images in their order, or null where the images are not at hand.

import { announcer, choice, decimals, element, percent, slider } from "./dom.js";
import { plot } from "./plot.js";
import {
  confusion,
  logit,
  netBenefit,
  predictiveValues,
  probability,
  rocCurve,
  sensitivity,
  specificity,
} from "./rates.js";

const MOST_PICTURES = 48;
const HIGHEST_ON_DECISION_CURVE = 0.95;
const CURVE_THRESHOLDS = Array.from({ length: 190 }, (_, index) => (index + 1) * 0.005);
const TENTHS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/** Builds the widget in `place`. */
export function thresholdWidget(place, values) {
  const { labels } = values;
  const models = values.models.map((model) => prepared(model, labels));
  const ownPrevalence = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  let model = models[models.length - 1];

  const announce = announcer();
  const matrix = confusionTable(values.classes);
  const roc = rocPlot(values.classes[0]);
  const decision = decisionPlot();
  const rates = ratesList();
  const changes = changesOf(values);

  const threshold = slider({
    label: "Threshold",
    min: -7,
    max: 7,
    step: 0.02,
    value: logit(model.threshold),
    show: (position) => decimals(at(position)),
    change: update,
  });
  const prevalence = slider({
    label: "Prevalence",
    min: 0.01,
    max: 0.9,
    step: 0.005,
    value: ownPrevalence,
    show: (share) => percent(share, 1),
    change: update,
  });
  const back = element("button", { type: "button", onclick: () => threshold.set(logit(model.threshold)) });

  /** The threshold at a position of the slider; exactly the model's own where the slider stands nearest to it. */
  function at(position) {
    return Math.abs(position - logit(model.threshold)) < 0.0101 ? model.threshold : probability(position);
  }

  function update() {
    const chosen = at(threshold.value());
    const counts = confusion(labels, model.probabilities, chosen);
    const [sens, spec, share] = [sensitivity(counts), specificity(counts), prevalence.value()];
    const [ppv, npv] = predictiveValues(sens, spec, share);
    const benefit = netBenefit(sens, spec, share, chosen);
    matrix.show(counts);
    roc.show(model, [1 - spec, sens]);
    decision.show(model, share, [chosen, benefit]);
    rates.show({ sens, spec, ppv, npv, benefit });
    changes.show(model, chosen);
    back.textContent = `Back to the fixed threshold, ${decimals(model.threshold)}`;
    back.disabled = chosen === model.threshold;
    announce.say(
      `Threshold ${decimals(chosen)}: sensitivity ${decimals(sens)}, specificity ${decimals(spec)}, ` +
        `positive predictive value ${decimals(ppv)}, negative predictive value ${decimals(npv)}.`,
    );
  }

  place.replaceChildren(
    element(
      "div",
      { class: "w-controls" },
      choice({
        label: "Model",
        options: models.map(({ name }, index) => [index, name]),
        value: models.length - 1,
        change(index) {
          model = models[index];
          threshold.set(logit(model.threshold));
        },
      }),
      threshold.row,
      prevalence.row,
      back,
    ),
    element("div", { class: "w-columns" }, matrix.table, rates.list, roc.svg, decision.svg),
    changes.part,
    announce.region,
  );
  update();
}

/** A model with the probabilities of its logits, and the curves that no slider changes. */
function prepared({ name, threshold, logits }, labels) {
  const probabilities = logits.map(probability);
  return {
    name,
    threshold,
    probabilities,
    roc: rocCurve(labels, probabilities),
    rates: CURVE_THRESHOLDS.map((each) => {
      const counts = confusion(labels, probabilities, each);
      return [each, sensitivity(counts), specificity(counts)];
    }),
  };
}

function confusionTable(classes) {
  const cells = Object.fromEntries(["tn", "fp", "fn", "tp"].map((name) => [name, element("td", { "data-count": name })]));
  const row = (name, ...counts) => element("tr", {}, element("th", { scope: "row" }, name), ...counts);
  const head = ["", ...classes.map((name) => `predicted ${name}`)].map((text) =>
    text ? element("th", { scope: "col" }, text) : element("td", {}),
  );
  const table = element(
    "table",
    { class: "w-confusion" },
    element("caption", {}, "Images of the test part"),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, row(classes[0], cells.tn, cells.fp), row(classes[1], cells.fn, cells.tp)),
  );
  return {
    table,
    show(counts) {
      for (const [name, cell] of Object.entries(cells)) {
        const ofClass = name === "tn" || name === "fp" ? counts.tn + counts.fp : counts.fn + counts.tp;
        cell.replaceChildren(element("strong", {}, String(counts[name])), element("small", {}, percent(counts[name] / ofClass, 1)));
        cell.style.setProperty("--share", counts[name] / ofClass);
      }
    },
  };
}

function rocPlot(negative) {
  const axes = plot({
    label: "ROC curve",
    x: { from: 0, to: 1, ticks: TENTHS, label: `1 − specificity (${negative} predicted positive)` },
    y: { from: 0, to: 1, ticks: TENTHS, label: "sensitivity" },
  });
  axes.line("w-line w-reference").draw([[0, 0], [1, 1]]);
  const curve = axes.line("w-line w-first");
  const dot = axes.dot("w-dot");
  return {
    svg: axes.svg,
    show(model, point) {
      curve.draw(model.roc);
      dot.move(...point);
      axes.describe(`ROC curve of ${model.name}; at the threshold, sensitivity ${decimals(point[1])} and specificity ${decimals(1 - point[0])}`);
    },
  };
}

function decisionPlot() {
  const axes = plot({
    label: "Decision curve",
    x: { from: 0, to: 1, ticks: TENTHS, label: "threshold probability" },
    y: { from: -0.2, to: 1, ticks: TENTHS, label: "net benefit (per patient)" },
  });
  axes.line("w-line w-reference").draw([[0, 0], [1, 0]]);
  const everybody = axes.line("w-line w-reference");
  const curve = axes.line("w-line w-first");
  const dot = axes.dot("w-dot");
  axes.add(element("text", { class: "w-note", x: axes.across(0.99), y: axes.up(0) + 14, "text-anchor": "end" }, "treat none"));
  const all = element("text", { class: "w-note" }, "treat all");
  axes.add(all);
  return {
    svg: axes.svg,
    show(model, prevalence, point) {
      const treated = (each) => netBenefit(1, 0, prevalence, each);
      everybody.draw(CURVE_THRESHOLDS.filter((each) => treated(each) > -0.2).map((each) => [each, treated(each)]));
      curve.draw(
        model.rates
          .filter(([each]) => each <= HIGHEST_ON_DECISION_CURVE)
          .map(([each, sens, spec]) => [each, netBenefit(sens, spec, prevalence, each)])
          .filter(([, benefit]) => benefit >= -0.2),
      );
      dot.move(...point);
      // Beside the lower end of its line, which falls to −0.1 where t / (1 − t) = (prevalence + 0.1) / (1 − prevalence).
      const odds = (prevalence + 0.1) / (1 - prevalence);
      const end = odds / (1 + odds);
      all.setAttribute("x", axes.across(end) - 5);
      all.setAttribute("y", axes.up(-0.1) + 12);
      all.setAttribute("text-anchor", end > 0.3 ? "end" : "start");
      if (end <= 0.3) all.setAttribute("x", axes.across(end) + 8);
      axes.describe(`Decision curve of ${model.name}; at the threshold probability ${decimals(point[0])}, net benefit ${decimals(point[1])}`);
    },
  };
}

const RATES = {
  sens: "Sensitivity",
  spec: "Specificity",
  ppv: "Positive predictive value",
  npv: "Negative predictive value",
  benefit: "Net benefit",
};

function ratesList() {
  const cells = Object.fromEntries(Object.keys(RATES).map((name) => [name, element("dd", { "data-rate": name })]));
  const entries = Object.entries(RATES).flatMap(([name, text]) => [element("dt", {}, text), cells[name]]);
  return {
    list: element("dl", { class: "w-rates" }, ...entries),
    show(values) {
      for (const [name, cell] of Object.entries(cells)) cell.textContent = decimals(values[name]);
    },
  };
}

/** The images between the model's own threshold and the chosen one: their number by kind, and their pictures. */
function changesOf({ labels, kinds, kindNames, pictures }) {
  const text = element("p", {});
  const shown = element("div", { class: "w-thumbnails" });
  return {
    part: element("div", { class: "w-changes" }, text, shown),
    show(model, threshold) {
      const [low, high] = [Math.min(threshold, model.threshold), Math.max(threshold, model.threshold)];
      const changed = labels
        .map((_, index) => index)
        .filter((index) => model.probabilities[index] >= low && model.probabilities[index] < high);
      const side = threshold < model.threshold ? "positive" : "negative";
      const counted = kindNames
        .map((name, kind) => [changed.filter((index) => kinds[index] === kind).length, name])
        .filter(([count]) => count);
      text.textContent = changed.length
        ? `Now predicted ${side}, unlike at the fixed threshold: ${counted.map(([count, name]) => `${count} ${name}`).join(", ")}.`
        : "Every image is on the side where the fixed threshold puts it.";
      if (!pictures) return;
      const near = changed
        .sort((a, b) => Math.abs(model.probabilities[a] - threshold) - Math.abs(model.probabilities[b] - threshold))
        .slice(0, MOST_PICTURES);
      shown.replaceChildren(...near.map((index) => thumbnail(pictures, index, `${kindNames[kinds[index]]}, ${decimals(model.probabilities[index])}`)));
      if (changed.length > near.length) text.textContent += ` The ${near.length} nearest to the threshold:`;
    },
  };
}

function thumbnail({ side, columns, source }, index, text) {
  const picture = element("span", { role: "img", "aria-label": text, title: text });
  picture.style.cssText = `width: ${side}px; height: ${side}px; background: url("${source}") ${-side * (index % columns)}px ${-side * Math.floor(index / columns)}px`;
  return picture;
}
