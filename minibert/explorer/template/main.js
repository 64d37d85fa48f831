// Puts the page together: tabs, theme, keys.

function buildHeader() {
  const { model } = DATA;
  const size = model.parameters >= 1e6 ? `${(model.parameters / 1e6).toFixed(1)} M` : model.parameters.toLocaleString("en");
  document.getElementById("about").textContent = `${model.class} · ${model.layers} layers × ${model.heads} heads, width ${model.width} · `
    + `${size} parameters, ${model.dtype} · ${COUNT} tokens`;
}

function buildTabs() {
  const tabs = VIEWS.map((view, i) => make("button", {
    type: "button", role: "tab", id: `tab-${view.id}`, "aria-controls": `view-${view.id}`, onclick: () => change({ view: view.id }),
  }, view.name, make("kbd", { "aria-hidden": "true" }, String(i + 1))));
  const list = document.getElementById("tabs");
  list.append(...tabs);
  list.addEventListener("keydown", (event) => {
    const at = VIEWS.findIndex((view) => view.id === state.view);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: VIEWS.length - 1 }[event.key];
    if (to === undefined || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    change({ view: VIEWS[clamp(to, VIEWS.length)].id });
    document.getElementById(`tab-${state.view}`).focus();
  });
  function mark() {
    VIEWS.forEach((view, i) => {
      const chosen = view.id === state.view;
      tabs[i].setAttribute("aria-selected", String(chosen));
      tabs[i].tabIndex = chosen ? 0 : -1;
      document.getElementById(`view-${view.id}`).hidden = !chosen;
    });
  }
  mark();
  listeners.unshift((changed) => { if (changed.has("view")) mark(); }); // first, so that views have a size when they draw
}

/** Light, dark, or (at first) as the system has it; kept for the next visit where the browser lets us. */
function buildTheme(repaint) {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const name = () => {
    button.textContent = isDark() ? "☀ Light" : "☾ Dark";
    button.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
  };
  try {
    const kept = localStorage.getItem("minibert-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* no storage in this frame */ }
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("minibert-theme", root.dataset.theme); } catch { /* as above */ }
    name();
    repaint();
  });
  system.addEventListener("change", () => { name(); repaint(); });
  name();
}

/** Keys that work wherever the focus is, unless the element there has used them or is typed into. */
function buildKeys() {
  const help = document.getElementById("help");
  document.getElementById("help-open").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || help.open || event.target.matches("input")) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const view = VIEWS[Number(event.key) - 1];
    const by = step(event);
    if (view) change({ view: view.id });
    else if (event.key === "?") help.showModal();
    else if (event.key === "t") document.getElementById("theme").click();
    else if (event.key === "Escape" && state.view === "attention" && state.open) change({ open: false });
    else if (by && event.shiftKey && by[0]) change({ token: state.token + by[0] });
    else if (by && state.view === "values" && by[1]) change({ value: state.value + by[1] });
    else if (by && state.view === "attention") change({ head: state.head + by[0], layer: state.layer + by[1] });
    else if (by && by[0]) change({ token: state.token + by[0] });
    else return;
    event.preventDefault();
  });
}

Object.assign(state, { token: DATA.predictions.length ? DATA.predictions[0].place : 0 }, recalled());
change({}); // whatever the address asks for, within bounds
buildHeader();
buildTabs();
buildStrip();
const parts = [];
buildTheme(() => parts.forEach((part) => part.repaint && part.repaint()));
buildTokens();
parts.push(buildAttention(), buildValues(), buildPredictions(), buildGradients());
buildKeys();
window.addEventListener("hashchange", () => change(recalled()));
document.documentElement.dataset.ready = "yes";
