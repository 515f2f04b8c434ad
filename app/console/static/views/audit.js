// The seven sins of an architecture, priced on this traffic.

import { fill, h, say } from "../dom.js";
import { count, micro, named, share, usd, when } from "../format.js";
import { card, figures, nothing, ratio, table, tag, top } from "../parts.js";
import { lasts, seconds } from "../reports.js";

const LONGEST = 30 * 86_400;
const WINDOWS = [["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"]];

export async function show(root, frame) {
  const head = (note) => top("Audit", note, frame.windowed(WINDOWS));
  fill(root, head("reading the ledger…"));
  const length = Math.min(lasts(frame.since), LONGEST);
  const now = Date.now() / 1_000;
  const audit = await frame.ask("audit", { since: iso(now - length), until: iso(now) });
  const window = `${when(seconds(audit.since), "hour")} to ${when(seconds(audit.until), "hour")} UTC`;
  const found = audit.requests === 0 ? [nothing(audit.tenant)] : [numbers(audit), remarks(audit), ...findings(audit)];
  fill(root, head(`${audit.tenant}, ${window}`), ...found);
}

const iso = (moment) => `${new Date(moment * 1_000).toISOString().slice(0, 19)}Z`;

function numbers(audit) {
  const [spent, saved] = [micro(audit.spent_usd), micro(audit.compound_usd)];
  return figures([
    ["Could be saved", usd(saved), `${share(saved, spent)} of what was spent, all fixes together`],
    ["Spent", usd(spent), "in what was read"],
    ["Requests", count(audit.requests), audit.truncated ? "the first of the window" : "all of the window"],
    ["Findings", count(audit.findings.length), "each with its rule and evidence"],
    ["Not asked", usd(micro(audit.unasked_usd)), "on named models, the router unasked"],
  ]);
}

function remarks({ truncated, unpriced_requests: unpriced }) {
  const cut = truncated && "The window holds more records than one audit here reads: leanserve audit reads all of them.";
  const blind = unpriced > 0 && `${count(unpriced)} requests went to backends that have no price now: nothing is counted as saved on them.`;
  return (cut || blind) && h("p", { class: "note-line" }, [cut, blind].filter(Boolean).join(" "));
}

function findings({ findings: all, spent_usd: spent, requests }) {
  return all.length ? all.map((each, at) => finding(each, at + 1, micro(spent))) : [card("No sin stands on this traffic", null,
    h("p", { class: "note-line" }, `${count(requests)} requests were held against seven rules: the same long prompt everywhere, documents that nobody needed, retries, repeats that were not cached, one model for all, answers longer than their question, and loops. A finding needs enough of them as evidence: look again when there is more traffic.`))];
}

function finding(each, rank, spent) {
  const [price, certain, after] = [micro(each.usd), micro(each.certain_usd), micro(each.compound_usd)];
  const head = h("header", {},
    h("div", {}, h("h2", {}, h("span", { class: "rank" }, rank), each.title), h("p", {}, each.rule)),
    h("p", { class: "price" }, usd(price), h("small", {}, `${share(price, spent)} of spend, ${usd(after)} after the fixes above`)));
  return h("article", { class: "card finding" }, head, ratio(price, spent), sure(each, certain, price), places(each),
    fix(each));
}

function sure(each, certain, price) {
  return h("dl", { class: "facts" },
    h("dt", {}, "At least"), h("dd", {}, `${usd(certain)} (${share(certain, price, 0)}) assumes nothing`),
    h("dt", {}, "Assumed"), h("dd", {}, each.assumed || "nothing"),
    h("dt", {}, "Counted"), h("dd", {}, `${count(each.requests)} requests, ${share(each.exact_share, 1, 0)} by the tier's own tokenizer`));
}

const places = ({ places: all, unit, title }) => table(`Where: ${title}`, [
  ["feature", (row) => named(row.feature)],
  ...(all.some((row) => row.cause) ? [["cause", (row) => row.cause && tag(row.cause)]] : []),
  ["costs", (row) => micro(row.usd), "usd"],
  ["of the feature", (row) => share(micro(row.usd), micro(row.feature_spent_usd)), true, "wide"],
  [unit, (row) => `${count(row.part)} of ${count(row.whole)}`, true, "wide"],
  ["such as", (row) => row.examples.slice(0, 2).map((id, at) => [at ? " " : "", example(id)])],
], all.slice(0, 8), { unseen: true });

const example = (id) => h("a", { class: "mono", href: `#/requests/${encodeURIComponent(id)}`, title: id }, `…${id.slice(-6)}`);

function fix({ title, change: { policy, args, advice } }) {
  const blocks = [["Change of the policy", policy], ["Change of the application's arguments", args]]
    .filter(([, text]) => text && text.trim() && text.trim() !== "{}")
    .map(([name, text]) => h("div", { class: "fix" }, h("div", { class: "line" }, h("h3", {}, name), copier(text)),
      h("pre", { tabindex: 0, role: "region", "aria-label": `${name}: ${title}` }, text)));
  return [...blocks, advice && h("p", { class: "note-line" }, "In the app: ", advice)];
}

function copier(text) {
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    say("Copied");
  };
  const button = h("button", { type: "button", class: "quiet", onclick: copy }, "Copy");
  return navigator.clipboard ? button : null;
}
