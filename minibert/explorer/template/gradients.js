// Attributions of one number of the output to the tokens' embeddings, and the gradients that reached every layer.

const PARTS = [["word", "Word embedding"], ["position", "Position embedding"], ["type", "Type embedding"]];

function buildGradients() {
  const view = document.getElementById("view-gradients");
  const recorded = WALK.filter((value) => value.gradient && value.gradient.norms !== undefined && value.picture);
  if (!DATA.attributions.length && !recorded.length) {
    view.append(make("p", { class: "empty" },
      "No gradients were recorded. Ask for them: gradients=True in Python, --gradients on the command line."));
    return {};
  }
  const marks = DATA.attributions.map((attribution) => showAttribution(view, attribution));
  const map = recorded.length ? showGradients(view, recorded) : null;
  whenChanged((changed) => { if (changed.has("token")) marks.forEach((mark) => mark()); });
  return { repaint: () => map && map.repaint() };
}

function showAttribution(view, attribution) {
  const present = PARTS.filter(([part]) => part in attribution.gap);
  const most = Math.max(...present.flatMap(([part]) => attribution[part].map(Math.abs))) || 1;
  const bar = (number) => make("span", {
    class: number < 0 ? "signed less" : "signed more", style: `--share: ${(Math.abs(number) / most).toFixed(4)}`,
  }, make("span", {}, short(number)));
  const rows = TOKENS.map((token, i) => make("tr", { onclick: () => change({ token: i }) },
    make("th", { scope: "row" }, tokenText(token.shown)), present.map(([part]) => make("td", {}, bar(attribution[part][i])))));
  const footer = (name, number) => make("tr", {}, make("th", { scope: "row" }, name),
    present.map(([part]) => make("td", { class: "numeric" }, short(number(part)))));
  view.append(make("h2", {}, attribution.name),
    make("p", { class: "note" }, `The number is ${short(attribution.target)}. Each kind of embedding is explained for itself: `
      + "what its tokens contribute to the change of the number from that kind at zero. The gap is what they leave unexplained."),
    make("div", { class: "scroll" }, make("table", { class: "rows attribution" },
      make("caption", { class: "unseen" }, attribution.name),
      make("thead", {}, make("tr", {}, ["Token", ...present.map(([, name]) => name)].map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, rows),
      make("tfoot", {}, footer("change", (part) => attribution.target - attribution.baseline[part]), footer("gap", (part) => attribution.gap[part])))));
  const mark = () => rows.forEach((row, i) => row.classList.toggle("chosen", i === state.token));
  mark();
  return mark;
}

/** One row a value, one column a token: how large the gradient is that arrives there. */
function showGradients(view, recorded) {
  const states = recorded.filter((value) => /embeddings$|layer\.\d+\.output$|attention\.output$/.test(value.name));
  const values = states.length ? states : recorded;
  const norm = (i, j) => WALK_FLOATS[values[i].gradient.norms + j];
  const most = Math.max(...values.map((_, i) => Math.max(...TOKENS.map((__, j) => norm(i, j))))) || 1;
  const height = Math.max(10, Math.min(22, Math.floor(520 / values.length)));
  const drawn = readable({
    label: "Norms of gradients, a row a value, a column a token", rows: values.length, columns: COUNT,
    width: Math.max(4, Math.min(36, Math.floor(720 / COUNT))) * COUNT, height: height * values.length,
    strength: (i, j) => -Math.sqrt(norm(i, j) / most),
    read: (i, j) => `${values[i].name}, ${spoken(j)}: gradient of norm ${short(norm(i, j))}`,
    start: () => [0, state.token],
    picked: (i, j) => change({ token: j, value: WALK.indexOf(values[i]), view: "values" }),
  });
  view.append(make("h2", {}, "Gradients on the way back"),
    make("p", { class: "note" }, "The norm of the gradient that reached each token, at the embeddings and in every layer (square root). Choose a cell to see the value."),
    make("div", { class: "scroll" }, make("div", { class: "axes rows-only" },
      make("ol", { class: "down long", "aria-hidden": "true", style: `--height: ${height}px` }, values.map((value) => make("li", {}, `${value.group === "Embeddings" ? "" : value.group + " "}${shortName(value)}`))),
      drawn.frame)), drawn.output);
  return drawn;
}
