// What an outcome costs, and what a successful one does.

import { fill, h } from "../dom.js";
import { count, named, number, share, usd, when } from "../format.js";
import { card, figures, ratio, table, top } from "../parts.js";
import { seconds } from "../reports.js";

export async function show(root, frame) {
  const report = await frame.ask("reports/outcomes", { since: frame.since, limit: 100 });
  const note = `${report.tenant}, ${when(seconds(report.since), "hour")} to ${when(seconds(report.until), "hour")} UTC`;
  fill(root, top("Outcomes", note, frame.windowed()), ...(report.rows.length ? told(report) : [none()]));
}

const none = () => card("No outcomes in this window", null, h("p", { class: "note-line" },
  "An app tells what became of a request by ", h("code", {}, "POST /v1/outcomes"),
  " with its request_id or session_id, a type and success; days later is fine. What it cost then stands here."));

function told(report) {
  const all = sums(report);
  const numbers = figures([
    ["Outcomes", count(all.outcomes), `${count(all.successes)} of them successes`],
    ["Success rate", share(all.successes, all.outcomes), "of what was told"],
    ["Cost per outcome", all.outcomes ? usd(Math.round(all.micro_usd / all.outcomes)) : "–", "each, whatever came of it"],
    ["Cost per success", all.successes ? usd(Math.round(all.micro_usd / all.successes)) : "–", "carries the failures' cost"],
    ["Spent on them", usd(all.micro_usd), report.types.length > 1 ? "a request with two types counts in each" : "all requests they came of"],
  ]);
  return [numbers, byType(report), byFeature(report)];
}

function sums({ types }) {
  const add = (name) => types.reduce((sum, each) => sum + each[name], 0);
  return { outcomes: add("outcomes"), successes: add("successes"), micro_usd: add("micro_usd") };
}

function byType({ types }) {
  return card("By type", "all features", table("Outcomes by type", [["type", (row) => named(row.type)], ...columns(types)], types, { unseen: true }));
}

function byFeature({ rows, other }) {
  const dearest = table("Outcomes by feature and type", [
    ["feature", (row) => named(row.feature)],
    ["type", (row) => named(row.type)],
    ...columns(rows),
    ["feature in all", (row) => row.feature_micro_usd, "usd", "wide"],
  ], rows, { unseen: true });
  const rest = other && h("p", { class: "note-line" },
    `${other.rows} more: ${count(other.outcomes)} outcomes, ${usd(other.micro_usd)}.`);
  return card("By feature", "failures' cost is carried by the successes", dearest, rest);
}

function columns(rows) {
  const most = Math.max(...rows.map((row) => row.micro_usd_per_success ?? 0));
  return [
    ["outcomes", (row) => count(row.outcomes), true, "wide"],
    ["successes", (row) => share(row.successes, row.outcomes), true],
    ["value", (row) => number(row.value), true, "wide"],
    ["cost", (row) => row.micro_usd, "usd", "wide"],
    ["per outcome", (row) => rounded(row.micro_usd_per_outcome), "usd", "wide"],
    ["per success", (row) => rounded(row.micro_usd_per_success) ?? "no success", "usd"],
    ["", (row) => ratio(row.micro_usd_per_success ?? 0, most), false, "wide"],
  ];
}

const rounded = (each) => (each === null ? null : Math.round(each));
