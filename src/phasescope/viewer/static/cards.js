"use strict";
// A panel on the page: its heading, its tools, its drawing, and when to draw it.

// what still stands is SVG; what moves lies over it on a canvas
const stack = (card, shape) => {
  const width = Math.max(240, Math.floor(card.body.clientWidth)), still = shape.frame(width);
  const height = Number(still.getAttribute("viewBox").split(" ")[3]);
  card.canvas ??= PS.el("canvas", { "aria-hidden": "true" });
  card.pen = PS.canvasPen(card.canvas, width, height);
  card.still = still;
  card.body.replaceChildren(still, card.canvas);
  card.body.style.minHeight = "";
  card.width = width;
};

PS.makeCard = (page, panel, run) => {
  const view = { x: panel.x, y: panel.y }, shape = PS.kinds[panel.kind](panel, run, view);
  if (!shape.has()) return null;
  const several = page.runs.length > 1, name = several ? `${panel.name}-${page.runs.indexOf(run) + 1}` : panel.name;
  const card = { panel, run, shape, seen: false, body: PS.el("div", { class: shape.table ? "" : "drawing" }) };
  if (!shape.table) card.body.style.minHeight = `${shape.tall ?? 284}px`;  // room is kept, so that nothing jumps when it is drawn
  const now = () => page.stepOf(run);
  const paint = card.paint = () => {
    PS.now = PS.theme();
    if (shape.table) card.body.replaceChildren(shape.table()); else stack(card, shape);
    card.seen = true;
    card.move();
    card.describe();
  };
  card.move = () => {
    card.stale = false;
    if (!card.pen) return;
    card.pen.clear();
    shape.move(card.pen, now());
  };
  card.describe = () => card.still?.setAttribute("aria-label", `${panel.title} at step ${PS.count(now())}: ${shape.label(now())}`);

  const button = (text, title, act) => PS.el("button", { type: "button", title, "aria-label": `${panel.title}: ${title}`, onclick: act }, text);
  const tools = [];
  const toggle = (axis) => {
    const one = button(`log ${axis}`, `logarithmic ${axis === "x" ? "steps" : "values"}`, () => {
      view[axis] = view[axis] === "log" ? "linear" : "log";
      one.setAttribute("aria-pressed", String(view[axis] === "log"));
      paint();
    });
    one.setAttribute("aria-pressed", String(view[axis] === "log"));
    return one;
  };
  const select = (title, options, value, act, field = null) => {
    const one = PS.el("select", { "aria-label": `${panel.title}: ${title}`, "data-field": field, onchange: () => act(one.value) },
      ...options.map((option) => [option].flat()).map(([key, words = key]) => PS.el("option", { value: key, selected: String(key) === String(value) }, words)));
    return PS.el("label", {}, title, " ", one);
  };
  if (shape.scales) tools.push(toggle("x"));
  if (shape.scales || shape.scalesY) tools.push(toggle("y"));
  for (const [key, title, options] of shape.choices?.() ?? []) tools.push(select(title, options, view[key], (value) => { view[key] = value; paint(); }));
  // a field is free where the server can answer, and a list of what is in the file where it cannot
  for (const field of shape.fields?.() ?? []) {
    const set = (value) => page.pick(run, field.set(value));
    if (field.known && (!run.live || field.max === undefined)) tools.push(select(field.name, field.known, field.value, (value) => set(field.max === undefined ? value : Number(value)), field.name));
    else if (field.text !== undefined) {
      const input = PS.el("input", { type: "text", value: field.value, "aria-label": `${panel.title}: ${field.name}, ${field.help}`, title: field.help, "data-field": field.name, spellcheck: "false", readonly: !run.live,
        onchange: () => { const change = field.read(input.value); input.setCustomValidity(change ? "" : field.help); if (change) page.pick(run, change); else input.reportValidity(); } });
      tools.push(PS.el("label", {}, field.name, " ", input));
    } else if (run.live) {
      const input = PS.el("input", { type: "number", min: 0, max: field.max, value: field.value, "aria-label": `${panel.title}: ${field.name}`, list: field.known ? `${name}-known` : null, "data-field": field.name,
        onchange: () => set(Math.max(0, Math.min(field.max, Math.round(Number(input.value) || 0)))) });
      tools.push(PS.el("label", {}, field.name, " ", input), ...(field.known ? [PS.el("datalist", { id: `${name}-known` }, ...field.known.map((value) => PS.el("option", { value })))] : []));
    }
  }
  const file = () => `${run.run.name}-${panel.name}-step${Math.round(now())}`;
  // the whole drawing as one SVG: the still frame, and on it what the pen draws
  card.drawing = () => {
    if (shape.still) return shape.still();
    const svg = shape.frame(card.width);
    shape.move(PS.svgPen(svg), now());
    return svg;
  };
  tools.push(PS.el("span", { class: "save", role: "group", "aria-label": `${panel.title}: save` },
    button("SVG", "save as SVG", () => PS.saveSvg(card.drawing(), file())), button("PNG", "save as PNG", () => PS.savePng(card.drawing(), file())),
    button("CSV", "save numbers as CSV", () => PS.saveCsv(shape.csv(now()), file())),
    PS.el("a", { href: `#panel=${name}`, title: "link to this panel at this step", "aria-label": `${panel.title}: link to this panel at this step`,
      onclick: (event) => { event.preventDefault(); history.replaceState(null, "", page.link(name)); navigator.clipboard?.writeText(location.href).catch(() => {}); } }, "#")));

  // the mouse: what is under it, a pair to pick, a step to go to
  const place = (event) => { const box = card.body.getBoundingClientRect(), scale = card.width / box.width; return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale]; };
  if (shape.over) card.body.addEventListener("pointermove", (event) => page.tip(event, shape.over(...place(event), now())));
  if (shape.over) card.body.addEventListener("pointerleave", () => page.tip(null, ""));
  if (shape.pairAt) card.body.addEventListener("click", (event) => { const pair = shape.pairAt(...place(event)); if (pair) page.pick(run, { a: pair[0], b: pair[1] }); });
  if (shape.stepAt) {
    const seek = (event) => { const step = shape.stepAt(...place(event)); if (step !== undefined) page.seek(run, step); };
    card.body.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse" && event.button === 0) seek(event); });
    card.body.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse" && event.buttons === 1) seek(event); });
  }
  const caption = [panel.caption, shape.caption?.()].filter(Boolean).join(" ");
  card.node = PS.el("section", { class: `card ${panel.kind}${shape.stepAt ? " seeks" : ""}${shape.pairAt ? " picks" : ""}`, id: name, "aria-label": panel.title },
    PS.el("header", {}, PS.el("h3", {}, panel.title, ...(several ? [PS.el("small", {}, run.run.name)] : [])), PS.el("div", { class: "tools" }, ...tools)),
    card.body, ...(caption ? [PS.el("p", { class: "caption" }, caption)] : []));
  return card;
};

// after a pick the fields say what is shown
PS.layPicked = (page) => {
  for (const card of page.cards) for (const input of card.node.querySelectorAll("[data-field]")) {
    const field = card.shape.fields().find((one) => one.name === input.dataset.field);
    if (input.options && ![...input.options].some((one) => one.value === String(field.value))) input.append(new Option("typed", field.value));
    input.value = field.value;
  }
};

// all cards of a page under their headings; one is drawn when it first comes near the window, and again when its width changes
PS.layCards = (page) => {
  page.watch?.disconnect();
  page.view?.disconnect();
  page.resize?.disconnect();
  const panels = page.runs[0].allPanels();
  page.cards = panels.flatMap((panel) => page.runs.map((run) => PS.makeCard(page, panel, run))).filter(Boolean);
  const parts = [...new Set(page.cards.map((card) => card.panel.part))];
  page.ui.panels.replaceChildren(...parts.map((part) => PS.el("section", { class: "part", "aria-label": part }, PS.el("h2", {}, part),
    PS.el("div", { class: `grid ${page.runs.length > 1 ? "pair" : ""} ${part.split(" ").at(-1).toLowerCase()}` }, ...page.cards.filter((card) => card.panel.part === part).map((card) => card.node)))));
  const of = new Map(page.cards.flatMap((card) => [[card.node, card], [card.body, card]]));
  page.watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const card = of.get(entry.target);
      card.near = entry.isIntersecting;
      card.node.classList.toggle("near", card.near);
      if (card.near && !card.seen) card.paint();
    }
  }, { rootMargin: "100px" });
  // only what is in view moves with the slider; the rest catches up when it comes there
  page.view = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const card = of.get(entry.target);
      card.inView = entry.isIntersecting;
      if (card.inView && card.seen && card.stale) { card.move(); card.describe(); }
    }
  });
  page.resize = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const card = of.get(entry.target);
      if (card.seen && card.pen && Math.abs(card.width - entry.contentRect.width) > 2) card.paint();
    }
  });
  for (const card of page.cards) { page.watch.observe(card.node); page.view.observe(card.node); page.resize.observe(card.body); }
};
