// Data beside this script, read when they are first needed: as scripts, which a page from disk may load too.

import { element } from "./dom.js";

const HERE = document.currentScript?.src;
const loaded = new Map();

/** The values that a script beside this one gives to a variable of the window. */
export function dataOf(file, variable) {
  if (!loaded.has(file)) {
    loaded.set(
      file,
      new Promise((resolve, reject) => {
        const script = element("script", { src: new URL(file, HERE) });
        script.onload = () => resolve(window[variable]);
        script.onerror = () => reject(new Error(`${file} could not be read`));
        document.head.append(script);
      }),
    );
  }
  return loaded.get(file);
}
