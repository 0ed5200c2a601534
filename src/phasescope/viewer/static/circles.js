"use strict";
// Residues in the plane of two directions of the embedding.
PS.kinds.circles = (panel, run, view) => {
  let planes = [];
  const keys = () => run.keys.filter((k) => run.frames.circles[k]);
  // an axis is a frequency's own cosine or sine, or one chosen for all planes
  const chosen = (axis) => (/^(cos|sin) \d+$/.test(view[axis] ?? "") ? view[axis].split(" ") : null);
  const names = (own) => [own, ...keys().flatMap((k) => [`cos ${k}`, `sin ${k}`])];
  const shown = () => {
    const x = chosen("across"), y = chosen("up");
    const of = (k, given, own) => (given ? { k: Number(given[1]), part: given[0] } : { k, part: own });
    const all = keys().map((k) => ({ k, x: of(k, x, "cos"), y: of(k, y, "sin") }));
    return x && y ? [{ ...all[0], k: all[0].y.k }] : all;
  };
  const read = (one, i) => { const points = run.frames.circles[one.k][i], odd = one.part === "sin" ? 1 : 0; return (r) => points[2 * r + odd]; };
  const frame = (width) => {
    const t = PS.now, all = shown(), n = all.length, columns = Math.min(n, Math.max(2, Math.floor(width / 172)));
    const side = width / columns, cell = Math.min(side, 270), height = Math.ceil(n / columns) * (cell + 4) + 30;
    const root = PS.svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    planes = all.map((one, place) => {
      const { k } = one, p = run.frames.circles[k][0].length / 2;
      let reach = 0;
      for (let i = 0; i < run.frames.steps.length; i += 1) {
        const across = read(one.x, i), up = read(one.y, i);
        for (let r = 0; r < p; r += 1) reach = Math.max(reach, Math.abs(across(r)), Math.abs(up(r)));
      }
      const cx = (place % columns + 0.5) * side, cy = 8 + (Math.floor(place / columns) + 0.5) * (cell + 4), half = cell / 2 - 5;
      const unit = (half - 13) / (reach || 1), ten = 10 ** Math.floor(Math.log10(0.45 * reach || 1)), long = [5, 2, 1].find((m) => m * ten <= 0.45 * (reach || 1)) * ten, far = unit * long;
      root.append(PS.svg("rect", { x: cx - half, y: cy - half, width: 2 * half, height: 2 * half, rx: 8, fill: "none", stroke: t.line }),
        PS.svg("line", { x1: cx - half + 4, x2: cx + half - 4, y1: cy, y2: cy, stroke: t.line }),
        PS.svg("line", { x1: cx, x2: cx, y1: cy - half + 4, y2: cy + half - 4, stroke: t.line }));
      const [from, down] = [cx + half - 9 - far, cy + half - 9];  // a bar says how long a stretch of the plane is
      root.append(PS.svg("path", { d: `M${from} ${down - 3}v6m0 -3h${far}m0 -3v6`, fill: "none", stroke: t.quiet }),
        PS.text(from + far / 2, down - 5, PS.number(long), { "text-anchor": "middle", "font-size": 9.5 }));
      const title = `${one.x.part} ${one.x.k} × ${one.y.part} ${one.y.k}`;
      root.append(PS.text(cx - half + 7, cy - half + 16, chosen("across") || chosen("up") ? title : `k = ${k}`, { fill: t.ink, "font-weight": 600 }));
      const around = Array.from({ length: p }, (_, r) => r).sort((a, b) => (a * k % p) - (b * k % p));
      const colors = Array.from({ length: p }, (_, r) => PS.wheel((r * k % p) / p));
      return { one, k, p, around, colors, cx, cy, half, unit, xs: new Float64Array(p), ys: new Float64Array(p) };
    });
    const wide = Math.min(220, width - 170), y = height - 14;
    for (let i = 0; i < 48; i += 1) root.append(PS.svg("rect", { x: 8 + wide * i / 48, y, width: wide / 48 + 0.5, height: 8, fill: PS.wheel(i / 48) }));
    root.append(PS.text(14 + wide, y + 8, "residue × k mod p, 0 to p"));
    return root;
  };
  const move = (pen, step) => {
    const i = Math.max(0, run.frameAt(step)), quiet = PS.now.quiet;
    for (const { one, p, around, colors, cx, cy, unit, xs, ys } of planes) {
      const across = read(one.x, i), up = read(one.y, i);
      for (let r = 0; r < p; r += 1) { xs[r] = cx + unit * across(r); ys[r] = cy - unit * up(r); }
      pen.loop(xs, ys, around, quiet, 0.6, 0.5);
      for (let r = 0; r < p; r += 1) pen.dot(xs[r], ys[r], 2.8, colors[r]);
    }
  };
  const over = (x, y) => {
    const plane = planes.find(({ cx, cy, half }) => Math.abs(x - cx) < half && Math.abs(y - cy) < half);
    if (!plane) return "";
    const far = (r) => Math.hypot(plane.xs[r] - x, plane.ys[r] - y), near = plane.around.reduce((a, b) => (far(b) < far(a) ? b : a));
    return far(near) < 12 ? `residue ${near}` : "";
  };
  const label = (step) => {
    const i = Math.max(0, run.frameAt(step));
    return keys().map((k) => {
      const points = run.frames.circles[k][i], p = points.length / 2;
      const radii = Array.from({ length: p }, (_, r) => Math.hypot(points[2 * r], points[2 * r + 1])), mean = radii.reduce((a, b) => a + b, 0) / p;
      return `k = ${k}: mean radius ${PS.number(mean)}, spread ${PS.number(Math.sqrt(radii.reduce((a, b) => a + (b - mean) ** 2, 0) / p))}`;
    }).join("; ");
  };
  const csv = (step) => {
    const i = Math.max(0, run.frameAt(step));
    return [["step", "frequency", "residue", "cosine_direction", "sine_direction"], ...keys().flatMap((k) => {
      const points = run.frames.circles[k][i];
      return Array.from({ length: points.length / 2 }, (_, r) => [run.frames.steps[i], k, r, points[2 * r], points[2 * r + 1]]);
    })];
  };
  return { frame, move, over, label, csv, has: () => keys().length > 0, caption: () => run.keysFrom && `Shown: ${run.keysFrom}.`,
    choices: () => [["across", "across", names("cos k")], ["up", "up", names("sin k")]] };
};
