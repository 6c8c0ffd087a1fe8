// The theme switch, the chapter menu of narrow screens, and the mark on the section being read.

const root = document.documentElement;
const themeButton = document.querySelector("button.theme");
const systemDark = matchMedia("(prefers-color-scheme: dark)");

const isDark = () => (root.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";
const showTheme = () => themeButton.setAttribute("aria-pressed", String(isDark()));

themeButton.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // Without storage the choice lasts for the page.
  }
});
systemDark.addEventListener("change", showTheme);
showTheme();

const menuButton = document.querySelector("button.menu");
const menu = document.getElementById("chapters");
const openMenu = (open) => {
  menuButton.setAttribute("aria-expanded", String(open));
  document.body.classList.toggle("menu-open", open);
  const current = menu.querySelector("[aria-current]");
  if (open && current) menu.scrollTop = current.offsetTop - menu.clientHeight / 2;
};
menuButton.addEventListener("click", () => openMenu(menuButton.getAttribute("aria-expanded") !== "true"));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("menu-open")) {
    openMenu(false);
    menuButton.focus();
  }
});

const contents = [...document.querySelectorAll(".contents a")];
const headings = contents.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
const markSection = () => {
  const current = headings.findLastIndex((heading) => heading && heading.getBoundingClientRect().top < 120);
  contents.forEach((link, index) => link.classList.toggle("reading", index === current));
};
if (contents.length) {
  addEventListener("scroll", () => requestAnimationFrame(markSection), { passive: true });
  markSection();
}

// A link to each section, beside its heading.
for (const heading of document.querySelectorAll("article :is(h2, h3, h4)[id]")) {
  const link = document.createElement("a");
  link.className = "anchor";
  link.href = `#${heading.id}`;
  link.textContent = "#";
  link.setAttribute("aria-label", `Link to “${heading.textContent.trim()}”`);
  heading.append(" ", link);
}

// A figure or a formula that scrolls, on a narrow screen, can be scrolled with the keyboard too.
const markScrolling = () => {
  for (const element of document.querySelectorAll('article p:has(> img), article .equation p, article math[display="block"]')) {
    const image = element.querySelector(":scope > img");
    const scrolls = element.scrollWidth > element.clientWidth + 1;
    const attributes = { tabindex: "0", ...(image && { role: "group", "aria-label": `Figure: ${image.alt}` }) };
    for (const [name, value] of Object.entries(attributes)) {
      if (scrolls) element.setAttribute(name, value);
      else element.removeAttribute(name);
    }
  }
};
addEventListener("load", markScrolling);
addEventListener("resize", markScrolling);
