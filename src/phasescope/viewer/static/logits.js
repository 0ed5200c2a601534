"use strict";
// One neuron over all pairs with its polynomial, and the logits of one pair.

PS.kinds.neuron = (panel, run) => {
  let boxes = [], spectrum, pictures = [], known = null, rooms = null;
  const name = () => `neuron-${run.pick.neuron}`, n = () => run.circuit.n;
  const plane = (step, room) => {
    const parts = run.partAt(name(), step), scores = run.partAt("scores", step);
    return parts && (scores || !run.circuit.heads) ? PS.neuronPlane(run.circuit, scores, parts, room) : null;
  };
  // the neuron's frequency is the one it ends with, so that its name does not change on the way
  const frequency = () => {
    const size = run.parts.get(name())?.steps.length ?? 0;
    if (known?.of !== `${name()} ${size}`) {
      const last = plane(Infinity), shares = last && run.p ? PS.shares(last, run.p) : [];
      known = { of: `${name()} ${size}`, k: 1 + shares.indexOf(Math.max(...shares)) };
    }
    return known.k;
  };
  const state = (step) => {
    rooms ??= [new Float64Array(n() ** 2), new Float64Array(n() ** 2)];  // what is told holds until it is asked again
    const act = plane(step, rooms[0]);
    if (!act) return null;
    let low = 0, high = 0;
    for (const v of act) { low = Math.min(low, v); high = Math.max(high, v); }
    if (!run.p) return { act, low, high };
    const k = frequency(), shares = PS.shares(act, run.p);
    return { act, low, high, k, shares, fit: PS.polynomial(act, run.p, k, rooms[1]) };
  };
  const frame = (width) => {
    const t = PS.now, side = Math.min(250, (width - 40) / 2 - 20), two = Boolean(run.p), top = 24;
    const root = PS.svg("svg", { viewBox: `0 0 ${width} ${top + side + (two ? 178 : 40)}`, role: "img" });
    const gap = Math.max(14, Math.min(60, width - 44 - 2 * side));
    boxes = (two ? ["activation", "polynomial"] : ["activation"]).map((title, i) => planeBox(root, 34 + i * (side + gap), top, side, title, n()));
    planeAxes(root, boxes[0], n());
    if (two) {
      const box = { left: 42, right: width - 12, top: top + side + 54, bottom: top + side + 140 }, all = run.p >> 1;
      const x = PS.scale("linear", 0.3, all + 0.7, box.left, box.right), y = PS.scale("linear", 0, 1, box.bottom, box.top);
      x.ticks = x.ticks.filter(([v]) => v >= 1);
      PS.axes(root, x, y, box, { x: "frequency", y: "share of variance" });
      spectrum = { x, y, box, wide: Math.max(1, 0.72 * (box.right - box.left) / all), strong: PS.shade(2, t.dark) };
    }
    return root;
  };
  const move = (pen, step) => {
    const now = state(step), t = PS.now;
    if (!now) { pen.text(boxes[0].x + 8, boxes[0].y + 22, "loading …", { fill: t.quiet }); return; }
    [now.act, now.fit].slice(0, boxes.length).forEach((values, i) => {
      pictures[i] = PS.picture(n(), n(), values, now.low, now.high, pictures[i]);
      pen.image(boxes[i].x, boxes[i].y, boxes[i].side, boxes[i].side, pictures[i]);
    });
    marker(pen, boxes[0], n(), run.pick);
    const right = boxes.at(-1).x + boxes.at(-1).side;
    pen.text(right, boxes[0].y + (boxes.length > 1 ? boxes[0].side + 13 : -6), `${PS.number(now.low)} to ${PS.number(now.high)}`, { fill: t.quiet, anchor: "end" });
    if (!now.shares) return;
    const { x, y, box, wide, strong } = spectrum;
    pen.text(box.right, box.top - 7, `k = ${now.k} holds ${PS.number(100 * now.shares[now.k - 1])} %`, { fill: t.ink, anchor: "end", weight: 600 });
    now.shares.forEach((share, i) => pen.rect(x.place(i + 1) - wide / 2, y.place(share), wide, box.bottom - y.place(share), i + 1 === now.k ? strong : t.bar));
  };
  const label = (step) => { const now = state(step); return now ? `neuron ${run.pick.neuron}, largest activation ${PS.number(now.high)}${now.k ? `, frequency ${now.k} holds ${PS.number(100 * now.shares[now.k - 1])} % of its variance` : ""}` : ""; };
  const csv = (step) => {
    const now = state(step);
    return [["step", "neuron", "a", "b", "activation", ...(now?.fit ? ["polynomial"] : [])],
      ...Array.from(now?.act ?? [], (v, i) => [run.stepOfParts(step), run.pick.neuron, i / n() | 0, i % n(), v, ...(now.fit ? [now.fit[i]] : [])])];
  };
  const cellAt = (x, y) => boxes.map((box) => box.cell(x, y)).find(Boolean);
  const over = (x, y, step) => { const cell = cellAt(x, y), now = cell && state(step); return now ? `a = ${cell[0]}, b = ${cell[1]}: ${PS.number(now.act[cell[0] * n() + cell[1]])}${now.fit ? `, polynomial ${PS.number(now.fit[cell[0] * n() + cell[1]])}` : ""}` : ""; };
  const fields = () => [{ name: "neuron", value: run.pick.neuron, max: run.circuit.neurons - 1, known: run.circuit.telling, set: (neuron) => ({ neuron }) }];
  return { frame, move, over, label, csv, fields, pairAt: cellAt, picks: true, has: () => Boolean(run.circuit),
    caption: () => (run.p ? "Left as it is, right the best polynomial of degree two in the cosines and sines of one frequency. Below, how its variance divides over the frequencies." : "") };
};

PS.kinds.logits = (panel, run) => {
  let x, y, box;
  const name = () => `logits-${run.pick.a}-${run.pick.b}`, about = () => run.pairs.get(`${run.pick.a}-${run.pick.b}`);
  const frame = (width) => {
    const root = PS.svg("svg", { viewBox: `0 0 ${width} 270`, role: "img" }), rows = run.parts.get(name())?.rows ?? [];
    let low = 0, high = 1;
    for (const row of rows) for (const v of row) { low = Math.min(low, v); high = Math.max(high, v); }
    box = { left: 52, right: width - 12, top: 58, bottom: 234 };
    x = PS.scale("linear", -0.7, run.circuit.n - 0.3, box.left, box.right);
    x.ticks = x.ticks.filter(([v]) => v >= 0);
    y = PS.scale("linear", low * 1.08, high * 1.12, box.bottom, box.top);
    PS.axes(root, x, y, box, { x: "answer c" });
    return root;
  };
  const state = (step) => {
    const row = run.partAt(name(), step), right = about()?.answer;
    if (!row || right === undefined) return null;
    let wrong = -1, total = 0;
    for (let c = 0; c < row.length; c += 1) if (c !== right && (wrong < 0 || row[c] > row[wrong])) wrong = c;
    const top = Math.max(row[right], row[wrong]);
    for (const v of row) total += Math.exp(v - top);
    return { row, right, wrong, chance: Math.exp(row[right] - top) / total };
  };
  const said = (now) => `right answer ${now.right}: ${PS.number(now.row[now.right])}, best wrong ${now.wrong}: ${PS.number(now.row[now.wrong])}, probability ${PS.number(now.chance)}`;
  const move = (pen, step) => {
    const t = PS.now, now = state(step), pair = about();
    if (!now) { pen.text(60, 70, "loading …", { fill: t.quiet }); return; }
    pen.text(4, 14, `a = ${run.pick.a}, b = ${run.pick.b}, ${pair.trained ? "trained on" : "held out"}`, { fill: t.ink, weight: 600 });
    const words = said(now).split(", "), lines = box.right > 400 ? [words.join(", ")] : [words.slice(0, 2).join(", "), words[2]];
    lines.forEach((line, i) => pen.text(4, 30 + 14 * i, line, { fill: t.quiet }));
    const wide = Math.max(1, 0.72 * (box.right - box.left) / now.row.length), zero = y.place(0), green = PS.shade(2, t.dark), red = PS.shade(1, t.dark);
    for (let c = 0; c < now.row.length; c += 1) {
      const at = y.place(now.row[c]);
      pen.rect(x.place(c) - wide / 2, Math.min(at, zero), wide, Math.abs(zero - at), c === now.right ? green : c === now.wrong && now.row[c] > now.row[now.right] ? red : t.bar);
    }
    pen.text(x.place(now.right), Math.min(zero, y.place(now.row[now.right])) - 4, String(now.right), { fill: t.ink, anchor: "middle", weight: 600 });
  };
  const over = (px, py, step) => { const c = Math.round(x.back(px)), row = run.partAt(name(), step); return row?.[c] === undefined ? "" : `c = ${c}: ${PS.number(row[c])}`; };
  const csv = (step) => [["step", "a", "b", "c", "logit"], ...Array.from(run.partAt(name(), step) ?? [], (v, c) => [run.stepOfParts(step), run.pick.a, run.pick.b, c, v])];
  const fields = () => [
    { name: "a", value: run.pick.a, max: run.circuit.n - 1, set: (a) => ({ a }) }, { name: "b", value: run.pick.b, max: run.circuit.n - 1, set: (b) => ({ b }) },
    { name: "pair", known: run.circuit.suggested.map(({ a, b, trained }) => [`${a}-${b}`, `${a}, ${b} ${trained ? "trained" : "held out"}`]), value: `${run.pick.a}-${run.pick.b}`,
      set: (pair) => { const [a, b] = pair.split("-").map(Number); return { a, b }; } }];
  return { frame, move, over, csv, fields, picks: true, label: (step) => { const now = state(step); return now ? said(now) : ""; }, has: () => Boolean(run.circuit) };
};
