// The walk: every named value from the inputs to the logits; of the chosen one its formula, statistics and numbers.

const WIDEST = 720; // pixels of a picture

function buildValues() {
  const view = document.getElementById("view-values");
  const list = make("div", { class: "walk", role: "listbox", "aria-label": "Values in the order of the pass", tabindex: "-1" });
  const filter = make("input", { type: "search", placeholder: "filter names", "aria-label": "Filter the values by name" });
  const panel = make("article", { class: "value", "aria-live": "off" });
  let group = null;
  let holder = null;
  const options = WALK.map((value, i) => {
    if (value.group !== group) {
      group = value.group;
      holder = make("div", { role: "group", "aria-label": group }, make("h3", { "aria-hidden": "true" }, group));
      list.append(holder);
    }
    const option = make("div", {
      role: "option", id: `value-${i}`, "aria-selected": "false", tabindex: "-1",
      "aria-label": `${value.name}, ${value.shape.join(" by ") || "one number"}`,
      onclick: () => change({ value: i }),
    }, make("span", { class: "name" }, shortName(value)), make("span", { class: "shape" }, value.shape.join("×") || "scalar"));
    holder.append(option);
    return option;
  });
  view.append(make("div", { class: "columns" }, make("div", { class: "side" }, filter, list), panel));

  const visible = () => options.map((option, i) => (option.hidden ? -1 : i)).filter((i) => i >= 0);
  list.addEventListener("keydown", (event) => {
    const shown = visible();
    const at = shown.indexOf(state.value);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: shown.length - 1, PageUp: at - 10, PageDown: at + 10 }[event.key];
    if (to === undefined || !shown.length || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    change({ value: shown[clamp(to, shown.length)] });
    options[state.value].focus();
  });
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    options.forEach((option, i) => { option.hidden = !WALK[i].name.toLowerCase().includes(wanted); });
    for (const part of list.children) part.hidden = ![...part.children].some((child) => child.role === "option" && !child.hidden);
    const shown = visible();
    say(`${shown.length} values`);
    if (shown.length && !shown.includes(state.value)) change({ value: shown[0] });
  });

  let drawn = null;
  function draw() {
    const value = WALK[state.value];
    const symbols = value.symbols.length ? `(${value.symbols.join(", ")})` : "a number";
    const facts = [
      ["shape", `${symbols} = (${value.shape.join(", ")})`], ["type", value.dtype],
      ["range", value.min === undefined ? "–" : `${short(value.min)} to ${short(value.max)}`],
      ["mean", short(value.mean)], ["deviation", short(value.std)], ["time", `${short(value.ms)} ms`],
    ];
    if (value.masked) facts.push(["masked", `${value.masked} numbers, not counted here`]);
    if (value.notFinite) facts.push(["not finite", `${value.notFinite} numbers`]);
    if (value.gradient) facts.push(["gradient", `norm ${short(value.gradient.norm)}, ${short(value.gradient.min)} to ${short(value.gradient.max)}`]);
    panel.replaceChildren(
      make("p", { class: "note" }, `Step ${value.step} of ${WALK[WALK.length - 1].step} · ${value.group}`, value.edited ? " · edited" : ""),
      make("h2", {}, value.name),
      make("p", { class: "formula" }, "= ", value.formula),
      make("dl", { class: "facts" }, facts.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text)))),
      histogram(value) || "");
    drawn = value.picture ? picture(value) : null;
    if (drawn) panel.append(...drawn.parts);
    else if (value.shape.length === 4) panel.append(attentionNote(value));
    say(`${value.name} = ${value.formula}; shape ${value.shape.join(" by ")}; mean ${short(value.mean)}`);
    options.forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === state.value));
      option.tabIndex = i === state.value ? 0 : -1;
    });
    const option = options[state.value];
    const top = option.offsetTop - list.offsetTop;
    if (top < list.scrollTop || top + option.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top - list.clientHeight / 2;
  }
  whenChanged((changed) => {
    if (state.view === "values" && (changed.has("value") || changed.has("view"))) draw();
    else if (state.view === "values" && changed.has("token") && drawn) drawn.mark();
  });
  draw();
  return { repaint: draw };
}

/** The last part of a name, which the heading above it leaves to say. */
function shortName(value) {
  return value.name.replace(/^.*encoder\.layer\.\d+\.?/, "").replace(/^(bert|roberta|rembert)\./, "") || "output of the layer";
}

/** How the numbers are spread, as bars. */
function histogram(value) {
  if (!value.histogram) return null;
  const most = Math.max(...value.histogram);
  return make("figure", { class: "histogram" },
    make("div", { class: "spread", role: "img", "aria-label": `Histogram from ${short(value.min)} to ${short(value.max)}` },
      value.histogram.map((count) => make("span", { style: `--share: ${(count ? Math.max(0.02, count / most) : 0).toFixed(3)}`, title: `${count} numbers` }))),
    make("figcaption", {}, make("span", {}, short(value.min)), make("span", {}, "spread of all numbers"), make("span", {}, short(value.max))));
}

/** Rows of numbers, and every row's norm where a row is a token. */
function picture(value) {
  const { rows, columns, of, byToken, norms } = value.picture;
  const height = Math.max(3, Math.min(20, Math.floor(560 / rows)));
  const width = Math.max(2, Math.min(24, Math.floor(WIDEST / columns)));
  let largest = 0;
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
    const size = Math.abs(cell(value.picture, i, j));
    if (size < 1e30) largest = Math.max(largest, size);
  }
  const scale = largest || 1;
  const drawn = readable({
    label: `Numbers of ${value.name}, ${rows} rows by ${columns} columns`,
    rows, columns, width: width * columns, height: height * rows,
    strength: (i, j) => {
      const share = cell(value.picture, i, j) / scale;
      return Math.sign(share) * Math.sqrt(Math.min(1, Math.abs(share)));
    },
    read: (i, j) => {
      const row = byToken ? `${spoken(i)}, column ${j}` : rows > 1 ? `row ${i}, column ${j}` : `column ${j}`;
      const error = WALK_FLOATS[value.picture.scales + i] / 2;
      return `${row}: ${short(cell(value.picture, i, j))} (± ${short(error)})`;
    },
    start: () => [byToken ? state.token : 0, 0],
    picked: (i) => { if (byToken) change({ token: i }); },
  });
  const labels = byToken && height >= 13
    ? make("ol", { class: "down", "aria-hidden": "true", style: `--height: ${height}px` }, TOKENS.map((token) => make("li", {}, tokenText(token.shown)))) : null;
  const kept = columns < of ? `The first ${columns} of ${of} columns` : of === 1 ? "The only column" : `All ${of} columns`;
  const parts = [
    make("h3", {}, "Numbers"),
    make("p", { class: "note" }, `${kept}${byToken ? ", a row a token" : ""}, coded in 8 bits a number; `,
      make("span", { class: "key less" }, "negative"), " and ", make("span", { class: "key more" }, "positive"), "."),
    make("div", { class: "scroll" }, make("div", { class: labels ? "axes rows-only" : "" }, labels, drawn.frame)), drawn.output,
  ];
  const bars = byToken ? tokenNorms(value, norms) : null;
  if (bars) parts.push(...bars.parts);
  return { parts, mark: () => bars && bars.mark() };
}

/** Bars of every token's norm, and of its gradient's where there is one. */
function tokenNorms(value, at) {
  const series = [["Norm of each token's row", at, "more"]];
  if (value.gradient && value.gradient.norms !== undefined) series.push(["Norm of each token's gradient", value.gradient.norms, "less"]);
  const marks = [];
  const parts = series.flatMap(([name, start, kind]) => {
    const numbers = Array.from(WALK_FLOATS.subarray(start, start + COUNT));
    const most = Math.max(...numbers) || 1;
    const bars = numbers.map((number, i) => make("span", {
      style: `--share: ${(number / most).toFixed(4)}`, title: `${spoken(i)}: ${short(number)}`, onclick: () => change({ token: i }),
    }));
    const output = make("p", { class: "reading" });
    marks.push(() => {
      bars.forEach((bar, i) => bar.classList.toggle("chosen", i === state.token));
      output.textContent = `${spoken(state.token)}: ${short(numbers[state.token])}`;
    });
    return [make("h3", {}, name), make("div", { class: `spread tokens ${kind}`, role: "img", "aria-label": `${name}, largest ${short(most)}` }, bars), output];
  });
  const mark = () => marks.forEach((each) => each());
  mark();
  return { parts, mark };
}

/** Attention-shaped values are shown head by head elsewhere. */
function attentionNote(value) {
  const found = /encoder\.layer\.(\d+)\./.exec(value.name);
  const layer = found ? LAYERS.indexOf(Number(found[1])) : -1;
  return make("p", {}, "One matrix a head. ", layer < 0 ? "" : make("button", {
    type: "button", onclick: () => change({ view: "attention", layer, open: true }),
  }, `Show the probabilities of layer ${LAYERS[layer]}`));
}
