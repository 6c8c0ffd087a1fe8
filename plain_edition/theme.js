// Runs before the first paint: the theme asked for in the address (?theme=dark), else the one chosen last time, else
// the system's, which the stylesheet follows by itself.
(() => {
  const asked = new URLSearchParams(location.search).get("theme");
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // A page opened from disk may have no storage; the choice then lasts for the page.
  }
  const theme = [asked, chosen].find((name) => name === "light" || name === "dark");
  if (theme) document.documentElement.dataset.theme = theme;
})();
