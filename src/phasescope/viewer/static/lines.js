"use strict";
// Curves over training. A kind of panel is (panel, run, view) -> { frame, move, label, csv, has, ... }: the frame
// stands still (SVG), a pen draws what moves. `view` holds what a reader has switched. No kind knows a measure.
PS.kinds = {};

PS.label = (name) => name.replaceAll("_", " ").replace(/ all keys$/, " (all keys)").replace(/\b(gini|norm) W/i, "$1 of W")
  .replace(/\bW ([A-Zabxy])\b/g, "W_$1").replace(/^gini/, "Gini").replace(/^(fourier)/, "Fourier");

PS.shadePhases = (parent, run, x, box) => {
  for (const phase of run.phases) {
    const from = x.place(Math.max(phase.start, x.low)), to = x.place(Math.max(phase.end, x.low));
    if (to > from) parent.append(PS.svg("rect", { x: from, y: box.top, width: to - from, height: box.bottom - box.top,
      fill: PS.phaseColor[phase.name] ?? "#8b929c", opacity: PS.now.dark ? 0.16 : 0.13 }));
  }
};
// the path of a curve; it is lifted where a value cannot be drawn
PS.curve = (x, y, steps, value) => {
  let path = "", down = false;
  for (let j = 0; j < steps.length; j += 1) {
    const v = value(j), s = steps[j], fits = Number.isFinite(v) && (!y.log || v > 0) && (!x.log || s > 0);
    if (fits) path += `${down ? "L" : "M"}${x.place(s).toFixed(1)} ${y.place(v).toFixed(1)}`;
    down = fits;
  }
  return path;
};
PS.stepsScale = (run, view, box) => PS.scale(view.x, view.x === "log" ? 1 : 0, run.lastStep(), box.left, box.right);

PS.kinds.lines = (panel, run, view) => {
  let x, y, box, marks = [];
  const shown = () => panel.shows.map((name) => run.get(name)).filter((one) => one?.values.length);
  const said = (one) => (panel.family ? one.name.slice(panel.family.length + 1) : PS.label(one.name));
  const frame = (width) => {
    const series = shown(), t = PS.now, columns = Math.max(1, Math.min(series.length, Math.floor((width - 10) / 182)));
    const top = 28 + 17 * Math.ceil(series.length / columns), height = top + 222;
    const root = PS.svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    box = { left: 52, right: width - 20, top, bottom: height - 36 };
    let low = Infinity, high = -Infinity;
    for (const one of series) for (const v of one.values) if (Number.isFinite(v) && (view.y !== "log" || v > 0)) {
      low = Math.min(low, v); high = Math.max(high, v);
    }
    if (low > high) { low = view.y === "log" ? 0.1 : 0; high = 1; }
    if (view.y === "linear") { const pad = 0.04 * (high - low || 1); high += pad; low = low >= 0 && low < 0.4 * high ? 0 : low - pad; }
    else { low /= 1.3; high *= 1.3; }
    x = PS.stepsScale(run, view, box);
    y = PS.scale(view.y, low, high, box.bottom, box.top);
    PS.shadePhases(root, run, x, box);
    PS.axes(root, x, y, box, { x: "step", y: panel.unit });
    marks = series.map((one, i) => {
      const [hue, dash] = PS.styleOf[one.name] ?? [i % 7, i % 7];
      const color = PS.shade(hue, t.dark), pattern = PS.dashes[dash];
      root.append(PS.svg("path", { d: PS.curve(x, y, one.steps, (j) => one.values[j]), fill: "none", stroke: color, "stroke-width": 1.8, "stroke-dasharray": pattern,
        "stroke-linejoin": "round" }));
      const left = 4 + (i % columns) * (width / columns), line = 12 + 17 * Math.floor(i / columns);
      root.append(PS.svg("line", { x1: left, x2: left + 24, y1: line - 4, y2: line - 4, stroke: color, "stroke-width": 2.2,
        "stroke-dasharray": pattern }));
      return { one, color, left: left + 30, line, words: said(one) };
    });
    return root;
  };
  const move = (pen, step) => {
    const t = PS.now, here = x.place(Math.max(step, x.low));
    pen.line(here, box.top, here, box.bottom, t.ink, 1.2);
    for (const { one, color, left, line, words } of marks) {
      const value = one.values[PS.placeAt(one.steps, step)];
      pen.text(left, line, `${words}  ${PS.number(value)}`, { fill: t.ink });
      if (Number.isFinite(value) && (!y.log || value > 0)) pen.dot(here, y.place(value), 3.6, color, t.card);
    }
  };
  const label = (step) => shown().map((one) => `${said(one)} ${PS.number(one.values[PS.placeAt(one.steps, step)])}`).join(", ");
  const csv = () => [["step", "name", "value"], ...shown().flatMap((one) => [...one.steps].map((s, i) => [s, one.name, one.values[i]]))];
  return { frame, move, label, csv, has: () => Boolean(run.get(panel.shows[0])) && shown().length > 0, scales: true, stepAt: (px) => x.back(px) };
};
