// What is left in each budget, and what is stopped.

import { h } from "../dom.js";
import { brief, lasting, named, usd } from "../format.js";
import { card, empty, ratio } from "../parts.js";

const KINDS = ["team", "feature", "user", "session", "key"];
const LISTED = new Set(["team", "feature", "user"]);
const EACH = 6;
const MOST = 24;
const UNITS = {
  input_tokens: "input tokens", output_tokens: "output tokens", tokens: "tokens", requests: "requests",
  concurrent: "at once", micro_usd: "",
};

/** The card of all limits that bind this tenant. Names for `*` are those that spent most in the window. */
export async function budgets(ask, tenant, since) {
  const [{ data: rules }, { data: stopped }] = await Promise.all([ask("budgets"), ask("stops")]);
  const names = await spenders(ask, rules, since);
  const scopes = [...new Set(rules.flatMap((rule) => scopesOf(rule, tenant, names)))].slice(0, MOST);
  const states = await Promise.all(scopes.map((scope) => ask(`scopes/${encodeURIComponent(scope)}`)));
  const meters = unique(states.flatMap((state) => state.limits)).map(meter);
  const halted = stopped.map((each) => h("p", { class: "alarm" }, `${plain(each.scope)} is stopped: ${named(each.reason)}`));
  const body = meters.length ? h("ul", { class: "meters" }, meters) : empty("No budget limits this tenant: it may spend what it likes. Set one in the policy's ", h("code", {}, "budgets"), ", or by ", h("code", {}, "leanserve budget set"), ".");
  return card("Budgets", "what is left until each begins again; for a limit on each of many, the largest spenders", halted, body);
}

async function spenders(ask, rules, since) {
  const wanted = [...LISTED].filter((kind) => rules.some((rule) => rule[kind] === "*"));
  const reports = await Promise.all(wanted.map((by) => ask("reports/cost", { by, since, limit: EACH })));
  return Object.fromEntries(wanted.map((kind, at) => [kind, reports[at].rows.map((row) => row[kind]).filter(Boolean)]));
}

/** A rule's scopes as `/admin/scopes` reads them; none where it is of sessions or keys that nobody lists. */
function scopesOf(rule, tenant, names) {
  let found = [`tenant=${encodeURIComponent(tenant)}`];
  if (rule.tenant && rule.tenant !== "*" && rule.tenant !== tenant) {
    return [];
  }
  for (const kind of KINDS.filter((each) => rule[each] !== undefined)) {
    const values = rule[kind] === "*" ? names[kind] ?? [] : [rule[kind]];
    found = found.flatMap((scope) => values.map((value) => `${scope},${kind}=${encodeURIComponent(value)}`));
  }
  return found;
}

function unique(limits) {
  const known = new Map(limits.map((each) => [`${each.scope}|${each.unit}|${each.window}`, each]));
  return [...known.values()].sort((one, other) => left(one) - left(other));
}

const left = ({ remaining, amount }) => (amount ? remaining / amount : 0);

const plain = (scope) =>
  scope.split(",").map((part) => part.split("=").map(decodeURIComponent)).map(([kind, name]) => `${kind} ${named(name)}`).join(", ");

/** Below the tenant: everything here is of one. */
const short = (scope) => plain(scope.split(",").slice(1).join(",") || scope);

const amount = (value, unit) => (unit === "micro_usd" ? usd(value) : `${brief(value)} ${UNITS[unit] ?? unit}`);

function meter(limit) {
  const { unit, remaining, spent, held, window, resets_in_s: again } = limit;
  const part = left(limit);
  const tone = part < 0.05 ? "var(--bad)" : part < 0.2 ? "var(--warn)" : "var(--accent)";
  const until = again ? `begins again in ${lasting(again)}` : limit.on_limit;
  return h("li", {},
    h("div", { class: "line" }, h("span", {}, short(limit.scope)), h("span", {}, `${amount(Math.max(0, remaining), unit)} left`)),
    ratio(limit.amount - remaining, limit.amount, tone),
    h("small", {}, h("span", {}, `${amount(spent + held, unit)} of ${amount(limit.amount, unit)}${window ? ` per ${window}` : ""}`),
      h("span", {}, until)));
}
