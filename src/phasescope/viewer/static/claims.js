"use strict";
// The evidence table. On the page it is a table; for SVG and PNG it is drawn.
PS.kinds.claims = (panel, run) => {
  const columns = ["statement", "published", "measured", "unit", "verdict", "source"];
  const rows = () => [columns, ...run.run.evidence.map((one) => columns.map((name) => one[name]))];
  const table = () => {
    const head = PS.el("tr", {}, ...columns.map((name) => PS.el("th", { scope: "col" }, name)));
    const body = run.run.evidence.map((one) => PS.el("tr", {}, ...columns.map((name) =>
      PS.el("td", name === "verdict" ? { class: `verdict ${one.verdict.replace(" ", "-")}` } : {}, one[name]))));
    return PS.el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": panel.title },
      PS.el("table", {}, PS.el("thead", {}, head), PS.el("tbody", {}, ...body)));
  };
  return { table, still: () => PS.drawnTable(rows()), csv: rows, has: () => run.run.evidence.length > 0 };
};
