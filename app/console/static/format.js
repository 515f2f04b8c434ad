// Numbers and times in words. Money comes in millionths of a dollar and stays whole until it is shown.

const whole = new Intl.NumberFormat("en-US");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const times = {
  day: { month: "short", day: "numeric" },
  hour: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  full: {
    year: "numeric", month: "short", day: "numeric",
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  },
};
const clocks = Object.fromEntries(
  Object.entries(times).map(([name, parts]) => [name, new Intl.DateTimeFormat("en-GB", { ...parts, timeZone: "UTC" })]),
);

const LARGE = 1e8;

/** Places that show what is there: cents above a dollar, all six below a cent. */
const placesOf = (size) => (size >= 1e6 || size === 0 ? 2 : size >= 1e4 ? 4 : 6);

/** Dollars: cents above a dollar, and as many places below as show what is there. */
export function usd(micro, places = placesOf(Math.abs(micro))) {
  const size = Math.abs(micro);
  if (size > 0 && size < 5_000 && places === 2) {
    return micro < 0 ? "−<$0.01" : "<$0.01";
  }
  const digits = { minimumFractionDigits: places, maximumFractionDigits: places };
  return `${micro < 0 ? "−" : ""}$${(size / 1e6).toLocaleString("en-US", digits)}`;
}

/** How the amounts of one column are shown, point below point: as the smallest asks, cents beside a hundred dollars. */
export function alike(amounts) {
  const sizes = amounts.filter((each) => typeof each === "number" && each !== 0).map(Math.abs);
  const places = Math.max(...sizes) >= LARGE ? 2 : placesOf(sizes.length ? Math.min(...sizes) : 0);
  return (micro) => usd(micro, places);
}

/** Dollars on an axis, all with the places that its steps need. */
export function axisUsd(ticks) {
  const [first = 0, second = first] = ticks;
  const step = Math.abs(second - first || first) / 1e6 || 1;
  const places = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  const large = Math.max(...ticks.map(Math.abs)) >= 1e10;
  const shown = (dollars) => (large ? compact.format(dollars) : dollars.toLocaleString("en-US", { minimumFractionDigits: places }));
  return ticks.map((each) => (each === 0 ? "$0" : `$${shown(each / 1e6)}`));
}

/** Any number with a real minus. */
export const number = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 2 }).replace("-", "−");

/** Millionths from the text of dollars that the server tells, exact to the last place. */
export function micro(text) {
  const [, sign, dollars, rest = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(text)) ?? [, "", "0", ""];
  return (sign ? -1 : 1) * (Number(dollars) * 1e6 + Number(rest.padEnd(6, "0").slice(0, 6)));
}

export const count = (number) => whole.format(number);
export const brief = (number) => (Math.abs(number) < 10_000 ? whole.format(number) : compact.format(number));

/** A part of a whole; of nothing, a dash. */
export function share(part, all, places = 1) {
  return all ? `${((100 * part) / all).toFixed(places)}%` : "–";
}

export function ms(value) {
  if (value === null || value === undefined) {
    return "–";
  }
  return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(value < 10_000 ? 2 : 1)} s`;
}

/** Seconds since 1970, in UTC as the server counts days. */
export const when = (seconds, kind = "full") => clocks[kind].format(new Date(seconds * 1_000));

/** How long, in the largest unit that is not zero. */
export function lasting(seconds) {
  const units = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  const [size, unit] = units.find(([length]) => seconds >= length) ?? [1, "s"];
  return `${Math.round(seconds / size)} ${unit}`;
}

/** A name as it is shown: an empty one is said to be so. */
export const named = (name) => (name === "" || name === null || name === undefined ? "(none)" : String(name));
