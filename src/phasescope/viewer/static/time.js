"use strict";
// The slider over training, shared by every panel: play and pause, keys, phases, and runs aligned by step or by phase.
PS.makeTime = (page) => {
  const ui = page.ui, wanted = new URLSearchParams(location.hash.slice(1));  // as it was opened: at rest we write there
  let at = [], place = 0, playing = null, follow = false, asked = 0, resting = 0, map = null, byPhase = false;
  const step = () => at[place] ?? 0;
  page.stepOf = (run) => (byPhase && map && run !== page.runs[0] ? map(run, step()) : step());

  // every panel near the window moves in one frame of the screen, however many events came before it
  const show = () => {
    asked = 0;
    const phase = page.runs[0].phaseAt(step())?.name ?? "";
    ui.step.textContent = page.runs.length > 1 && byPhase ? page.runs.map((run) => PS.count(Math.round(page.stepOf(run)))).join(" · ") : PS.count(step());
    ui.phase.textContent = phase;
    for (const card of page.cards) {
      if (card.inView && card.seen) card.move();
      else card.stale = true;  // caught up with when it comes into the window
    }
    document.body.dataset.shown = String(step());
  };
  const rest = () => {  // what only matters where the slider rests: words for screen readers, the address
    const phase = ui.phase.textContent;
    ui.slider.setAttribute("aria-valuetext", `step ${PS.count(step())}${phase ? `, ${phase}` : ""}`);
    for (const card of page.cards) if (card.inView) card.describe();
    history.replaceState(null, "", page.link(null));
  };
  const go = (to) => {
    place = Math.max(0, Math.min(at.length - 1, Math.round(to)));
    follow = place === at.length - 1;
    if (Number(ui.slider.value) !== place) ui.slider.value = place;
    asked ||= requestAnimationFrame(show);
    clearTimeout(resting);
    resting = setTimeout(rest, 200);
  };
  page.moved = () => { asked ||= requestAnimationFrame(show); };
  page.seek = (run, wanted) => {
    halt();
    if (!byPhase || run === page.runs[0]) { go(nearest(wanted)); return; }
    let best = 0;
    at.forEach((one, i) => { if (Math.abs(map(run, one) - wanted) < Math.abs(map(run, at[best]) - wanted)) best = i; });
    go(best);
  };
  const nearest = (wanted) => { const i = Math.max(0, PS.placeAt(at, wanted)); return i + 1 < at.length && at[i + 1] - wanted < wanted - at[i] ? i + 1 : i; };
  page.link = (panel) => {
    const { circuit, reading, pick } = page.runs[0];
    const words = [...(panel || !follow ? [`step=${step()}`] : []), ...(byPhase ? ["align=phase"] : []), ...(circuit ? [`neuron=${page.runs.map((run) => run.pick.neuron ?? "").join(",")}`, `pair=${pick.a}-${pick.b}`] : []), ...(reading ? [`input=${pick.input}`] : []), ...(panel ? [`panel=${panel}`] : [])];
    return `#${words.join("&")}`;
  };

  const play = () => {
    if (playing) { cancelAnimationFrame(playing); playing = null; }
    else {
      if (place >= at.length - 1) go(0);
      const begun = performance.now(), from = place;
      const tick = (time) => {
        const seconds = 12 / Number(ui.speed.value);
        const to = from + Math.max(0, time - begun) / 1000 / seconds * Math.max(1, at.length - 1);
        if (Math.floor(to) !== place) go(Math.floor(to));
        if (place >= at.length - 1) { playing = null; paintPlay(); return; }
        playing = requestAnimationFrame(tick);
      };
      playing = requestAnimationFrame(tick);
    }
    paintPlay();
  };
  const paintPlay = () => {
    ui.play.textContent = playing ? "❚❚ Pause" : "▶ Play";
    ui.play.setAttribute("aria-pressed", String(Boolean(playing)));
  };
  const halt = () => { if (playing) play(); };

  const toPhase = (forward) => {
    const edges = [0, ...page.runs[0].phases.flatMap((phase) => [phase.start, phase.end])];
    const sorted = [...new Set(edges)].sort((a, b) => a - b).map((edge) => Math.max(0, PS.placeAt(at, edge)));
    const next = forward ? sorted.find((i) => i > place) : sorted.findLast((i) => i < place);
    if (next !== undefined) go(next);
  };
  const onKey = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || /^(INPUT|SELECT|BUTTON|SUMMARY|A|TEXTAREA)$/.test(event.target.tagName) && event.target !== ui.slider) return;
    const jump = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: at.length - 1, PageUp: place + at.length / 10, PageDown: place - at.length / 10 }[event.key];
    if (event.key === " ") play();
    else if (event.key === "]" || event.key === "[") { halt(); toPhase(event.key === "]"); }
    else if (jump !== undefined) { halt(); go(jump); }
    else return;
    event.preventDefault();
  };

  // the phases above the slider, a strip for each run; by phase they lie over each other
  const strips = () => {
    const n = Math.max(1, at.length - 1);
    ui.strips.replaceChildren(...page.runs.filter((run) => run.phases.length).map((run) => {
      const own = byPhase && map && run !== page.runs[0] ? at.map((one) => map(run, one)) : at;
      return PS.el("div", { class: "strip", role: "group", "aria-label": `Phases of ${run.run.name}` }, ...run.phases.map((phase) => {
        const from = Math.max(0, PS.placeAt(own, phase.start)) / n, to = Math.max(0, PS.placeAt(own, phase.end)) / n;
        const part = PS.el("button", { type: "button", title: `${phase.name}: step ${PS.count(phase.start)} to ${PS.count(phase.end)}${phase.ends ? `; ends where ${phase.ends}` : ""}`,
          onclick: () => { halt(); go(PS.placeAt(own, phase.start)); } }, phase.name);
        part.style.left = `${100 * from}%`;
        part.style.width = `${100 * (to - from)}%`;
        part.style.setProperty("--phase", PS.phaseColor[phase.name] ?? "#8b929c");
        return part;
      }));
    }));
  };
  const align = (wanted) => { byPhase = wanted && map !== null; ui.align.value = byPhase ? "phase" : "step"; refresh(false); };
  const refresh = (first) => {
    const before = step();
    map = PS.alignment(page.runs);
    ui.align.parentNode.hidden = map === null;
    if (map === null) byPhase = false;
    else if (first && wanted.get("align") === "phase") byPhase = true;
    ui.align.value = byPhase ? "phase" : "step";
    at = byPhase || page.runs.length === 1 ? page.runs[0].stops() : [...new Set(page.runs.flatMap((run) => run.stops()))].sort((a, b) => a - b);
    ui.slider.max = Math.max(0, at.length - 1);
    if (first) place = wanted.has("step") ? Math.max(0, PS.placeAt(at, Number(wanted.get("step")))) : at.length - 1;
    else place = follow ? at.length - 1 : Math.max(0, PS.placeAt(at, before));
    follow = place === at.length - 1;
    ui.slider.value = place;
    strips();
    show();
    rest();
    const there = first && wanted.has("panel") && document.getElementById(wanted.get("panel"));
    if (there) { there.scrollIntoView(); setTimeout(() => there.scrollIntoView(), 300); }  // again when those above it are drawn
  };
  ui.play.addEventListener("click", play);
  ui.slider.addEventListener("input", () => { halt(); go(Number(ui.slider.value)); });
  ui.align.addEventListener("change", () => align(ui.align.value === "phase"));
  document.addEventListener("keydown", onKey);
  paintPlay();
  return { refresh };
};
