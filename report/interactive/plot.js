// Line plots as SVG: axes with ticks, lines, dots. Colours come from interactive.css.

import { element, freshId } from "./dom.js";

const MARGIN = { left: 52, right: 12, top: 12, bottom: 40 };

/**
 * An empty plot. x, y: { from, to, ticks, label }; label: what it shows, in words.
 * Returns { svg, across, up, line(class), dot(class, radius), add(child), inside(child), describe(text) }: a line has
 * draw(points), a dot has move(x, y); what is added inside is cut off at the axes.
 */
export function plot({ x, y, label, width = 320, height = 270 }) {
  const across = (value) => MARGIN.left + ((value - x.from) / (x.to - x.from)) * (width - MARGIN.left - MARGIN.right);
  const up = (value) => height - MARGIN.bottom - ((value - y.from) / (y.to - y.from)) * (height - MARGIN.top - MARGIN.bottom);
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, class: "w-plot", role: "img", "aria-label": label });
  for (const tick of x.ticks) {
    svg.append(
      element("line", { class: "w-grid", x1: across(tick), x2: across(tick), y1: up(y.from), y2: up(y.to) }),
      element("text", { class: "w-tick", x: across(tick), y: height - MARGIN.bottom + 15, "text-anchor": "middle" }, minus(tick)),
    );
  }
  for (const tick of y.ticks) {
    svg.append(
      element("line", { class: "w-grid", x1: across(x.from), x2: across(x.to), y1: up(tick), y2: up(tick) }),
      element("text", { class: "w-tick", x: MARGIN.left - 6, y: up(tick) + 4, "text-anchor": "end" }, minus(tick)),
    );
  }
  const middle = (MARGIN.top + height - MARGIN.bottom) / 2;
  svg.append(
    element("text", { class: "w-axis", x: (MARGIN.left + width - MARGIN.right) / 2, y: height - 7, "text-anchor": "middle" }, x.label),
    element("text", { class: "w-axis", x: 12, y: middle, transform: `rotate(-90 12 ${middle})`, "text-anchor": "middle" }, y.label),
  );
  const clip = freshId();
  const area = { x: MARGIN.left, y: MARGIN.top, width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
  const inside = element("g", { "clip-path": `url(#${clip})` });
  svg.append(element("clipPath", { id: clip }, element("rect", area)), inside);
  return {
    svg,
    across,
    up,
    describe: (text) => svg.setAttribute("aria-label", text),
    add: (child) => svg.append(child),
    inside: (child) => inside.append(child),
    line(classes) {
      const path = element("path", { class: classes });
      inside.append(path);
      return { draw: (points) => path.setAttribute("d", pathThrough(points, across, up, { x, y })) };
    },
    dot(classes, radius = 5) {
      const circle = element("circle", { class: classes, r: radius });
      svg.append(circle);
      return {
        move(toX, toY) {
          const seen = toX >= x.from && toX <= x.to && toY >= y.from && toY <= y.to;
          circle.setAttribute("visibility", seen ? "visible" : "hidden");
          circle.setAttribute("cx", across(toX));
          circle.setAttribute("cy", up(toY));
        },
      };
    },
  };
}

function minus(tick) {
  return String(tick).replace("-", "−");
}

/** "M x y L x y ..."; far outside the plot it is cut off, so that no coordinate overflows. */
function pathThrough(points, across, up, { x, y }) {
  const far = (value, { from, to }) => Math.min(Math.max(value, from - 2 * (to - from)), to + 2 * (to - from));
  return points
    .filter((point) => point.every(Number.isFinite))
    .map((point, index) => `${index ? "L" : "M"}${across(far(point[0], x)).toFixed(2)} ${up(far(point[1], y)).toFixed(2)}`)
    .join("");
}
