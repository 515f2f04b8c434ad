// What all views are made of.

import { h } from "./dom.js";
import { alike, share } from "./format.js";

/** A view's head: its name, a line about it, and what can be chosen. */
export const top = (title, note, ...actions) =>
  h("div", { class: "top" }, h("div", {}, h("h1", {}, title), h("p", {}, note)), h("div", { class: "actions" }, actions));

/** One of several; `chosen(value)` hears of another. */
export function choices(said, options, value, chosen) {
  const group = h("div", { class: "choices", role: "group", "aria-label": said });
  for (const [name, text] of options) {
    const press = () => {
      for (const each of group.children) {
        each.setAttribute("aria-pressed", String(each === button));
      }
      chosen(name);
    };
    const button = h("button", { type: "button", "aria-pressed": String(name === value), onclick: press }, text);
    group.append(button);
  }
  return group;
}

/** A card with a heading; `body` are its parts. */
export const card = (title, note, ...body) =>
  h("section", { class: "card" }, h("header", {}, h("div", {}, h("h2", {}, title), note && h("p", {}, note))), body);

/** Large numbers in a row: [name, value, note] or null. */
export const figures = (all) =>
  h("dl", { class: "figures" }, all.map(([name, value, ...notes]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value), notes.map((note) => h("dd", { class: "note" }, note)))));

/**
 * A table. `columns` are [name, cell(row), kind?, class?]; the first one heads its row. A kind is `true` for numbers, "usd"
 * for cells that are micro-dollars: those of a column are shown alike.
 */
export function table(caption, columns, rows, { unseen = false, row = () => ({}) } = {}) {
  const shown = columns.map(([, cell, numeric]) => (numeric === "usd" ? money(rows.map(cell), cell) : cell));
  const kind = ([, , numeric, other = ""]) => `${numeric ? "num" : ""} ${other}`.trim() || null;
  const head = columns.map((each) => h(each[0] ? "th" : "td", { scope: each[0] ? "col" : null, class: kind(each) }, each[0]));
  const line = (each) => h("tr", row(each), columns.map((column, at) =>
    at ? h("td", { class: kind(column) }, shown[at](each)) : headed(shown[at](each), kind(column))));
  const found = h("table", {}, h("caption", { class: unseen ? "unseen" : null }, caption),
    h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows.map(line)));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, found);
}

function money(amounts, cell) {
  const text = alike(amounts);
  return (row) => (typeof cell(row) === "number" ? text(cell(row)) : cell(row));
}

/** What a row is about, on two lines at most: names may be long. */
function headed(content, kind) {
  const name = h("span", { class: "name" }, content);
  name.title = name.textContent;
  return h("th", { scope: "row", class: kind }, name);
}

/** The same numbers as a chart's, for who reads rather than looks. */
export const more = (said, content) => h("details", { class: "more" }, h("summary", {}, said), content);

/** A bar of `part` in `all`, beside the number that says it. */
export const ratio = (part, all, tone = null) =>
  h("span", { class: "ratio", "aria-hidden": "true" },
    h("i", { "--part": `${all ? Math.max(0, Math.min(100, (100 * part) / all)) : 0}%`, "--tone": tone }));

export const key = (tone) => h("i", { class: "key", "--tone": tone, "aria-hidden": "true" });

/** Parts of a whole: one bar, and what each is. `parts` are {name, value, tone}. */
export function stack(parts, shown) {
  const all = parts.reduce((sum, each) => sum + each.value, 0);
  const there = parts.filter((each) => each.value > 0);
  const bar = h("div", { class: "stack", "aria-hidden": "true" },
    there.map((each) => h("i", { "--part": each.value / all, "--tone": each.tone })));
  const line = (each) => h("li", {}, key(each.tone), h("span", {}, each.name), h("span", {}, shown(each.value)),
    h("span", { class: "faint" }, share(each.value, all)));
  return there.length ? [bar, h("ul", { class: "legend" }, there.map(line))] : [empty("Nothing in this window.")];
}

/** The name of a row with the colour of its series. */
export const keyed = ({ tone, name }) => h("span", { class: "keyed" }, key(tone), name);

export const empty = (...text) => h("p", { class: "empty" }, text);

/** In the place of figures that nothing was asked for yet: what to do about it. */
export function nothing(tenant) {
  const api = new URL("../v1", location.href.split("#")[0]).href;
  const code = `client = OpenAI(base_url="${api}", api_key="…")`;
  return card("No request in this window", null,
    h("p", { class: "note-line" }, `Nothing was asked on the account of the tenant “${tenant}”. Point an OpenAI client at this server, and what it costs stands here seconds later:`),
    h("pre", { tabindex: 0, role: "region", "aria-label": "How to point a client here" }, code),
    h("p", { class: "note-line" }, "Older traffic: choose a longer window. Another tenant's: sign out and name it beside the operator's key."));
}

const GOOD = new Set(["success", "exact", "semantic", "coalesced"]);
const BAD = new Set(["failed"]);

/** A word that says how something went. */
export const tag = (word, text = word) =>
  h("span", { class: `tag ${GOOD.has(word) ? "good" : BAD.has(word) ? "bad" : ""}`.trim() }, text);
