"use strict";
// The store's page: every run in a row, to filter, to sort and to choose from.
(() => {
  const main = document.getElementById("main");
  let runs = [], there = 0, sorted = { by: "name", down: false }, chosen = new Set();

  const unpack = (text) => {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    return new Float64Array(bytes.buffer);
  };
  const spark = (run) => {
    const w = 144, h = 35, root = PS.svg("svg", { viewBox: `0 0 ${w} ${h}`, role: "img" });
    const curves = Object.entries(run.curves).map(([name, one]) => [name, unpack(one.steps), unpack(one.values)]);
    let low = Infinity, high = -Infinity, last = 1;
    for (const [, steps, values] of curves) {
      last = Math.max(last, steps.at(-1) ?? 1);
      for (const v of values) if (v > 0 && Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
    }
    root.setAttribute("aria-label", curves.map(([name, , values]) => `${name.replace("_", " ")} ends at ${PS.number(values.at(-1))}`).join(", ") || "no curve yet");
    if (!(high > low)) return root;
    const y = PS.scale("log", low, high, h - 3, 3);
    for (const [name, steps, values] of curves) {
      const points = [...steps].map((s, i) => [s, values[i]]).filter(([, v]) => v > 0 && Number.isFinite(v));
      const [hue, dash] = PS.styleOf[name];
      root.append(PS.svg("polyline", { points: points.map(([s, v]) => `${(2 + (w - 4) * s / last).toFixed(1)},${y.place(v).toFixed(1)}`).join(" "),
        fill: "none", stroke: PS.shade(hue, PS.now.dark), "stroke-width": 1.6, "stroke-dasharray": dash ? "4 2" : "" }));
    }
    return root;
  };

  // what sets a run apart: the values of its recipe that not all runs share, those of the fewest runs first;
  // of fields that divide the runs in the same way one comes early and the others late
  const RANK = ["seed", "task", "split", "optimiser", "model"], rank = (key) => { const at = RANK.indexOf(key.split(".", 1)[0]); return at < 0 ? RANK.length : at; };
  const differences = () => {
    const seen = new Map();
    for (const run of runs) for (const [key, value] of run.recipe) {
      if (!seen.has(key)) seen.set(key, new Map());
      seen.get(key).set(value, (seen.get(key).get(value) ?? 0) + 1);
    }
    const full = runs.filter((run) => run.recipe.length).length, recipes = runs.map((run) => new Map(run.recipe)), division = new Map();
    for (const key of seen.keys()) {
      const order = new Map([...seen.get(key).keys()].map((value, i) => [value, i]));
      division.set(key, recipes.map((recipe) => order.get(recipe.get(key))).join());
    }
    for (const run of runs) {
      const told = new Set(), late = new Set(), apart = run.recipe.filter(([key, value]) => key !== "name" && seen.get(key).get(value) !== full)
        .sort(([a, u], [b, v]) => seen.get(a).get(u) - seen.get(b).get(v) || rank(a) - rank(b));
      for (const [key] of apart) { if (told.has(division.get(key))) late.add(key); told.add(division.get(key)); }
      run.apart = apart.sort(([a], [b]) => late.has(a) - late.has(b)).map(([key, value]) => `${key.split(".").slice(-2).join(".")} ${PS.told(key, value)}`);
      run.different = run.apart.join(", ");
    }
  };
  const FEW = 4;
  const differing = ({ apart }) => (apart.length <= FEW + 1 ? [apart.join(", ")]
    : [`${apart.slice(0, FEW).join(", ")} `, PS.el("details", {}, PS.el("summary", {}, `and ${apart.length - FEW} more`), apart.slice(FEW).join(", "))]);
  // "grokked at 900 (to within 50; ...)": the first in one line, the rest small below it
  const outcome = (text) => { const found = /^([^(]{1,60}) \(([^)]+)\)$/.exec(text); return found ? [PS.el("div", { class: "line" }, found[1]), PS.el("small", { class: "line" }, found[2])] : [text]; };

  const columns = [["name", "run"], ["state", "state"], ["outcome", "outcome"], ["step", "step"], ["different", "differs in"], ["updated", "updated (UTC)"]];
  const compare = (a, b) => (typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));

  const filter = PS.el("input", { type: "search", placeholder: "filter: name, outcome, recipe", "aria-label": "Filter runs", oninput: () => fill() });
  const together = PS.el("a", { class: "together" });
  const count = PS.el("span", { role: "status" });
  const body = PS.el("tbody"), head = PS.el("tr");

  const fill = () => {
    PS.now = PS.theme();
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (run) => [run.name, run.state, run.outcome, ...run.recipe.map(([key, value]) => `${key} ${value}`)].join(" ").toLowerCase();
    const shown = runs.filter((run) => words.every((word) => text(run).includes(word)));
    shown.sort((a, b) => (sorted.down ? -1 : 1) * compare(a[sorted.by], b[sorted.by]));
    head.replaceChildren(PS.el("th", { scope: "col" }, "with"), ...columns.map(([key, title]) => {
      const mine = sorted.by === key;
      return PS.el("th", { scope: "col", "aria-sort": mine ? (sorted.down ? "descending" : "ascending") : "none" },
        PS.el("button", { type: "button", onclick: () => { sorted = { by: key, down: mine && !sorted.down }; fill(); } }, `${title}${mine ? (sorted.down ? " ▾" : " ▴") : ""}`));
    }), PS.el("th", { scope: "col" }, "train and test loss"));
    body.replaceChildren(...shown.map((run) => {
      const box = PS.el("input", { type: "checkbox", "aria-label": `compare ${run.name}`, checked: chosen.has(run.id), onchange: () => {
        if (box.checked) chosen.add(run.id); else chosen.delete(run.id);
        paintTogether();
      } });
      return PS.el("tr", {}, PS.el("td", {}, box), PS.el("td", {}, PS.el("a", { href: `/run/${run.id}` }, run.name)),
        PS.el("td", {}, PS.el("span", { class: `state ${run.state}` }, run.state)), PS.el("td", {}, ...outcome(run.outcome)),
        PS.el("td", { class: "figure" }, `${PS.count(run.step)}${run.steps ? ` of ${PS.count(run.steps)}` : ""}`),
        PS.el("td", { class: "differs" }, ...differing(run)), PS.el("td", { class: "figure" }, run.updated.slice(0, 16).replace("T", " ")), PS.el("td", {}, spark(run)));
    }));
    count.textContent = `${PS.count(shown.length)} of ${PS.count(there)} runs`;
    paintTogether();
  };
  const paintTogether = () => {
    const ids = [...chosen].filter((id) => runs.some((run) => run.id === id)).slice(0, 4);
    together.textContent = ids.length > 1 ? `Compare ${ids.length} runs on one slider` : "Choose two to four runs to compare";
    if (ids.length > 1) together.setAttribute("href", `/run/${ids.join("-")}`); else together.removeAttribute("href");
  };

  let whole = false, before = "";
  const load = async () => {
    let wait = 5000, news = "";
    try {
      const text = await (await fetch(whole ? "/api/runs" : "/api/runs?first=40")).text();
      if (text !== before) { const told = JSON.parse(text); runs = told.runs; there = told.n; differences(); fill(); before = text; }
      if (runs.some((run) => run.state === "training")) wait = 1500;
      if (!whole) { whole = true; if (runs.length < there) wait = 0; }
    } catch (error) { news = " (the server is gone; this is what it said last)"; }
    if (news) count.textContent += news;
    document.body.dataset.ready = runs.length < there ? "" : "yes";
    setTimeout(load, wait);
  };
  main.replaceChildren(PS.el("header", { class: "top" }, PS.el("h1", {}, "Runs")),
    PS.el("div", { class: "controls" }, filter, count, together),
    PS.el("table", { class: "store" }, PS.el("thead", {}, head), body));
  load();
})();
