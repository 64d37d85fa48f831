// The strip of tokens at the top, and the view of how the text became them.

function buildStrip() {
  const strip = document.getElementById("strip");
  const options = TOKENS.map((token, i) => make("div", {
    role: "option", id: `token-${i}`, "aria-selected": "false", tabindex: "-1",
    class: token.special ? "special" : `word-${(token.word ?? 0) % 2}`,
    "aria-label": `${token.shown}, token ${i}, id ${token.id}`,
    title: `token ${i} · id ${token.id}`,
    onclick: () => change({ token: i }),
  }, tokenText(token.shown)));
  strip.append(...options);
  strip.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: state.token - 1, ArrowRight: state.token + 1, Home: 0, End: COUNT - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    change({ token: to });
    options[state.token].focus();
  });

  function mark() {
    options.forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === state.token));
      option.tabIndex = i === state.token ? 0 : -1;
    });
    const option = options[state.token];
    const left = option.offsetLeft - strip.offsetLeft;
    if (left < strip.scrollLeft || left + option.offsetWidth > strip.scrollLeft + strip.clientWidth) {
      strip.scrollLeft = left - strip.clientWidth / 2;
    }
  }
  whenChanged((changed) => { if (changed.has("token")) mark(); });
  mark();
}

function buildTokens() {
  const view = document.getElementById("view-tokens");
  const pieces = []; // [element, token numbers], marked when one of the tokens is chosen

  function piece(content, numbers, attributes = {}) {
    const element = make("span", {
      class: "piece" + (numbers.length ? "" : " gap"), ...attributes,
      onclick: numbers.length ? () => change({ token: numbers[0] }) : null,
    }, content);
    pieces.push([element, numbers]);
    return element;
  }
  function stage(number, name, explanation, content) {
    return make("li", {}, make("h3", {}, make("span", { class: "number", "aria-hidden": "true" }, String(number)), name),
      make("p", { class: "note" }, explanation), content);
  }
  DATA.texts.forEach((text, which) => {
    if (DATA.texts.length > 1) view.append(make("h2", {}, which ? "Second text" : "First text"));
    view.append(make("ol", { class: "stages" },
      stage(1, "Text", "As it was given; each part belongs to the token below that it is marked with.",
        make("p", { class: "text", dir: "auto" }, text.segments.map(([part, numbers]) => piece(part, numbers)))),
      stage(2, "Normalised", text.normalized === text.text ? "Nothing changed." : "Cleaned and mapped as the vocabulary expects.",
        make("p", { class: "text", dir: "auto" }, text.normalized)),
      stage(3, "Words and pieces", "Each box is a word of the tokenizer; in it the pieces of the vocabulary.",
        make("p", { class: "text words" }, text.words.map((numbers) => make("span", { class: "word" },
          numbers.map((i) => piece(tokenText(TOKENS[i].shown), [i], { title: `id ${TOKENS[i].id}` }))))))));
  });
  const rows = TOKENS.map((token, i) => make("tr", { onclick: () => change({ token: i }) },
    make("th", { scope: "row" }, String(i)),
    make("td", {}, tokenText(token.shown), token.shown === token.token ? null : make("span", { class: "note" }, ` ${token.token}`)),
    make("td", { class: "numeric" }, String(token.id)),
    make("td", { class: "numeric" }, token.start === null ? "–" : `${token.start}–${token.end}`),
    make("td", {}, token.text === null ? make("span", { class: "note" }, "added") : make("bdi", { dir: "auto", class: "token" }, token.text)),
    make("td", { class: "numeric" }, token.word === null ? "–" : String(token.word)),
    make("td", { class: "numeric" }, String(token.type))));
  view.append(
    make("h2", {}, "The row that the model gets"),
    make("p", { class: "note" }, "Offsets count code points of the text, the end not included."),
    make("div", { class: "scroll" }, make("table", { class: "rows" },
      make("caption", { class: "unseen" }, "Tokens with ids, offsets and words"),
      make("thead", {}, make("tr", {}, ["#", "Token", "Id", "Offsets", "In the text", "Word", "Type"].map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, rows))));

  function mark() {
    for (const [element, numbers] of pieces) element.classList.toggle("chosen", numbers.includes(state.token));
    rows.forEach((row, i) => row.classList.toggle("chosen", i === state.token));
  }
  whenChanged((changed) => { if (changed.has("token")) mark(); });
  mark();
}
