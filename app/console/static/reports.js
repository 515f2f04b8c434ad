// What `/admin/reports` answers, as the views want it.

import { tone } from "./charts.js";
import { named } from "./format.js";

const SIZES = { m: 60, h: 3_600, d: 86_400 };
const PART = { hour: 3_600, day: 86_400 };

/** How many seconds a window such as `30d` lasts. */
export const lasts = (since) => Number(since.slice(0, -1)) * SIZES[since.at(-1)];

/** The window of the same length before it, as parameters. */
export const before = (since) => ({ since: `${2 * Number(since.slice(0, -1))}${since.at(-1)}`, until: since });

export const seconds = (text) => Date.parse(text) / 1_000;

/** The values of a row's dimensions in one text; `says` names empty ones. */
export const title = (row, by, says = named) => by.map((name) => says(row[name])).join(" · ");

/** A chart's part of a timeline: when, how long a step is, and one series of `measure` for each row. */
export function drawn(line, measure, says = named) {
  const others = line.other ? [{ name: "other", values: line.other[measure], tone: tone(0, true) }] : [];
  const series = line.series.map((each, at) => ({
    name: title(each, line.by, says), values: each[measure], tone: tone(at),
  }));
  return { starts: line.starts.map(seconds), step: PART[line.span], series: [...series, ...others] };
}

/** The rows of a report with what was added up below them, each with its name and the colour of its series. */
export function ranked(report, says = named) {
  const rows = report.rows.map((each, at) => ({ ...each, name: title(each, report.by, says), tone: tone(at) }));
  const rest = report.other && { ...report.other, name: `other (${report.other.rows})`, tone: tone(0, true) };
  return rest ? [...rows, rest] : rows;
}

/** How a request went, where nothing was wrong. */
export const cause = (name) => (name === "" ? "no fault" : named(name).replaceAll("_", " "));
