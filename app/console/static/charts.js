// Charts over time, drawn by uPlot: stacked bars and lines. Each has a table of the same numbers beside it.

import { fill, h, say } from "./dom.js";
import { when } from "./format.js";

const SERIES = 8;
const FONT = "12px Inter, system-ui, sans-serif";
const STEPS = Array.from({ length: 15 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
const watched = new Set();

/** The colour of the n-th series; the last one is of what is added up as `other`. */
export const tone = (place, other = false) => `var(--c${other ? SERIES - 1 : place % (SERIES - 1)})`;

/** What a colour of the style sheet is now: a canvas knows no variables. */
function painted(name) {
  const probe = h("i", { hidden: true });
  probe.style.color = name;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/**
 * Draw `series` ({name, values, tone}) over `starts` (seconds) into `holder`. `kind` is "bars", which stand on one
 * another, or "lines". `said` names the chart for who does not see it; `shown` formats a value, `ticks` all of the axis.
 */
export function chart(holder, { starts, step, series, kind, said, shown, ticks = (all) => all.map(shown), most = null }) {
  const plot = { holder, starts, step, series, kind, said, shown, ticks, most, drawn: null };
  holder.setAttribute("role", "img");
  holder.setAttribute("aria-label", `${said}. Arrow keys read it; the table below has the same numbers.`);
  holder.tabIndex = 0;
  plot.tip = h("div", { class: "tip", hidden: true });
  draw(plot);
  holder.addEventListener("keydown", (event) => walk(plot, event));
  holder.addEventListener("blur", () => plot.drawn.setCursor({ left: -10, top: -10 }));
  new ResizeObserver(() => fit(plot)).observe(holder);
  watched.add(plot);
}

/** The theme changed: colours of a canvas are drawn anew. */
export function repaint() {
  for (const plot of watched) {
    if (plot.holder.isConnected) {
      draw(plot);
    } else {
      watched.delete(plot);
    }
  }
}

function draw(plot) {
  plot.drawn?.destroy();
  const { holder } = plot;
  fill(holder, plot.tip);
  plot.drawn = new window.uPlot(options(plot), data(plot), holder);
}

function fit(plot) {
  const width = plot.holder.clientWidth;
  if (width && width !== plot.drawn.width) {
    plot.drawn.setSize({ width, height: plot.drawn.height });
  }
}

/** Bars are drawn from the highest sum down, so that each leaves of the one before what it adds. */
function data({ starts, series, kind }) {
  if (kind === "lines") {
    return [starts, ...series.map((each) => each.values)];
  }
  const sums = [];
  let below = starts.map(() => 0);
  for (const each of series) {
    below = below.map((sum, at) => sum + each.values[at]);
    sums.unshift(below.map((sum) => sum || null)); // a bar of nothing would cut the ground line
  }
  return [starts, ...sums];
}

function options(plot) {
  const { holder, starts, step, kind, ticks, most } = plot;
  const [faint, line] = [painted("var(--faint)"), painted("var(--line)")];
  const axis = { stroke: faint, font: FONT, ticks: { show: false } };
  const grid = { stroke: line, width: 1 };
  const edge = kind === "bars" ? step / 2 : 0;
  return {
    width: holder.clientWidth || 600,
    height: holder.classList.contains("low") ? 180 : 260,
    padding: [10, 22, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
    scales: {
      x: { time: true, range: () => [starts[0] - edge, starts.at(-1) + edge] },
      y: { range: (_, low, high) => [Math.min(0, low ?? 0), most ?? ((high || 1) * 1.06)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 32, gap: 9, space: 64, values: (_, at) => at.map((each) => label(each, step)) },
      { ...axis, grid, size: wide, space: 36, incrs: STEPS, values: (_, at) => ticks(at) },
    ],
    series: [{}, ...lines(plot)],
    cursor: { y: false, points: { show: kind === "lines", size: 8 }, drag: { x: false, y: false } },
    hooks: { setCursor: [() => hover(plot)] },
  };
}

/** As wide as the widest text of an axis needs. */
const wide = (plot, texts) => 16 + Math.ceil(Math.max(0, ...(texts ?? []).map((text) => measured(plot, text))));

function measured({ ctx }, text) {
  ctx.save();
  ctx.font = FONT;
  const { width } = ctx.measureText(text);
  ctx.restore();
  return width;
}

const label = (seconds, step) =>
  step < 86_400 && seconds % 86_400 ? when(seconds, "hour").split(", ")[1] : when(seconds, "day");

function lines({ series, kind }) {
  const ground = painted("var(--sheet)");
  if (kind === "lines") {
    return series.map((each) => ({ stroke: painted(each.tone), width: 2, points: { size: 6, fill: painted(each.tone), filter: lonely } }));
  }
  const paths = window.uPlot.paths.bars({ size: [0.82, 44] });
  return [...series].reverse().map((each) => ({
    fill: painted(each.tone), stroke: ground, width: 1, paths, points: { show: false },
  }));
}

/** Points that no line reaches: those with nothing before and behind them. */
function lonely({ data: all }, place) {
  const values = all[place];
  const there = (at) => values[at] !== null && values[at] !== undefined;
  return values.map((_, at) => at).filter((at) => there(at) && !there(at - 1) && !there(at + 1));
}

function hover(plot) {
  const { idx: at, left } = plot.drawn.cursor;
  plot.tip.hidden = at === null || at === undefined || left < 0;
  if (!plot.tip.hidden) {
    fill(plot.tip, ...told(plot, at));
    const middle = plot.drawn.bbox.left / devicePixelRatio + left;
    const side = middle > plot.holder.clientWidth / 2 ? middle - plot.tip.offsetWidth - 14 : middle + 14;
    plot.tip.style.left = `${Math.max(0, side)}px`;
  }
}

function told({ starts, step, series, kind, shown }, at) {
  const rows = series
    .filter((each) => each.values[at] || kind === "lines")
    .map((each) => h("li", {}, h("i", { class: "key", "--tone": each.tone }), h("span", {}, each.name), shown(each.values[at])));
  const sum = series.reduce((all, each) => all + each.values[at], 0);
  const total = kind === "bars" && h("li", { class: "sum" }, h("span", {}, "Total"), shown(sum));
  return [h("p", {}, when(starts[at], step < 86_400 ? "hour" : "day")), h("ul", {}, rows.reverse(), total)];
}

function walk(plot, event) {
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (!(event.key in steps)) {
    return;
  }
  event.preventDefault();
  const last = plot.starts.length - 1;
  const before = plot.at ?? (steps[event.key] > 0 ? -1 : last + 1);
  plot.at = Math.max(0, Math.min(last, before + steps[event.key]));
  plot.drawn.setCursor({ left: plot.drawn.valToPos(plot.starts[plot.at], "x"), top: 10 });
  say([...plot.tip.querySelectorAll("p, li")].map((each) => each.textContent).join(", "));
}
