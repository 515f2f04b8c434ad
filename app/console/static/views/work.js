// Cache, router and budgets at work.

import { chart } from "../charts.js";
import { fill, h } from "../dom.js";
import { brief, count, named, share, usd, when } from "../format.js";
import { card, figures, more, nothing, ratio, stack, table, top } from "../parts.js";
import { drawn, ranked } from "../reports.js";
import { budgets } from "./budgets.js";

const CACHE = { exact: 0, semantic: 1, coalesced: 2, miss: 7, bypass: 6 };

export async function show(root, frame) {
  const { ask, since } = frame;
  const over = (by, limit, measures) => ask("reports/timeline", { by, since, limit, measures });
  const [caches, tiers, models, hits, spread] = await Promise.all([
    ask("reports/cost", { by: "cache", since }), ask("reports/cost", { by: "tier", since, limit: 7 }),
    ask("reports/cost", { by: "backend,model,role", since, limit: 12 }), over("", 1, "requests,hits"),
    over("tier", 7, "requests"),
  ]);
  const limits = h("div");
  const head = top("At work", "what cache, router and budgets do with the traffic", frame.windowed());
  fill(root, head, caches.total.requests === 0 ? [nothing(caches.tenant), limits]
    : [numbers(caches, tiers), h("div", { class: "two" }, cacheCard(caches, hits), routerCard(tiers, spread)), limits,
      backends(models)]);
  fill(limits, card("Budgets", null, h("p", { class: "faint" }, "…")));
  fill(limits, await budgets(ask, caches.tenant, since));
}

function numbers({ total, savings }, tiers) {
  const cheap = tiers.rows.reduce((most, row) => (row.requests > most.requests ? row : most), { requests: 0 });
  return figures([
    ["Cache hit rate", share(total.hits, total.requests), `${brief(total.hits)} of ${brief(total.requests)} requests`],
    ["Saved by the cache", usd(savings.cache_micro_usd), "against asking again"],
    ["Saved by routing", usd(savings.routing_micro_usd), "against the best tier"],
    ["Busiest tier", named(cheap.tier), `${share(cheap.requests, total.requests)} of the requests`],
    ["Prefix cache", share(total.cached_tokens, total.input_tokens), "of input tokens read from it"],
  ]);
}

function cacheCard(report, line) {
  const { requests = [], hits = [] } = line.series[0] ?? {};
  const rate = requests.map((all, at) => (all ? (100 * hits[at]) / all : null));
  const picture = { ...drawn(line, "requests"), series: [{ name: "hit rate", values: rate, tone: "var(--c0)" }] };
  const parts = report.rows.map((row) => ({
    name: row.cache, value: row.requests, tone: `var(--c${CACHE[row.cache] ?? 5})`,
  }));
  return timed("Cache", "share of requests answered without a model", picture,
    { kind: "lines", shown: percent, most: 100 }, stack(parts, brief));
}

function routerCard(report, line) {
  const picture = drawn(line, "requests");
  const whole = picture.starts.map((_, at) => picture.series.reduce((sum, each) => sum + each.values[at], 0));
  const series = picture.series.map((each) => ({
    ...each, values: each.values.map((value, at) => (whole[at] ? (100 * value) / whole[at] : 0)),
  }));
  return timed("Router", "tiers that answered, per cent of requests", { ...picture, series },
    { kind: "bars", shown: percent, most: 100 },
    stack(ranked(report).map((row) => ({ name: row.name, value: row.requests, tone: row.tone })), brief));
}

const percent = (value) => (value === null || value === undefined ? "–" : `${value.toFixed(value % 1 ? 1 : 0)}%`);

/** A card with a chart over time above its parts. The chart is drawn once the card has a width. */
function timed(title, note, picture, how, parts) {
  const holder = h("div", { class: "chart low" });
  const columns = picture.series.map((each) => [each.name, (at) => percent(each.values[at]), true]);
  const time = ["time (UTC)", (at) => when(picture.starts[at], picture.step < 86_400 ? "hour" : "day")];
  const rows = picture.starts.map((_, at) => at).reverse();
  const found = card(title, note, holder, parts, more("Show as a table", table(`${title} over time`, [time, ...columns], rows)));
  requestAnimationFrame(() => holder.isConnected && chart(holder, { ...picture, ...how, said: `${title}: ${note}` }));
  return found;
}

function backends(report) {
  const rows = ranked(report).filter((row) => row.attempts || row.micro_usd);
  return card("Backends", "every attempt by what it was for", table("Attempts by backend, model and role", [
    ["backend", (row) => named(row.backend ?? row.name)],
    ["model", (row) => row.model ?? "", false, "wide"],
    ["role", (row) => row.role === "" ? "cached answer" : row.role ?? ""],
    ["attempts", (row) => count(row.attempts), true],
    ["tokens in", (row) => brief(row.input_tokens), true, "wide"],
    ["tokens out", (row) => brief(row.output_tokens), true, "wide"],
    ["cost", (row) => row.micro_usd, "usd"],
    ["", (row) => ratio(row.micro_usd, report.total.micro_usd), false, "wide"],
  ], rows, { unseen: true }));
}
