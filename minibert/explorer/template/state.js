// What is shown: one view, layer, head, token and value at a time; every change goes through `change`.

const VIEWS = [
  { id: "tokens", name: "Tokens" },
  { id: "attention", name: "Attention" },
  { id: "values", name: "Values" },
  { id: "predictions", name: "Predictions" },
  { id: "gradients", name: "Gradients" },
];

const state = { view: "attention", layer: 0, head: 0, token: 0, value: 0, side: "from", open: false };
const listeners = [];

/** Call `update(changed)` after every change; `changed` is a set of the names of what did. */
const whenChanged = (update) => listeners.push(update);

const clamp = (number, count) => Math.max(0, Math.min(count - 1, number));

/** Change parts of the state, within their bounds, and tell everybody. */
function change(parts) {
  const wanted = { ...state, ...parts };
  wanted.layer = clamp(wanted.layer, LAYERS.length);
  wanted.head = clamp(wanted.head, HEADS);
  wanted.token = clamp(wanted.token, COUNT);
  wanted.value = clamp(wanted.value, WALK.length);
  const changed = new Set(Object.keys(wanted).filter((name) => wanted[name] !== state[name]));
  if (!changed.size) return;
  Object.assign(state, wanted);
  for (const update of listeners) update(changed);
  remember();
}

/** The state in the address, so that a page can be reloaded or linked to as it stands. */
function remember() {
  const parts = [state.view, LAYERS[state.layer], state.head, state.token, state.value, state.open ? "open" : "grid"];
  try {
    history.replaceState(null, "", "#" + parts.join("/"));
  } catch { /* a frame without an address */ }
}

/** The state that the address asks for. */
function recalled() {
  const [view, layer, head, token, value, open] = location.hash.slice(1).split("/");
  if (!VIEWS.some((each) => each.id === view)) return {};
  const asked = { view, open: open === "open" };
  const numbers = { layer: LAYERS.indexOf(Number.parseInt(layer, 10)), head: +head, token: +token, value: +value };
  for (const [name, number] of Object.entries(numbers)) if (Number.isInteger(number) && number >= 0) asked[name] = number;
  return asked;
}

/** Say something to screen readers. */
let saying = 0;
function say(text) {
  clearTimeout(saying);
  saying = setTimeout(() => { document.getElementById("status").textContent = text; }, 120);
}
