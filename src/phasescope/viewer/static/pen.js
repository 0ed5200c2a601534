"use strict";
// What moves with the slider is drawn by a pen: on a canvas for the screen, as SVG for a file.
// One drawing, two pens, so that what is saved is what was seen.

PS.canvasPen = (canvas, width, height) => {
  const sharp = Math.max(1, window.devicePixelRatio || 1), family = getComputedStyle(document.body).fontFamily;
  canvas.width = Math.round(width * sharp);
  canvas.height = Math.round(height * sharp);
  const c = canvas.getContext("2d");
  c.setTransform(sharp, 0, 0, sharp, 0, 0);
  let font = "";
  return {
    clear() { c.clearRect(0, 0, width, height); },
    dot(x, y, r, fill, edge) {
      c.beginPath(); c.arc(x, y, r, 0, 2 * Math.PI); c.fillStyle = fill; c.fill();
      if (edge) { c.strokeStyle = edge; c.lineWidth = 1; c.stroke(); }
    },
    rect(x, y, w, h, fill) { c.fillStyle = fill; c.fillRect(x, y, w, h); },
    line(x1, y1, x2, y2, stroke, wide = 1) {
      c.beginPath(); c.moveTo(x1, y1); c.lineTo(x2, y2); c.strokeStyle = stroke; c.lineWidth = wide; c.stroke();
    },
    loop(xs, ys, order, stroke, wide, opacity) {
      c.beginPath();
      for (const i of order) c.lineTo(xs[i], ys[i]);
      c.closePath(); c.strokeStyle = stroke; c.lineWidth = wide; c.globalAlpha = opacity; c.stroke(); c.globalAlpha = 1;
    },
    text(x, y, words, { fill, anchor = "start", size = 11, weight = 400 }) {
      const wanted = `${weight} ${size}px ${family}`;
      if (font !== wanted) { c.font = wanted; font = wanted; }
      c.textAlign = anchor === "middle" ? "center" : anchor; c.fillStyle = fill; c.fillText(words, x, y);
    },
    image(x, y, w, h, picture) { c.imageSmoothingEnabled = false; c.drawImage(picture, x, y, w, h); },
  };
};

PS.svgPen = (root) => {
  const put = (tag, attributes, text) => root.append(PS.svg(tag, attributes, text));
  const n = (x) => Number(x.toFixed(2));
  return {
    dot(x, y, r, fill, edge) { put("circle", { cx: n(x), cy: n(y), r, fill, ...(edge ? { stroke: edge } : {}) }); },
    rect(x, y, w, h, fill) { put("rect", { x: n(x), y: n(y), width: n(Math.max(0, w)), height: n(Math.max(0, h)), fill }); },
    line(x1, y1, x2, y2, stroke, wide = 1) { put("line", { x1: n(x1), y1: n(y1), x2: n(x2), y2: n(y2), stroke, "stroke-width": wide }); },
    loop(xs, ys, order, stroke, wide, opacity) {
      put("polygon", { points: [...order].map((i) => `${n(xs[i])},${n(ys[i])}`).join(" "), fill: "none", stroke, "stroke-width": wide, opacity });
    },
    text(x, y, words, { fill, anchor = "start", size = 11, weight = 400 }) {
      put("text", { x: n(x), y: n(y), fill, "text-anchor": anchor, "font-size": size, "font-weight": weight }, words);
    },
    image(x, y, w, h, picture) {
      put("image", { x, y, width: w, height: h, preserveAspectRatio: "none", href: picture.toDataURL(), "image-rendering": "pixelated" });
    },
  };
};

// a table as a drawing, for the panels that are tables on the page: columns as wide as their words, long ones broken
PS.drawnTable = (rows) => {
  const t = PS.now, letter = 6.3, most = 46;
  const broken = (words) => String(words).split(/\s+/).reduce((lines, word) => {
    if (lines.length && lines.at(-1).length + word.length < most) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
    return lines;
  }, []);
  const cells = rows.map((row) => row.map(broken));
  const wide = rows[0].map((_, i) => 18 + letter * Math.max(...cells.flatMap((row) => row[i].map((line) => line.length)), 1));
  const width = 24 + wide.reduce((a, b) => a + b, 0), root = PS.svg("svg");
  let y = 14;
  for (const [place, row] of cells.entries()) {
    let x = 12;
    for (const [i, lines] of row.entries()) {
      lines.forEach((line, j) => root.append(PS.svg("text", { x, y: y + 12 + 15 * j, "font-size": 11.5, fill: t.ink, "font-weight": place ? 400 : 650 }, line)));
      x += wide[i];
    }
    y += 10 + 15 * Math.max(1, ...row.map((lines) => lines.length));
    root.append(PS.svg("line", { x1: 12, x2: width - 12, y1: y - 2, y2: y - 2, stroke: t.line }));
  }
  root.setAttribute("viewBox", `0 0 ${Math.ceil(width)} ${y + 12}`);
  return root;
};

PS.download = (name, blob) => {
  const link = PS.el("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 2000);
};

PS.standalone = (svg) => {
  const copy = svg.cloneNode(true), [, , w, h] = svg.getAttribute("viewBox").split(" ");
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", w);
  copy.setAttribute("height", h);
  copy.setAttribute("font-family", "system-ui, DejaVu Sans, sans-serif");
  copy.prepend(PS.svg("rect", { width: w, height: h, fill: PS.theme().card }));
  return new XMLSerializer().serializeToString(copy);
};
PS.saveSvg = (svg, name) => PS.download(`${name}.svg`, new Blob([PS.standalone(svg)], { type: "image/svg+xml" }));
PS.savePng = (svg, name) => {
  const image = new Image(), [, , w, h] = svg.getAttribute("viewBox").split(" ").map(Number);
  image.onload = () => {
    const canvas = PS.el("canvas", { width: 2 * w, height: 2 * h });
    canvas.getContext("2d").drawImage(image, 0, 0, 2 * w, 2 * h);
    canvas.toBlob((blob) => PS.download(`${name}.png`, blob));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(PS.standalone(svg))}`;
};
PS.cell = (value) => {
  const text = typeof value === "number" ? (Number.isNaN(value) ? "" : String(value)) : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
PS.saveCsv = (rows, name) =>
  PS.download(`${name}.csv`, new Blob([rows.map((row) => row.map(PS.cell).join(",")).join("\n") + "\n"], { type: "text/csv" }));
