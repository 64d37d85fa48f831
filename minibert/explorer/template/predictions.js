// The logit lens: what the language-model head makes of every layer's hidden state, at each place.

function buildPredictions() {
  const view = document.getElementById("view-predictions");
  if (!DATA.predictions.length) {
    view.append(make("p", { class: "empty" }, DATA.model.lm
      ? "The text has no masked token. Write the mask token into it, or ask for other places: places=\"all\" in Python, --places all on the command line."
      : `${DATA.model.class} has no language-model head: its layers predict no tokens.`));
    return {};
  }
  view.append(make("p", { class: "note" },
    "What the model would say if it stopped at a layer: its language-model head applied to every layer's hidden state. The last row is its answer."));
  const holder = make("div", {});
  const places = DATA.predictions.map((record) => record.place);
  const choose = make("div", { class: "choice wrap", role: "group", "aria-label": "Place" }, places.map((place) => make("button", {
    type: "button", "data-place": String(place), onclick: () => change({ token: place }),
  }, `${place} `, tokenText(TOKENS[place].shown))));
  view.append(choose, holder);
  let shown = 0;
  function draw() {
    if (places.includes(state.token)) shown = places.indexOf(state.token);
    const record = DATA.predictions[shown];
    for (const button of choose.children) button.setAttribute("aria-pressed", String(button.dataset.place === String(record.place)));
    holder.replaceChildren(
      make("h2", {}, `At token ${record.place} `, tokenText(TOKENS[record.place].shown), " the answer is ", tokenText(record.answer)),
      make("div", { class: "scroll" }, lensTable(record)));
  }
  whenChanged((changed) => { if (changed.has("token")) draw(); });
  draw();
  return {};
}

function lensTable(record) {
  const most = record.layers[0].top.length;
  const head = make("tr", {}, make("th", { scope: "col" }, "After"), make("th", { scope: "col" }, "The answer there"),
    Array.from({ length: most }, (_, k) => make("th", { scope: "col" }, `${k + 1}.`)));
  const rows = record.layers.map((layer, i) => make("tr", { class: i === record.layers.length - 1 ? "last" : null },
    make("th", { scope: "row" }, i === 0 ? "embeddings" : `layer ${i - 1}`),
    make("td", { class: "numeric answer", style: `--share: ${layer.probability}` }, `${percent(layer.probability)}, rank ${layer.rank}`),
    layer.top.map(([token, share]) => make("td", { class: token === record.answer ? "guess same" : "guess", style: `--share: ${Math.sqrt(share).toFixed(3)}` },
      tokenText(token), make("small", {}, percent(share))))));
  return make("table", { class: "lens" }, make("caption", { class: "unseen" }, `Predictions of every layer at token ${record.place}`),
    make("thead", {}, head), make("tbody", {}, rows));
}
