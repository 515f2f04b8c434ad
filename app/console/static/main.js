// Who is there, which view, which window, which theme.

import { Fault, ask, enter, key, leave, tenant } from "./api.js";
import { repaint } from "./charts.js";
import { fill, h, say } from "./dom.js";
import { choices, top } from "./parts.js";
import { show as spend } from "./views/spend.js";

const VIEWS = {
  spend: ["Spend", () => spend],
  outcomes: ["Outcomes", async () => (await import("./views/outcomes.js")).show],
  work: ["At work", async () => (await import("./views/work.js")).show],
  requests: ["Requests", async () => (await import("./views/requests.js")).show],
  audit: ["Audit", async () => (await import("./views/audit.js")).show],
};
const WINDOWS = [["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"], ["90d", "90 days"]];
const WINDOW = "leanserve.window";
const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };

const at = (id) => document.getElementById(id);
let leaving = new AbortController();
let shown = "";

/** The window of all views; choosing another shows the view anew. */
function windowed(most = WINDOWS) {
  const value = since();
  const chosen = (name) => {
    sessionStorage.setItem(WINDOW, name);
    go();
  };
  return choices("Window", most, value, chosen);
}

const since = () => sessionStorage.getItem(WINDOW) ?? "30d";

/** Show what the address names. */
async function go() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [name, ...rest] = location.hash.replace(/^#\//, "").split("/");
  const view = Object.hasOwn(VIEWS, name) ? name : "spend";
  at("entry").hidden = Boolean(key());
  at("view").hidden = at("views").hidden = at("leave").hidden = !key();
  if (!key()) {
    document.title = "LeanServe console";
    at("key").focus();
    return;
  }
  mark(view);
  const frame = { signal, since: since(), windowed, argument: rest.map(decoded), ask: asked(signal), failed };
  await tried(async () => (await VIEWS[view][1]())(at("view"), frame), signal);
}

const decoded = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const asked = (signal) => (path, parameters) => ask(path, parameters, signal);

function mark(view) {
  for (const link of at("views").children) {
    link.toggleAttribute("aria-current", false);
    if (link.hash === `#/${view}`) {
      link.setAttribute("aria-current", "page");
      reveal(link);
    }
  }
  document.title = `${VIEWS[view][0]} · LeanServe`;
  if (shown !== view) {
    fill(at("view"), top(VIEWS[view][0], "…"));
  }
  if (shown && shown !== view) {
    scrollTo(0, 0);
    at("main").focus({ preventScroll: true });
    say(VIEWS[view][0]);
  }
  shown = view;
}

/** Not by scrollIntoView: from where that leads a browser goes on by Tab, past the link that skips to the content. */
function reveal(link) {
  const here = link.getBoundingClientRect();
  const frame = link.parentElement.getBoundingClientRect();
  link.parentElement.scrollLeft += Math.min(0, here.left - frame.left) + Math.max(0, here.right - frame.right);
}

async function tried(work, signal) {
  try {
    await work();
  } catch (error) {
    if (error.name !== "AbortError" && !signal.aborted) {
      failed(error);
    }
  }
}

/** What went wrong, in the view's place; a key that opens nothing leads back to the door. */
function failed(error) {
  const text = error instanceof Fault ? error.message : `something is wrong with this page: ${error.message}`;
  if (error instanceof Fault && ([401, 403].includes(error.status) || error.param === "tenant")) {
    out(text);
    return;
  }
  const again = h("button", { type: "button", class: "plain", onclick: go }, "Try again");
  const before = at("view").querySelector(".top");
  fill(at("view"), before, h("div", { class: "alarm", role: "alert" }, h("span", {}, text), again));
}

function out(text = "") {
  leave();
  fill(at("view"));
  at("entry-fault").textContent = text;
  at("entry-fault").hidden = !text;
  go();
}

function theme(step) {
  const names = Object.keys(THEMES);
  const before = document.documentElement.dataset.theme ?? "auto";
  const name = names[(names.indexOf(before) + step) % names.length];
  if (name === "auto") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = name;
  }
  at("theme").textContent = `◐ ${THEMES[name]}`;
  at("theme").setAttribute("aria-label", `Theme: ${name === "auto" ? "as the system" : name}`);
  if (step) {
    kept(name);
    repaint();
  }
}

function kept(name) {
  try {
    localStorage.setItem("leanserve.theme", name);
  } catch {
    // the theme then lasts as long as the page
  }
}

at("entry-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (/[^\x21-\x7e]/.test(at("key").value.trim())) {
    out("no key has such a character: letters, digits and signs of ASCII only");
    return;
  }
  enter(at("key").value.trim(), at("tenant").value.trim());
  at("key").value = "";
  at("entry-fault").hidden = true;
  at("main").focus();
  go();
});
at("skip").addEventListener("click", (event) => {
  event.preventDefault();
  at("main").focus();
});
at("leave").addEventListener("click", () => out());
at("theme").addEventListener("click", () => theme(1));
addEventListener("hashchange", go);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
at("tenant").value = tenant();
theme(0);
go();
