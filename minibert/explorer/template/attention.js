// Attention: all heads as a grid of small pictures; one head as lines, as a matrix and in words.

const STRONGEST = 8; // tokens listed in words
const FAINTEST = 0.02; // lines below this weight are not drawn

function buildAttention() {
  const view = document.getElementById("view-attention");
  const cells = [];
  const grid = make("div", {
    role: "grid", class: "heads", "aria-label": "Heads: a row is a layer, a column a head. Enter opens a head.",
    style: `--heads: ${HEADS}`,
  });
  grid.append(make("div", { role: "row", class: "row head" }, make("span", { role: "columnheader", class: "unseen-text" }, "layer"),
    Array.from({ length: HEADS }, (_, head) => make("span", { role: "columnheader" }, String(head)))));
  LAYERS.forEach((number, layer) => {
    cells.push(Array.from({ length: HEADS }, (_, head) => make("div", {
      role: "gridcell", tabindex: "-1", "aria-label": `Layer ${number}, head ${head}`, title: `layer ${number}, head ${head}`,
      onclick: () => { change({ layer, head, open: true }); focusHead(); },
    }, make("canvas", { "aria-hidden": "true" }))));
    grid.append(make("div", { role: "row", class: "row" }, make("span", { role: "rowheader" }, String(number)), cells[layer]));
  });

  const position = [make("strong", {}), make("strong", {})];
  const back = make("button", { type: "button", onclick: () => { change({ open: false }); cells[state.layer][state.head].focus(); } }, "← All heads");
  const side = (name, text) => make("button", { type: "button", "data-side": name, onclick: () => change({ side: name }) }, text);
  const sides = [side("from", "attends to"), side("to", "is attended by")];
  const move = (text, label, parts) => make("button", { type: "button", class: "small", "aria-label": label, onclick: () => change(parts()) }, text);
  const bar = make("div", { class: "tools" }, back,
    make("span", { class: "mover" }, move("‹", "Layer before", () => ({ layer: state.layer - 1 })), position[0],
      move("›", "Next layer", () => ({ layer: state.layer + 1 }))),
    make("span", { class: "mover" }, move("‹", "Head before", () => ({ head: state.head - 1 })), position[1],
      move("›", "Next head", () => ({ head: state.head + 1 }))),
    make("span", { class: "choice", role: "group", "aria-label": "Direction" }, sides));
  const lines = make("div", { class: "panel lines" });
  const matrix = make("div", { class: "panel matrix" });
  const words = make("div", { class: "panel words-panel" });
  const overview = make("div", {},
    make("p", { class: "note" }, "Every head: queries down, keys across; the stronger the colour, the more attention (square root of the weight). Choose one to open it."),
    make("div", { class: "scroll" }, grid));
  const detail = make("div", { class: "detail", hidden: true }, bar, make("div", { class: "panels" }, lines, matrix, words));
  view.append(overview, detail);

  const strength = (layer, head) => (i, j) => root(layer, head, i, j);
  const focusHead = () => back.focus();

  // the small pictures, a layer at a time, so that the page answers in between
  let painting = 0;
  function paintGrid(layer = 0) {
    cancelAnimationFrame(painting);
    if (layer >= LAYERS.length) { grid.dataset.painted = "yes"; return; }
    cells[layer].forEach((element, head) => {
      const canvas = element.firstChild;
      canvas.classList.toggle("crisp", COUNT <= 40);
      paint(canvas, COUNT, COUNT, strength(layer, head));
    });
    painting = requestAnimationFrame(() => paintGrid(layer + 1));
  }

  function markGrid() {
    cells.forEach((row, layer) => row.forEach((element, head) => {
      const chosen = layer === state.layer && head === state.head;
      element.setAttribute("aria-selected", String(chosen));
      element.tabIndex = chosen ? 0 : -1;
    }));
  }

  grid.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      change({ open: true });
      focusHead();
      return;
    }
    const to = { Home: { head: 0 }, End: { head: HEADS - 1 } }[event.key];
    const by = step(event);
    if (event.shiftKey || (!to && !by)) return;
    event.preventDefault();
    event.stopPropagation();
    change(to || { head: state.head + by[0], layer: state.layer + by[1] });
    cells[state.layer][state.head].focus();
  });

  // one head

  /** The weights of the chosen token to all others, in the chosen direction. */
  function weights() {
    const at = (j) => (state.side === "from" ? weight(state.layer, state.head, state.token, j) : weight(state.layer, state.head, j, state.token));
    return Array.from({ length: COUNT }, (_, j) => at(j));
  }

  let line; // the parts of the lines' panel, made once
  function buildLines() {
    const height = COUNT <= 48 ? 22 : 13;
    const column = (name, forward) => make("ol", { class: "column", "aria-hidden": "true", style: `--height: ${height}px` },
      TOKENS.map((token, i) => make("li", { onclick: () => change({ token: i, side: forward }), title: spoken(i) }, tokenText(token.shown))));
    const canvas = make("canvas", { "aria-hidden": "true" });
    const left = column("queries", "from");
    const right = column("keys", "to");
    line = { height, canvas, left, right };
    lines.append(make("h3", {}, "Lines"), make("p", { class: "note" }, "Queries on the left attend to keys on the right."),
      make("div", { class: "scroll tall", tabindex: "0", role: "group", "aria-label": "Lines between queries and keys" },
        make("div", { class: "bipartite" }, left, canvas, right)));
  }
  function drawLines() {
    if (!line) buildLines();
    const { canvas, height } = line;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth || 140;
    canvas.style.height = `${COUNT * height}px`;
    canvas.width = width * ratio;
    canvas.height = COUNT * height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const curve = (i, j, shade, opacity, thickness) => {
      const [y, z] = [(i + 0.5) * height, (j + 0.5) * height];
      pen.strokeStyle = `rgb(${shade} / ${Math.min(1, opacity)})`;
      pen.lineWidth = thickness;
      pen.beginPath();
      pen.moveTo(0, y);
      pen.bezierCurveTo(width / 2, y, width / 2, z, width, z);
      pen.stroke();
    };
    const [strong, pale] = [colour("--more").join(" "), colour("--line").join(" ")];
    for (let i = 0; i < COUNT; i++) {
      for (let j = 0; j < COUNT; j++) {
        const share = weight(state.layer, state.head, i, j);
        if (share >= 2 * FAINTEST) curve(i, j, pale, share / 2, 1);
      }
    }
    const shares = weights();
    const forward = state.side === "from";
    shares.forEach((share, other) => {
      const ends = forward ? [state.token, other] : [other, state.token];
      if (share >= FAINTEST) curve(...ends, strong, 0.25 + share, 1 + 3 * share);
    });
    const shade = (column, mine) => [...column.children].forEach((item, i) => {
      item.classList.toggle("chosen", mine && i === state.token);
      item.style.setProperty("--share", mine ? 0 : Math.sqrt(shares[i]).toFixed(3));
    });
    shade(line.left, forward);
    shade(line.right, !forward);
  }

  let drawn; // the matrix now shown
  function drawMatrix() {
    const size = Math.max(3, Math.min(30, Math.floor(440 / COUNT)));
    const labelled = size >= 13;
    drawn = readable({
      label: `Attention of layer ${LAYERS[state.layer]}, head ${state.head}, ${COUNT} queries by ${COUNT} keys`,
      rows: COUNT, columns: COUNT, width: size * COUNT, height: size * COUNT,
      strength: strength(state.layer, state.head),
      hint: "Point at a cell to read its weight; choose one to select its query.",
      read: (i, j) => `${spoken(i)} attends to ${spoken(j)}: ${percent(weight(state.layer, state.head, i, j))}`,
      start: () => [state.token, state.token],
      picked: (i) => change({ token: i, side: "from" }),
    });
    const labels = (name) => make("ol", { class: name, "aria-hidden": "true", style: `--height: ${size}px` },
      TOKENS.map((token) => make("li", {}, tokenText(token.shown))));
    matrix.replaceChildren(make("h3", {}, "Matrix"), make("p", { class: "note" }, "Queries down, keys across; every row sums to 100 %."),
      make("div", { class: "scroll" }, make("div", { class: labelled ? "axes" : "" },
        labelled ? labels("across") : null, labelled ? labels("down") : null, drawn.frame)), drawn.output);
  }

  function drawWords() {
    const shares = weights();
    const order = shares.map((_, i) => i).sort((a, b) => shares[b] - shares[a] || a - b).slice(0, STRONGEST);
    const verb = state.side === "from" ? "attends to" : "is attended by";
    words.replaceChildren(
      make("h3", {}, tokenText(TOKENS[state.token].shown), ` ${verb}`),
      make("p", { class: "note" }, `Token ${state.token}, layer ${LAYERS[state.layer]}, head ${state.head}. `
        + `${state.side === "from" ? "Its weights sum to" : "It receives in all"} ${percent(shares.reduce((a, b) => a + b, 0))}.`),
      make("ol", { class: "bars" }, order.map((i) => make("li", { style: `--share: ${Math.min(1, shares[i]).toFixed(4)}` },
        tokenText(TOKENS[i].shown), make("span", { class: "note" }, ` ${i}`), make("span", { class: "amount" }, percent(shares[i]))))));
    say(`Layer ${LAYERS[state.layer]}, head ${state.head}: ${spoken(state.token)} ${verb} ${order.slice(0, 3).map((i) => `${spoken(i)} ${percent(shares[i])}`).join(", ")}`);
  }

  function draw(whole) {
    overview.hidden = state.open;
    detail.hidden = !state.open;
    markGrid();
    if (!state.open || state.view !== "attention") return;
    position[0].textContent = `Layer ${LAYERS[state.layer]}`;
    position[1].textContent = `Head ${state.head}`;
    for (const button of sides) button.setAttribute("aria-pressed", String(button.dataset.side === state.side));
    drawLines();
    if (whole || !drawn) drawMatrix();
    drawWords();
  }
  whenChanged((changed) => {
    if (state.view === "attention") draw(["layer", "head", "open", "view"].some((name) => changed.has(name)));
  });
  window.addEventListener("resize", () => { if (state.open && state.view === "attention") drawLines(); });
  draw(true);
  paintGrid();
  return { repaint: () => { paintGrid(); draw(true); } };
}
