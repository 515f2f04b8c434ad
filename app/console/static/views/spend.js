// What was spent over time, by whom, what was spared, and what prompts are made of.

import { chart } from "../charts.js";
import { fill, h } from "../dom.js";
import { axisUsd, brief, count, share, usd, when } from "../format.js";
import { card, choices, empty, figures, keyed, more, nothing, ratio, stack, table, top } from "../parts.js";
import { before, cause, drawn, ranked, seconds } from "../reports.js";

const SHOWN = 7;
const BY = [["feature", "Feature"], ["tier", "Tier"], ["cause", "Cause"]];
const PARTS = [
  ["system_tokens", "System prompt"], ["history_tokens", "History"], ["documents_tokens", "Documents"],
  ["tools_tokens", "Tools"], ["user_tokens", "User's text"], ["frame_tokens", "Chat template"],
];
let by = "feature";

export async function show(root, frame) {
  const { ask, since } = frame;
  const parts = { numbers: h("div"), chart: h("div"), under: h("div", { class: "two" }) };
  const earlier = ask("reports/cost", { by: "", ...before(since) }).catch(() => null);
  const [report, line] = await both(ask, since);
  if (report.total.requests === 0) {
    fill(root, top("Spend", note(report), frame.windowed()), nothing(report.tenant));
    return;
  }
  fill(root, top("Spend", note(report), frame.windowed()), parts.numbers, parts.chart, parts.under);
  spending(parts.chart, report, line, (name) => again(name, parts.chart, frame));
  fill(parts.under, report.waste.length ? [spared(report), wasted(report), prompts(report)]
    : [spared(report), prompts(report), wasted(report)]);
  fill(parts.numbers, numbers(report, null));
  const past = await earlier;
  fill(parts.numbers, numbers(report, past?.total));
}

const note = ({ tenant, since, until }) =>
  `${tenant}, ${when(seconds(since), "hour")} to ${when(seconds(until), "hour")} UTC`;

const both = (ask, since) => Promise.all([
  ask("reports/cost", { by, since, limit: SHOWN }),
  ask("reports/timeline", { by, since, limit: SHOWN, measures: "micro_usd" }),
]);

async function again(name, holder, frame) {
  by = name;
  try {
    const [report, line] = await both(frame.ask, frame.since);
    if (by === name) {
      spending(holder, report, line, (next) => again(next, holder, frame));
      holder.querySelector("[aria-pressed=true]").focus();
    }
  } catch (error) {
    if (error.name !== "AbortError") {
      frame.failed(error);
    }
  }
}

function numbers({ total, savings }, past) {
  const each = total.requests ? (1_000 * total.micro_usd) / total.requests : 0;
  return figures([
    ["Spent", usd(total.micro_usd), change(total.micro_usd, past?.micro_usd)],
    ["Requests", brief(total.requests), change(total.requests, past?.requests, false)],
    ["Per 1,000 requests", usd(Math.round(each)), "all attempts included"],
    ["Saved", usd(savings.saved_micro_usd), `${share(savings.saved_micro_usd, savings.nothing_micro_usd)} of what it would have cost`],
    ["Wasted", usd(total.wasted_micro_usd), `${share(total.wasted_micro_usd, total.micro_usd)} on answers nobody got`],
  ]);
}

/** Against the window before; more money is marked, more requests are not. */
function change(now, past, marked = true) {
  if (!past) {
    return "";
  }
  const part = (100 * (now - past)) / past;
  const kind = !marked || Math.abs(part) < 0.05 ? null : part > 0 ? "up" : "down";
  const text = `${part >= 0 ? "+" : "−"}${Math.abs(part).toFixed(1)}%`;
  return h("span", {}, h("span", { class: kind }, text), " against the window before");
}

function spending(holder, report, line, chosen) {
  const says = by === "cause" ? cause : undefined;
  const picture = drawn(line, "micro_usd", says);
  const figure = h("div", { class: "chart" });
  const rows = ranked(report, says);
  const found = card(`Over time by ${by}`, null, h("div", { class: "beside" },
    h("div", {}, figure, more("Show as a table", overTime(picture))), breakdown(rows, report.total)));
  found.querySelector("header").append(choices("Spend by", BY, by, chosen));
  fill(holder, found);
  chart(figure, { ...picture, kind: "bars", said: `Spend over time by ${by}`, shown: usd, ticks: axisUsd });
}

function breakdown(rows, total) {
  return table(`Spend by ${by}, dearest first`, [
    [by, keyed],
    ["spent", (row) => row.micro_usd, "usd"],
    ["share", (row) => share(row.micro_usd, total.micro_usd), true],
    ["requests", (row) => brief(row.requests), true],
  ], rows, { unseen: true });
}

function overTime({ starts, step, series }) {
  const columns = series.map((each) => [each.name, (at) => each.values[at], "usd"]);
  const time = ["time (UTC)", (at) => when(starts[at], step < 86_400 ? "hour" : "day")];
  return table("Spend over time", [time, ...columns], starts.map((_at, place) => place).reverse());
}

/** What less would have cost: each step takes off its part, and what is left is what it did cost. */
function spared({ savings, total }) {
  const all = savings.nothing_micro_usd;
  const rows = [
    ["Without LeanServe", all, "var(--c7)"], ["Cache", -savings.cache_micro_usd, "var(--c0)"],
    ["Routing", -savings.routing_micro_usd, "var(--c1)"], ["Limits and the rest", -savings.limits_micro_usd, "var(--c2)"],
    ["Spent", total.micro_usd, "var(--c7)"],
  ];
  return card("What was saved", "each request priced again: the best tier, then with the cache, then with routing",
    table("Savings by what made them", [
      ["step", ([name]) => name],
      ["", ([, value, tone]) => ratio(Math.abs(value), Math.max(all, total.micro_usd), tone)],
      ["dollars", ([, value]) => value, "usd"],
      ["of all", ([, value]) => share(Math.abs(value), all), true],
    ], rows, { unseen: true }));
}

function prompts({ total }) {
  const parts = PARTS.map(([name, text], at) => ({ name: text, value: total[name], tone: `var(--c${at})` }));
  const rest = { name: "Not known", value: total.input_tokens - parts.reduce((sum, { value }) => sum + value, 0), tone: "var(--line)" };
  const output = { name: "Output", value: total.output_tokens, tone: "var(--c7)" };
  return card("What tokens are", `${brief(total.input_tokens)} in, ${share(total.cached_tokens, total.input_tokens)} of them from a prefix cache; ${brief(total.output_tokens)} out`,
    stack([...parts, rest, output], brief));
}

function wasted({ waste, total }) {
  const body = waste.length === 0 ? empty("Nothing: every answer that was paid for was given to somebody.") : table("Waste by role and cause", [
    ["attempt", (row) => row.role],
    ["cause", (row) => cause(row.cause)],
    ["attempts", (row) => count(row.attempts), true],
    ["wasted", (row) => row.wasted_micro_usd, "usd"],
    ["of all spend", (row) => share(row.wasted_micro_usd, total.micro_usd), true, "wide"],
  ], waste.slice(0, 8), { unseen: true });
  const found = card("What was wasted", "attempts whose answer nobody got", body);
  found.classList.add(waste.length ? "tall" : "across");
  return found;
}
