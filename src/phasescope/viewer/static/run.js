"use strict";
// A run's page, or that of several beside each other: what is loaded, what is new, and what a reader picks.
(() => {
  const main = document.getElementById("main"), inside = document.getElementById("record");
  const ids = (document.body.dataset.runs ?? "").split(" ").filter(Boolean), alone = ids.length < 2;
  const page = { runs: [], cards: [], ui: {} };
  let time;

  const notice = (text) => { main.replaceChildren(PS.el("p", { id: "notice", role: "alert" }, text)); };
  const fetchJson = async (path) => {
    const answer = await fetch(path);
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error ?? `the server answered ${answer.status}`);
    return body;
  };
  const repaint = (which = () => true) => { for (const card of page.cards) if (card.seen && which(card)) card.paint(); };

  const headline = () => {
    page.ui.head.replaceChildren(...page.runs.map((run) => PS.el("p", { class: "outcome" },
      ...(alone ? [] : [PS.el("strong", {}, run.run.name), " "]), PS.el("span", { class: `state ${run.run.state}` }, run.run.state), " ",
      run.run.outcome || `step ${PS.count(run.run.step)}${run.run.steps ? ` of ${PS.count(run.run.steps)}` : ""}`)));
  };

  const build = () => {
    const ui = page.ui = {
      play: PS.el("button", { type: "button", class: "play" }),
      slider: PS.el("input", { type: "range", min: 0, step: 1, "aria-label": "Training step" }),
      step: PS.el("output", { class: "step" }), phase: PS.el("span", { class: "phase" }), strips: PS.el("div"),
      speed: PS.el("select", { "aria-label": "Speed of play" }, ...[["0.5", "½×"], ["1", "1×"], ["2", "2×"], ["4", "4×"]].map(([value, text]) => PS.el("option", { value, selected: value === "1" }, text))),
      align: PS.el("select", { "aria-label": "Align runs by" }, PS.el("option", { value: "step" }, "by step"), PS.el("option", { value: "phase" }, "by phase")),
      panels: PS.el("div"), head: PS.el("div"), tip: PS.el("div", { class: "tip", "aria-hidden": "true", hidden: true }),
    };
    const rows = (run) => run.run.recipe.map(([key, value]) => PS.el("tr", {}, PS.el("th", { scope: "row" }, key), PS.el("td", {}, PS.told(key, value))));
    main.replaceChildren(
      PS.el("header", { class: "top" }, ...(ids.length ? [PS.el("a", { href: "/" }, "← all runs")] : []), PS.el("h1", {}, page.runs.map((run) => run.run.name).join("  ·  ")), ui.head),
      PS.el("div", { class: "bar", role: "region", "aria-label": "Time" },
        PS.el("div", { class: "controls" }, ui.play, ui.speed, PS.el("span", { class: "where" }, "step ", ui.step, " ", ui.phase), PS.el("label", { class: "align" }, "runs aligned ", ui.align)),
        PS.el("div", { class: "track" }, ui.strips, ui.slider)),
      ui.panels, ui.tip,
      PS.el("footer", {},
        PS.el("p", {}, "Keys: space plays, ← → one checkpoint, Page Up and Page Down a tenth, Home and End, [ and ] from phase to phase. Press a curve to go there, a pair to follow it."),
        ...page.runs.flatMap((run) => run.notes.map((note) => PS.el("p", {}, note))),
        ...page.runs.map((run) => PS.el("details", {}, PS.el("summary", {}, `Recipe of ${run.run.name}`), PS.el("div", { class: "scroll" }, PS.el("table", {}, ...rows(run)))))));
    headline();
    time = PS.makeTime(page);
    PS.layCards(page);
    time.refresh(true);
  };

  page.tip = (event, words) => {
    const { tip } = page.ui;
    tip.hidden = !words;
    if (!words) return;
    tip.textContent = words;
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.max(4, event.clientY - 34)}px`;
  };

  page.pick = async (run, change) => {
    for (const one of page.runs) one.choose(change, one === run);
    const picked = JSON.stringify(run.pick);
    PS.layPicked(page);
    for (const one of page.runs) if (one.live) await moreParts(one);
    if (picked === JSON.stringify(run.pick)) repaint((card) => card.shape.picks);
    history.replaceState(null, "", page.link(null));
  };
  const fromLink = () => {
    const wanted = new URLSearchParams(location.hash.slice(1)), pair = /^(\d+)-(\d+)$/.exec(wanted.get("pair") ?? "");
    page.runs.forEach((run, i) => {
      if (wanted.has("input")) run.choose({ input: wanted.get("input") }, true);
      if (!run.circuit) return;
      const neuron = (wanted.get("neuron") ?? "").split(",")[i], [a, b] = pair ? [Number(pair[1]), Number(pair[2])] : [run.pick.a, run.pick.b];
      if (/^\d+$/.test(neuron ?? "") && Number(neuron) < run.circuit.neurons && (run.live || run.parts.has(`neuron-${neuron}`))) run.pick.neuron = Number(neuron);
      if (Math.max(a, b) < run.circuit.n && (run.live || run.parts.has(`logits-${a}-${b}`))) Object.assign(run.pick, { a, b });
    });
  };

  // ---- from the server, and what is new there
  const load = async (id) => new PS.Run(await fetchJson(`/api/run/${id}`));
  const moreFrames = async (run) => {
    let came = false;
    for (;;) {
      const after = run.frames.steps.at(-1) ?? -1;
      const record = await fetchJson(`/api/run/${run.run.id}/frames?after=${after}&keys=${run.keys.join(",")}`);
      if (!record.steps.length) break;
      run.addFrames(record);
      came = true;
      if (record.last) break;
    }
    if (came) run.phases = (await fetchJson(`/api/run/${run.run.id}/phases`)).phases;
    return came;
  };
  // parts that end at the same checkpoint are asked for together, so that a page begins with one question
  const moreParts = async (run) => {
    for (;;) {
      const ends = run.wanted().map((name) => [name, run.parts.get(name)?.steps.at(-1) ?? -1]), after = Math.min(...ends.map(([, end]) => end));
      if (!ends.length || after >= (run.frames.steps.at(-1) ?? -1)) return;
      const names = ends.filter(([, end]) => end === after).map(([name]) => name);
      const record = await fetchJson(`/api/run/${run.run.id}/parts?after=${after}&want=${names.join(",")}`);
      if (names.some((name) => (run.parts.get(name)?.steps.at(-1) ?? -1) !== after)) continue;  // another call was faster
      if (!record.steps.length) return;
      run.addParts(record);
      page.moved();
    }
  };
  const poll = async (run) => {
    const news = await fetchJson(`/api/run/${run.run.id}/news?after=${run.lastLogged()}`);
    if (news.run.step < run.run.step) { location.reload(); return false; }  // it went back to an earlier step
    const changed = news.series.length > 0 || news.run.state !== run.run.state || news.run.outcome !== run.run.outcome;
    Object.assign(run.run, news.run);
    run.addSeries(news.series);
    if (String(news.keys) !== String(run.keys)) { run.keys = news.keys; run.keysFrom = news.keys_from; run.clearFrames(); }
    const last = news.run.checkpoints.at(-1) ?? -1;
    const came = last > (run.frames.steps.at(-1) ?? -1) && await moreFrames(run);
    if (came && !run.circuit) run.setCircuit((await fetchJson(`/api/run/${run.run.id}`)).circuit);
    if (changed && !came) run.phases = (await fetchJson(`/api/run/${run.run.id}/phases`)).phases;
    return changed || came;
  };
  const keepUp = async () => {
    let wait = 5000;
    try {
      const changed = [];
      for (const run of page.runs) changed.push(await poll(run));
      if (changed.some(Boolean)) {
        headline();
        const there = page.runs[0].allPanels().flatMap((panel) => page.runs.filter((run) => PS.kinds[panel.kind](panel, run, {}).has()));
        if (page.cards.length !== there.length) PS.layCards(page); else repaint((card) => { if (!card.near) card.seen = false; return card.near; });
        time.refresh(false);
        for (const run of page.runs) await moreParts(run);
      }
      if (page.runs.some((run) => ["training", "created"].includes(run.run.state))) wait = 700;
      document.body.dataset.lost = "";
    } catch (error) {
      document.body.dataset.lost = String(error);  // the server is gone; the page goes on with what it has
    }
    setTimeout(keepUp, wait);
  };

  const begin = async () => {
    PS.now = PS.theme();
    if (inside) page.runs = [new PS.Run(JSON.parse(inside.textContent))];
    else page.runs = await Promise.all(ids.map(load));
    fromLink();
    build();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => repaint());
    if (!inside) {
      await Promise.all(page.runs.map(moreFrames));
      PS.layCards(page);
      time.refresh(true);
      await Promise.all(page.runs.map(moreParts));
      repaint((card) => card.shape.picks);
      setTimeout(keepUp, 700);
    }
    document.body.dataset.ready = "yes";
  };
  begin().catch((error) => notice(`This run cannot be shown: ${error.message}`));
})();
