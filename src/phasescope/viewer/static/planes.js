"use strict";
// Pictures over all pairs (a, b), put together from functions of one operand each (circuit.py says how).

const planeBox = (root, x, y, side, title, n) => {
  root.append(PS.svg("rect", { x: x - 0.5, y: y - 0.5, width: side + 1, height: side + 1, fill: "none", stroke: PS.now.line }),
    PS.text(x, y - 6, title, { fill: PS.now.ink, "font-weight": 600 }));
  return { x, y, side, cell: (px, py) => {
    const a = Math.floor((py - y) / side * n), b = Math.floor((px - x) / side * n);
    return a >= 0 && b >= 0 && a < n && b < n ? [a, b] : null;
  } };
};
const planeAxes = (root, box, n) => {
  for (const [at, anchor, text] of [[0, "start", "b = 0"], [box.side, "end", String(n - 1)]]) root.append(PS.text(box.x + at, box.y + box.side + 12, text, { "text-anchor": anchor, "font-size": 9.5 }));
  for (const [at, text] of [[8, "a = 0"], [box.side, String(n - 1)]]) root.append(PS.text(box.x - 4, box.y + at, text, { "text-anchor": "end", "font-size": 9.5 }));
};
const ramp = (root, x, y, low, high) => {
  root.append(PS.text(x, y + 8, low), PS.text(x + 118, y + 8, high));
  const bar = PS.picture(64, 1, Float64Array.from({ length: 64 }, (_, i) => i), 0, 63);
  root.append(PS.svg("image", { x: x + 14, y, width: 98, height: 8, preserveAspectRatio: "none", href: bar.toDataURL() }));
};
const marker = (pen, box, n, { a, b }) => {
  const x = box.x + (b + 0.5) / n * box.side, y = box.y + (a + 0.5) / n * box.side;
  for (const [color, wide] of [["#000000", 3], ["#ffffff", 1.4]]) { pen.line(x - 6, y, x + 6, y, color, wide); pen.line(x, y - 6, x, y + 6, color, wide); }
};

// what each head's softmax is made of: e to the scores of every a, every b and what stays
PS.looks = (circuit, scores) => {
  const { n, heads, fixed } = circuit, wide = 2 * n + fixed;
  return Array.from({ length: heads }, (_, h) => {
    const own = scores.subarray(h * wide, (h + 1) * wide);
    let top = -Infinity, rest = 0;
    for (const v of own) top = Math.max(top, v);
    const e = Float64Array.from(own, (v) => Math.exp(v - top));
    for (let i = 2 * n; i < wide; i += 1) rest += e[i];
    return { e, rest };
  });
};

// a head's attention to a, to b or to one of the tokens that stay, over all pairs
PS.attentionPlane = ({ n, fixed, share }, { e, rest }, to, out) => {
  const stays = to > 1 ? e[2 * n + Math.min(to - 2, fixed - 1)] : 0, flat = 1 - share;
  for (let a = 0, i = 0; a < n; a += 1) for (let b = 0; b < n; b += 1, i += 1) {
    const ea = e[a], eb = e[n + b];
    out[i] = share * (to === 0 ? ea : to === 1 ? eb : stays) / (ea + eb + rest) + flat;
  }
  return out;
};

PS.kinds.attention = (panel, run, view) => {
  let boxes = [];
  const places = () => ["a", "b", ...(run.circuit.fixed > 1 ? ["operation"] : []), "="];
  let room;
  const pictures = new Map();
  const frame = (width) => {
    const { heads, n } = run.circuit, columns = Math.min(heads, Math.max(2, Math.floor(width / 200)));
    const side = Math.min(300, (width - 40) / columns - 34), rows = Math.ceil(heads / columns);
    const root = PS.svg("svg", { viewBox: `0 0 ${width} ${rows * (side + 44) + 24}`, role: "img" });
    boxes = Array.from({ length: heads }, (_, h) => {
      const box = planeBox(root, 34 + (h % columns) * ((width - 40) / columns), 22 + Math.floor(h / columns) * (side + 44), side, `head ${h}`, n);
      planeAxes(root, box, n);
      return box;
    });
    ramp(root, 34, rows * (side + 44) + 8, "0", `1 attention to ${view.to ?? "a"}`);
    return root;
  };
  const move = (pen, step) => {
    const scores = run.partAt("scores", step), { n } = run.circuit;
    if (!scores) return;
    const to = places().indexOf(view.to ?? "a");
    room ??= new Float64Array(n * n);
    PS.looks(run.circuit, scores).forEach((look, h) => {
      pictures.set(h, PS.picture(n, n, PS.attentionPlane(run.circuit, look, to, room), 0, 1, pictures.get(h)));
      pen.image(boxes[h].x, boxes[h].y, boxes[h].side, boxes[h].side, pictures.get(h));
      marker(pen, boxes[h], n, run.pick);
    });
  };
  const table = (step) => {
    const scores = run.partAt("scores", step), size = run.circuit.n ** 2;
    return !scores ? [] : PS.looks(run.circuit, scores).map((look) => {
      const [a, b] = [0, 1].map((to) => PS.attentionPlane(run.circuit, look, to, new Float64Array(size)));
      return Array.from(a, (v, i) => [v, b[i]]);
    });
  };
  const csv = (step) => [["step", "head", "a", "b", "attention_to_a", "attention_to_b"],
    ...table(step).flatMap((rows, h) => rows.map(([a, b], i) => [run.stepOfParts(step), h, i / run.circuit.n | 0, i % run.circuit.n, a, b]))];
  const label = (step) => table(step).map((rows, h) => `head ${h}: mean attention to a ${PS.number(rows.reduce((sum, [a]) => sum + a, 0) / rows.length)}`).join(", ");
  const cellAt = (x, y) => boxes.map((box) => box.cell(x, y)).find(Boolean);
  const over = (x, y, step) => {
    const cell = cellAt(x, y), h = boxes.findIndex((box) => box.cell(x, y));
    const found = cell && table(step)[h]?.[cell[0] * run.circuit.n + cell[1]];
    return found ? `a = ${cell[0]}, b = ${cell[1]}: to a ${PS.number(found[0])}, to b ${PS.number(found[1])}` : "";
  };
  return { frame, move, over, csv, label, pairAt: cellAt, picks: true, has: () => run.circuit?.heads > 0, choices: () => [["to", "to", places()]] };
};

// ---- a neuron

const erf = (x) => {  // Abramowitz and Stegun 7.1.26, to 1.5e-7
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const y = 1 - ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * Math.exp(-x * x);
  return x < 0 ? -y : y;
};
const ACTIVATE = { relu: (x) => (x > 0 ? x : 0), gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)), quadratic: (x) => x * x, absolute: Math.abs };

PS.neuronPlane = (circuit, scores, parts, room) => {
  const { n, share } = circuit, heads = Math.max(1, circuit.heads), wide = 2 * n + circuit.fixed, out = (room ?? new Float64Array(n * n)).fill(parts.at(-1));
  const looks = circuit.heads ? PS.looks(circuit, scores) : [];
  for (let h = 0; h < heads; h += 1) {
    const own = parts.subarray(h * wide, (h + 1) * wide), e = looks[h]?.e;
    if (!e) { for (let i = 0; i < n * n; i += 1) out[i] += own[i / n | 0] + own[n + i % n]; continue; }
    let stays = 0, all = 0;  // by softmax, and by the constant part of zhong2023
    for (let i = 2 * n; i < wide; i += 1) { stays += e[i] * own[i]; all += own[i]; }
    for (let a = 0; a < n; a += 1) {
      const up = e[a] * own[a] + stays, under = e[a] + looks[h].rest, flat = (1 - share) * (own[a] + all);
      for (let b = 0; b < n; b += 1) out[a * n + b] += share * (up + e[n + b] * own[n + b]) / (under + e[n + b]) + flat + (1 - share) * own[n + b];
    }
  }
  const act = ACTIVATE[circuit.activation];
  for (let i = 0; i < out.length; i += 1) out[i] = act(out[i]);
  return out;
};

const bases = new Map();
PS.basis = (p) => {  // orthonormal cosines and sines: [k - 1] is a pair; an even p's last sine is nothing
  if (!bases.has(p)) bases.set(p, Array.from({ length: p >> 1 }, (_, i) => {
    const k = i + 1, half = 2 * k === p, size = Math.sqrt((half ? 1 : 2) / p);
    return [Math.cos, Math.sin].map((f) => Float64Array.from({ length: p }, (_, r) => (half && f === Math.sin ? 0 : size * f(2 * Math.PI * (k * r % p) / p))));
  }));
  return bases.get(p);
};
const dot = (u, v) => { let sum = 0; for (let i = 0; i < u.length; i += 1) sum += u[i] * v[i]; return sum; };

// the part of the variance in each frequency's block, by sums along four families of lines (measures/spectrum.py)
PS.shares = (plane, p) => {
  const lines = Array.from({ length: 4 }, () => new Float64Array(p));
  let square = 0, total = 0;
  for (let a = 0; a < p; a += 1) for (let b = 0; b < p; b += 1) {
    const v = plane[a * p + b], sum = a + b < p ? a + b : a + b - p, off = a >= b ? a - b : a - b + p;
    lines[0][a] += v; lines[1][b] += v; lines[2][sum] += v; lines[3][off] += v;
    square += v * v; total += v;
  }
  const variance = square - total * total / (p * p);
  return PS.basis(p).map((waves, i) => {
    if (!(variance > 1e-12 * square)) return 0;
    const used = 2 * (i + 1) === p ? lines.slice(0, 3) : lines;
    return used.reduce((sum, line) => sum + dot(line, waves[0]) ** 2 + dot(line, waves[1]) ** 2, 0) / p / variance;
  });
};

// the projection on the mean and the eight components of one frequency: a polynomial of degree two
PS.polynomial = (plane, p, k, room) => {
  const u = [new Float64Array(p).fill(1 / Math.sqrt(p)), ...PS.basis(p)[k - 1]], out = (room ?? new Float64Array(p * p)).fill(0);
  const across = u.map((wave) => { const rows = new Float64Array(p); for (let a = 0; a < p; a += 1) rows[a] = dot(plane.subarray(a * p, (a + 1) * p), wave); return rows; });
  for (let j = 0; j < 3; j += 1) {
    const fitted = new Float64Array(p);
    for (let i = 0; i < 3; i += 1) { const c = dot(across[j], u[i]); for (let a = 0; a < p; a += 1) fitted[a] += c * u[i][a]; }
    for (let a = 0; a < p; a += 1) for (let b = 0; b < p; b += 1) out[a * p + b] += fitted[a] * u[j][b];
  }
  return out;
};
