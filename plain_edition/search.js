// The search: an index of the book's sections, loaded from a script when it is first wanted, so that it also works in a
// site that was opened from disk.

(() => {
  const button = document.querySelector("button.search");
  const dialog = document.querySelector(".search-dialog");
  const input = document.getElementById("search-words");
  const list = dialog.querySelector(".search-results");
  const status = dialog.querySelector(".search-status");
  const toRoot = document.body.dataset.root;
  const MOST = 30;
  const AROUND = 70; // letters on each side of what was found
  let index = null;

  const plain = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

  const load = () =>
    (index ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${toRoot}assets/search-index.js`;
      script.onload = () =>
        resolve(
          window.searchIndex.map(([page, section, target, text]) => ({
            page, section, target, text, title: plain(`${page} ${section}`), words: plain(text),
          })),
        );
      script.onerror = reject;
      document.head.append(script);
    }));

  // Every word has to occur; a word in a heading counts more than many in the text.
  const score = (entry, words) => {
    let sum = 0;
    for (const word of words) {
      const inTitle = entry.title.includes(word);
      const inText = entry.words.split(word).length - 1;
      if (!inTitle && !inText) return 0;
      sum += (inTitle ? 20 : 0) + Math.min(inText, 10);
    }
    return sum;
  };

  const snippet = (entry, words) => {
    const found = Math.max(0, ...words.map((word) => entry.words.indexOf(word)).filter((place) => place >= 0).slice(0, 1));
    const start = Math.max(0, found - AROUND);
    const element = document.createElement("span");
    element.className = "snippet";
    const piece = entry.text.slice(start, found + 2 * AROUND);
    element.append(start ? "… " : "");
    let rest = piece;
    while (rest) {
      const places = words.map((word) => [plain(rest).indexOf(word), word.length]).filter(([place]) => place >= 0);
      if (!places.length) break;
      const [place, length] = places.reduce((first, other) => (other[0] < first[0] ? other : first));
      const mark = document.createElement("mark");
      mark.textContent = rest.slice(place, place + length);
      element.append(rest.slice(0, place), mark);
      rest = rest.slice(place + length);
    }
    element.append(rest, "…");
    return element;
  };

  const show = async () => {
    const words = plain(input.value).split(/\s+/).filter((word) => word.length > 1);
    list.replaceChildren();
    status.textContent = "";
    if (!words.length) return;
    let entries;
    try {
      entries = await load();
    } catch {
      status.textContent = "The index of the search could not be read.";
      return;
    }
    const found = entries
      .map((entry) => [score(entry, words), entry])
      .filter(([points]) => points > 0)
      .sort((a, b) => b[0] - a[0]);
    status.textContent = found.length === 1 ? "1 section" : `${found.length} sections`;
    for (const [, entry] of found.slice(0, MOST)) {
      const link = document.createElement("a");
      link.href = toRoot + entry.target;
      const title = document.createElement("strong");
      title.textContent = entry.section === entry.page ? entry.page : `${entry.page} › ${entry.section}`;
      link.append(title, snippet(entry, words));
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
    }
  };

  const open = () => {
    dialog.showModal();
    input.select();
    load().catch(() => {});
  };

  button.hidden = false;
  button.addEventListener("click", open);
  input.addEventListener("input", show);
  list.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      open();
    }
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const stops = [input, ...list.querySelectorAll("a")];
    const next = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    if (stops[next]) {
      event.preventDefault();
      stops[next].focus();
    }
  });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    if (event.submitter?.classList.contains("close")) return;
    event.preventDefault();
    list.querySelector("a")?.click();
  });
})();
