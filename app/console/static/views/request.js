// One request: its path drawn, its prompt taken apart, all that is known of it.

import { fill, h } from "../dom.js";
import { count, ms, named, share, usd, when } from "../format.js";
import { more, stack, table, tag } from "../parts.js";
import { seconds } from "../reports.js";
import { drawPath } from "./path.js";

const PARTS = [
  ["system", "System prompt"], ["history", "History"], ["documents", "Documents"], ["tools", "Tools"],
  ["user", "User's text"], ["frame", "Chat template"],
];

export function detail(aside, request, close) {
  const drawing = h("div");
  const heading = h("h2", { tabindex: -1 }, named(request.feature));
  const head = h("header", {}, h("div", {}, heading, h("p", { class: "mono" }, request.id)), close);
  fill(aside, h("section", { class: "card" }, head, facts(request), drawing, more("The path as a table", attempts(request)),
    h("h3", {}, "The prompt"), prompt(request), saved(request), more("All that is known", all(request))));
  drawPath(drawing, request);
  new ResizeObserver(() => drawPath(drawing, request)).observe(drawing);
  heading.focus({ preventScroll: matchMedia("(min-width: 1081px)").matches });
}

function facts(request) {
  const went = request.outcome === "failed" ? tag("failed", named(request.cause).replaceAll("_", " ")) : tag(request.outcome);
  return list([
    ["Cost", h("strong", {}, usd(request.micro_usd), request.estimated && " (estimated)")],
    ["Came", `${when(seconds(request.at))} UTC`],
    ["Went", [went, ` in ${ms(request.duration_ms)}`]],
    request.user && ["User", request.user],
    request.session && ["Session", request.session],
  ]);
}

const list = (pairs) => h("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

const attempts = ({ attempts: made }) => table("Attempts", [
  ["role", (each) => each.role],
  ["tier", (each) => named(each.tier)],
  ["backend", (each) => named(each.backend)],
  ["went", (each) => each.cause ? each.cause.replaceAll("_", " ") : each.outcome],
  ["in", (each) => count(each.input_tokens), true],
  ["prefix", (each) => count(each.cached_tokens), true],
  ["out", (each) => count(each.output_tokens), true],
  ["took", (each) => ms(each.duration_ms), true],
  ["cost", (each) => each.micro_usd, "usd"],
], made, { unseen: true });

function prompt({ anatomy }) {
  const parts = PARTS.map(([name, text], at) => ({ name: text, value: anatomy[name], tone: `var(--c${at})` }));
  const whose = anatomy.exact ? "counted by the tier's own tokenizer" : "estimated";
  const unused = anatomy.documents_count > 0 &&
    h("p", { class: "note-line" }, `${count(anatomy.documents_count)} documents; ${count(anatomy.documents_unused)} of their tokens are not seen in the answer, ${count(anatomy.documents_duplicate)} came twice.`);
  return [h("p", { class: "note-line" }, `Tokens, ${whose}`), stack(parts, count), unused];
}

function saved({ savings }) {
  const { nothing_micro_usd: nothing, saved_micro_usd: less } = savings;
  return nothing > 0 && h("p", { class: "note-line" },
    `Without LeanServe ${usd(nothing)}: ${usd(less)} saved (${share(less, nothing)}).`);
}

/** Every field that is no list and no part drawn above. */
function all(request) {
  const plain = Object.entries(request).filter(([, value]) => value !== null && typeof value !== "object" && value !== "");
  return list(plain.map(([name, value]) => [name.replaceAll("_", " "), String(value)]));
}
