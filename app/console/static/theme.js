// Before the first paint: a theme that the reader chose. Without one the system's holds.
"use strict";
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("leanserve.theme");
  } catch {
    // a browser that keeps nothing has the system's theme
  }
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
  }
})();
