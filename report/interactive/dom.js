// Elements, numbers as text, and what several widgets are built from.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "line", "circle", "text", "rect", "ellipse", "clipPath"]);

let identifiers = 0;

/** An element with attributes and children (elements or text). A function as attribute "onclick" listens to "click". */
export function element(tag, attributes = {}, ...children) {
  const made = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** An id that no other element of the page has. */
export function freshId() {
  identifiers += 1;
  return `interactive-${identifiers}`;
}

/** Three decimals, a dash where there is no number. */
export function decimals(value, digits = 3) {
  return Number.isFinite(value) ? value.toFixed(digits).replace("-", "−") : "–";
}

/** A share of 1 in per cent. */
export function percent(share, digits = 0) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)}\u202f%` : "–";
}

/**
 * A labelled slider. show: the text beside it for a value; change(value) is called for every movement.
 * Returns { row, value(), set(value) }; set calls change too.
 */
export function slider({ label, min, max, step, value, show, change }) {
  const id = freshId();
  const output = element("output", { for: id });
  const input = element("input", { type: "range", id, min, max, step, value });
  const update = () => {
    const text = show(Number(input.value));
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  input.addEventListener("input", () => {
    update();
    change(Number(input.value));
  });
  update();
  return {
    row: element("div", { class: "w-slider" }, element("label", { for: id }, label), input, output),
    value: () => Number(input.value),
    set(next) {
      input.value = next;
      update();
      change(Number(input.value));
    },
  };
}

/** A group of radio buttons. options: [value, text] pairs; change(value) is called for every choice. */
export function choice({ label, options, value, change }) {
  const name = freshId();
  const buttons = options.map(([each, text]) => {
    const input = element("input", { type: "radio", name, value: each, checked: each === value });
    input.addEventListener("change", () => change(each));
    return element("label", {}, input, element("span", {}, text));
  });
  return element("fieldset", { class: "w-choice" }, element("legend", {}, label), element("div", {}, ...buttons));
}

/** Text that screen readers say when it changes, a moment after the last change. */
export function announcer() {
  const region = element("p", { class: "w-hidden", role: "status" });
  let waiting = 0;
  return {
    region,
    say(text) {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        region.textContent = text;
      }, 600);
    },
  };
}
