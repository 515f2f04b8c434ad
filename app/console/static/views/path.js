// The path of one request, drawn: cache, router, each attempt with its time, tokens and cost, and what came of it.

import { fill, s } from "../dom.js";
import { count, ms, named, usd } from "../format.js";

const LEFT = 12;
const TEXT = 34;
const HITS = new Set(["exact", "semantic", "coalesced"]);

/** Draw into `holder` at its width; the same width draws nothing anew. */
export function drawPath(holder, request) {
  const width = Math.floor(holder.clientWidth);
  if (!width || holder.dataset.width === String(width)) {
    return;
  }
  holder.dataset.width = String(width);
  const steps = stepsOf(request);
  const longest = Math.max(1, ...request.attempts.map((each) => each.duration_ms));
  let at = 16;
  const drawn = [];
  for (const step of steps) {
    drawn.push(stepped(step, at, width, longest));
    at += step.attempt ? 86 : 52;
  }
  const height = at - 16;
  fill(holder, s("svg", { class: "path", role: "img", "aria-label": told(steps), viewBox: `0 0 ${width} ${height}`, width, height },
    s("line", { class: "spine", x1: LEFT, x2: LEFT, y1: 18, y2: height - (steps.at(-1).attempt ? 70 : 36) }), drawn));
}

function stepsOf(request) {
  const hit = HITS.has(request.cache);
  const made = request.attempts.map((each) => ({
    name: `${named(each.tier)} · ${each.role}`, kind: each.outcome === "failed" ? "bad" : "", attempt: each,
    cost: usd(each.micro_usd),
  }));
  return [
    { name: named(request.operation), note: `asked for ${named(request.model)}${request.lane ? `, ${request.lane}` : ""}` },
    cached(request, hit), ...(hit && !made.length ? [] : [routed(request)]), ...made, ended(request),
  ];
}

function cached(request, hit) {
  const spared = `${count(request.hit_input_tokens + request.hit_output_tokens)} tokens not asked for again`;
  const note = hit ? spared : named(request.cache_reason).replaceAll("_", " ");
  const cost = hit ? usd(request.charged_micro_usd) : "";
  return { name: `Cache: ${request.cache}`, note, cost, kind: hit ? "" : "idle" };
}

function routed({ decided, reason, score, uncertain }) {
  const sure = score === null ? "" : `, score ${score.toFixed(2)}${uncertain ? ", unsure" : ""}`;
  return { name: decided ? `Router: ${decided}` : "Router: not asked", note: `${reason.replaceAll("_", " ")}${sure}`, kind: decided ? "" : "idle" };
}

function ended(request) {
  const bad = request.outcome === "failed";
  const cause = (request.cause || request.outcome).replaceAll("_", " ");
  const first = request.first_chunk_ms === null ? "" : `, first token after ${ms(request.first_chunk_ms)}`;
  return {
    name: bad ? `Failed: ${cause}` : request.outcome === "success" ? "Answered" : `Over: ${cause}`,
    note: `${ms(request.duration_ms)}${first}`, cost: usd(request.micro_usd), kind: bad ? "bad" : "",
  };
}

function stepped(step, at, width, longest) {
  const [fits, below] = [Math.floor((width - TEXT - 84) / 7.2), Math.floor((width - TEXT - 12) / 6.4)];
  const head = [
    s("circle", { class: `dot ${step.kind ?? ""}`, cx: LEFT, cy: at, r: 5.5 }),
    s("text", { class: "strong", x: TEXT, y: at + 4.5 }, cut(step.name, fits)),
    step.cost && s("text", { class: "cost", x: width, y: at + 4.5 }, step.cost),
  ];
  return step.attempt ? [head, tried(step.attempt, at, width, longest, below)]
    : [head, s("text", { class: "soft", x: TEXT, y: at + 22 }, cut(step.note ?? "", below))];
}

function tried(each, at, width, longest, fits) {
  const room = width - TEXT;
  const long = Math.max(3, (room * each.duration_ms) / longest);
  const first = Math.min(long, (room * (each.first_chunk_ms ?? 0)) / longest);
  const bad = each.outcome === "failed";
  const prefix = each.cached_tokens ? ` (${count(each.cached_tokens)} from prefix)` : "";
  const tokens = `${count(each.input_tokens)}${prefix} → ${count(each.output_tokens)} tokens`;
  const went = bad ? `, ${(each.cause || "failed").replaceAll("_", " ")}` : each.wasted ? ", not given" : "";
  return [
    s("text", { class: "soft", x: TEXT, y: at + 21 }, cut(`${named(each.backend)} · ${named(each.model)}`, fits)),
    s("rect", { class: "track", x: TEXT, y: at + 31, width: room, height: 7, rx: 3.5 }),
    s("rect", { class: `run ${bad ? "bad" : ""}`, x: TEXT, y: at + 31, width: long, height: 7, rx: 3.5 }),
    first > 1 && s("rect", { class: "run wait", x: TEXT, y: at + 31, width: first, height: 7, rx: 3.5 }),
    s("text", { class: "soft", x: TEXT, y: at + 55 }, cut(`${tokens}, ${ms(each.duration_ms)}${went}`, fits)),
  ];
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text);

const told = (steps) => `Path: ${steps.map((each) => [each.name, each.cost].filter(Boolean).join(", ")).join("; ")}`;
