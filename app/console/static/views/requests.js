// Requests as they come, and the path of one.

import { Fault } from "../api.js";
import { fill, h, say } from "../dom.js";
import { brief, ms, named, when } from "../format.js";
import { empty, tag, table, top } from "../parts.js";
import { seconds } from "../reports.js";
import { detail } from "./request.js";

const PAGE = 50;
const MOST = 500;
const EVERY_MS = 3_000;
let live = true;
let kept = [];

export async function show(root, frame) {
  const chosen = frame.argument[0] ?? "";
  const view = { frame, chosen, list: h("div"), aside: h("aside", { "aria-label": "One request", hidden: !chosen }), rows: kept };
  view.older = older(view);
  const card = h("div", { class: "card" }, view.list, view.older);
  const split = h("div", { class: chosen ? "split open" : "split" }, card, view.aside);
  const before = root.querySelector(".split");
  fill(root, top("Requests", "newest first; choose one to see its path", switcher(view)), split);
  if (kept.length) {
    listed(view);
  } else if (!before) {
    fill(view.list, empty("…"));
  }
  await Promise.all([fresh(view), chosen && one(view)]);
  turn(view);
}

function switcher(view) {
  const press = () => {
    live = !live;
    button.setAttribute("aria-pressed", String(live));
    say(live ? "Live" : "Paused");
    if (live) {
      fresh(view).catch(view.frame.failed);
    }
  };
  const button = h("button", { type: "button", class: "plain live", "aria-pressed": String(live), onclick: press }, "Live");
  return button;
}

/** Ask again while the view is there, unless paused or out of sight. */
function turn(view) {
  const { signal } = view.frame;
  const timer = setInterval(async () => {
    if (!live || document.hidden || view.asking) {
      return;
    }
    await fresh(view).catch((error) => error.name === "AbortError" || view.frame.failed(error));
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

async function fresh(view) {
  view.asking = true;
  try {
    const { data } = await view.frame.ask("reports/requests", { limit: PAGE });
    const known = new Set(data.map((each) => each.id));
    const last = data.at(-1)?.id ?? "";
    const rest = view.rows.filter((each) => !known.has(each.id) && each.id < last);
    const reached = view.rows.some((each) => known.has(each.id));
    taken(view, reached ? [...data, ...rest] : data);
  } finally {
    view.asking = false;
  }
}

function taken(view, rows) {
  const before = view.rows.map((each) => each.id).join();
  view.rows = kept = rows.slice(0, MOST);
  if (before !== kept.map((each) => each.id).join() || !view.list.querySelector("table")) {
    listed(view);
  }
}

function older(view) {
  const press = async () => {
    const before = view.rows.at(-1)?.id;
    const { data } = await view.frame.ask("reports/requests", before ? { limit: PAGE, before } : { limit: PAGE });
    button.hidden = data.length === 0 || view.rows.length + data.length >= MOST;
    taken(view, [...view.rows, ...data]);
    say(`${data.length} older requests`);
  };
  const button = h("button", { type: "button", class: "plain", onclick: () => press().catch(view.frame.failed) }, "Older");
  return h("p", { class: "more" }, button);
}

function listed(view) {
  const focused = document.activeElement?.closest("tr")?.dataset.id;
  const row = (each) => ({
    class: each.id === view.chosen ? "pressed chosen" : "pressed", "data-id": each.id,
    onclick: () => { location.hash = address(each.id); },
  });
  const tight = "wide tight";
  view.older.hidden = view.rows.length === 0;
  fill(view.list, view.rows.length === 0 ? empty("No request yet: each stands here seconds after its answer.") : table("Latest requests", [
    ["time (UTC)", (each) => h("a", { href: address(each.id), "aria-current": each.id === view.chosen ? "true" : null }, when(seconds(each.at), "second"))],
    ["feature", (each) => h("span", { class: "name", title: named(each.feature) }, named(each.feature))],
    ["user", (each) => named(each.user), false, tight],
    ["tier", (each) => named(each.tier), false, "wide"],
    ["cache", (each) => tag(each.cache), false, tight],
    ["went", (each) => each.outcome === "failed" ? tag("failed", each.cause.replaceAll("_", " ") || "failed") : tag(each.outcome === "success" ? "ok" : each.outcome)],
    ["tokens in", (each) => brief(each.input_tokens), true, tight],
    ["out", (each) => brief(each.output_tokens), true, tight],
    ["took", (each) => ms(each.duration_ms), true, "wide"],
    ["cost", (each) => each.micro_usd, "usd"],
  ], view.rows, { unseen: true, row }));
  if (focused) {
    view.list.querySelector(`tr[data-id="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
  }
}

const address = (id) => `#/requests/${encodeURIComponent(id)}`;

async function one(view) {
  const close = h("a", { class: "plain", href: "#/requests" }, "Close");
  try {
    detail(view.aside, await view.frame.ask(`reports/requests/${encodeURIComponent(view.chosen)}`), close);
  } catch (error) {
    if (!(error instanceof Fault && error.status === 404)) {
      throw error;
    }
    fill(view.aside, h("section", { class: "card" }, h("header", {}, h("h2", {}, "Not in the ledger"), close),
      h("p", { class: "note-line" }, `${view.chosen}: not there yet, another tenant's, or older than records are kept.`)));
  }
}
