// The data of the page, and its numbers out of their codes.

const DATA = JSON.parse(document.getElementById("data").textContent);
const TOKENS = DATA.tokens;
const COUNT = TOKENS.length;
const LAYERS = DATA.layers; // their numbers in the model; state.layer is an index into this list
const HEADS = DATA.attention.heads;

/** base64 -> the bytes. */
function bytes(base64) {
  const text = atob(base64);
  const array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) array[i] = text.charCodeAt(i);
  return array;
}

const floats = (base64) => new Float32Array(bytes(base64).buffer);

const ATTENTION_CODES = DATA.attention.bits === 16
  ? new Uint16Array(bytes(DATA.attention.codes).buffer)
  : bytes(DATA.attention.codes);
const ATTENTION_SCALES = floats(DATA.attention.scales);
const WALK = DATA.walk.values;
const WALK_CODES = new Int8Array(bytes(DATA.walk.codes).buffer);
const WALK_FLOATS = floats(DATA.walk.floats);

/** The square root of how much query token i of a head attends to key token j: what is stored, and what is drawn. */
function root(layer, head, i, j) {
  const row = (layer * HEADS + head) * COUNT + i;
  return ATTENTION_CODES[row * COUNT + j] * ATTENTION_SCALES[row];
}

/** How much query token i of a head attends to key token j. */
const weight = (layer, head, i, j) => root(layer, head, i, j) ** 2;

/** One number of a value's picture. */
function cell(picture, row, column) {
  return WALK_CODES[picture.codes + row * picture.columns + column] * WALK_FLOATS[picture.scales + row];
}

/** A number in few characters: 0.123, -12.3, 1.2e-7. */
function short(number) {
  if (number === undefined || number === null) return "–";
  if (typeof number === "string") return number; // "nan", "inf"
  if (Number.isNaN(number)) return "not finite";
  const size = Math.abs(number);
  if (size !== 0 && (size < 0.001 || size >= 100000)) return number.toExponential(2).replace("-", "−").replace("e-", "e−");
  return number.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3).replace("-", "−");
}

const percent = (share) => (share < 1e-6 ? "≈ 0" : share >= 0.1 ? (100 * share).toFixed(1) : (100 * share).toFixed(share >= 0.001 ? 2 : 4)) + " %";

/** A token for sentences: its number and what it says. */
const spoken = (i) => `${TOKENS[i].shown} (token ${i})`;
