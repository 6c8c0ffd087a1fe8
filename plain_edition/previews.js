// Previews of citations, cross-references and terms of the glossary, for the pointer and for the keyboard.

(() => {
  const DELAY = 250; // milliseconds, so that a pointer that passes by opens nothing
  const toRoot = document.body.dataset.root;
  const box = document.createElement("div");
  box.className = "preview";
  box.id = "preview";
  box.role = "tooltip";
  box.hidden = true;
  document.body.append(box);
  let timer = 0;
  let owner = null;
  let texts = null;

  const loadTexts = () =>
    (texts ??= new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = `${toRoot}assets/previews-index.js`;
      script.onload = () => resolve(window.previewTexts);
      script.onerror = () => resolve({});
      document.head.append(script);
    }));

  const withoutIdentifiers = (element) => {
    const copy = element.cloneNode(true);
    copy.removeAttribute("id");
    for (const each of copy.querySelectorAll("[id]")) each.removeAttribute("id");
    for (const each of copy.querySelectorAll("a, [tabindex]")) each.setAttribute("tabindex", "-1");
    return copy;
  };

  // What stands on this page is shown as it is; of other pages there are texts.
  const content = async (link) => {
    const identifier = decodeURIComponent(link.hash.slice(1));
    const here = link.getAttribute("href").startsWith("#") && document.getElementById(identifier);
    if (here && !/^H[1-6]$/.test(here.tagName)) return withoutIdentifiers(here);
    if (here) return document.createTextNode(here.textContent.replace(/#$/, ""));
    const text = (await loadTexts())[identifier];
    return text ? document.createTextNode(text) : null;
  };

  const hide = () => {
    clearTimeout(timer);
    owner?.removeAttribute("aria-describedby");
    owner = null;
    box.hidden = true;
  };

  const show = async (link) => {
    const shown = await content(link);
    if (!shown || owner !== link) return;
    box.replaceChildren(shown);
    box.hidden = false;
    link.setAttribute("aria-describedby", box.id);
    const place = link.getBoundingClientRect();
    const left = Math.min(Math.max(8, place.left), innerWidth - box.offsetWidth - 8);
    const below = place.bottom + 8 + box.offsetHeight < innerHeight || place.top < box.offsetHeight;
    box.style.left = `${Math.max(8, left) + scrollX}px`;
    box.style.top = `${(below ? place.bottom + 8 : place.top - box.offsetHeight - 8) + scrollY}px`;
  };

  const begin = (link) => {
    if (owner === link) return;
    hide();
    owner = link;
    timer = setTimeout(show, DELAY, link);
  };

  for (const link of document.querySelectorAll('article a.reference, article .citation a[href^="#ref-"], article a.term')) {
    link.addEventListener("pointerenter", (event) => event.pointerType !== "touch" && begin(link));
    link.addEventListener("pointerleave", () => (timer = setTimeout(() => owner === link && !box.matches(":hover") && hide(), 150)));
    link.addEventListener("focus", () => link.matches(":focus-visible") && begin(link));
    link.addEventListener("blur", hide);
  }
  box.addEventListener("pointerleave", hide);
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
