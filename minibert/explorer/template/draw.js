// Elements, tokens as text, colours, and pictures of numbers whose cells can be read with the mouse and the keys.

/** An element with attributes (on... are listeners) and children; text is never read as HTML. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const MARKS = /^(##|Ġ|▁)/;

/** A token as an element: the marks ## Ġ ▁ pale, its own direction. */
function tokenText(text) {
  const mark = MARKS.exec(text);
  const rest = mark && text.length > mark[0].length ? text.slice(mark[0].length) : mark ? "" : text;
  const visible = rest.replace(/[\n\r]/g, "↵").replace(/\t/g, "⇥");
  return make("span", { class: "token" },
    mark ? make("span", { class: "mark" }, mark[0]) : null, make("bdi", { dir: "auto" }, visible));
}

/** A colour of the style sheet as [r, g, b]. */
function colour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16));
}

/** Fill a canvas of rows x columns pixels; `strength(row, column)` from -1 to 1 decides on colour and opacity. */
function paint(canvas, rows, columns, strength) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  const more = colour("--more");
  const less = colour("--less");
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at += 4) {
      const share = strength(row, column);
      const [r, g, b] = share < 0 ? less : more;
      image.data[at] = r;
      image.data[at + 1] = g;
      image.data[at + 2] = b;
      image.data[at + 3] = Math.round(255 * Math.min(1, Math.abs(share)));
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/**
 * A picture whose cells are read with the mouse or, focused, with the arrow keys.
 *
 * options: label, rows, columns, strength(row, column), read(row, column) -> text, start() -> [row, column],
 * picked(row, column) when a cell is chosen; width and height of the picture in pixels; rowLabels and columnLabels
 * are lists of elements or null.
 */
function readable(options) {
  const { rows, columns, width, height } = options;
  const canvas = make("canvas", { "aria-hidden": "true" });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.classList.toggle("crisp", width / columns >= 2 && height / rows >= 2);
  paint(canvas, rows, columns, options.strength);
  const cursor = make("div", { class: "cursor", "aria-hidden": "true", hidden: true });
  const output = make("p", { class: "reading" }, options.hint || "Point at a cell to read its number.");
  const frame = make("div", {
    class: "frame", tabindex: "0", role: "application", "aria-roledescription": "picture of numbers",
    "aria-label": `${options.label}. Arrow keys move from cell to cell.`,
  }, canvas, cursor);
  frame.style.width = `${width}px`;
  frame.style.height = `${height}px`;
  let at = null;

  function show(row, column, aloud) {
    at = [row, column];
    cursor.hidden = false;
    cursor.style.left = `${(column * width) / columns}px`;
    cursor.style.top = `${(row * height) / rows}px`;
    cursor.style.width = `${width / columns}px`;
    cursor.style.height = `${height / rows}px`;
    const text = options.read(row, column);
    output.textContent = text;
    if (aloud) say(text);
  }
  function pointed(event) {
    const box = canvas.getBoundingClientRect();
    return [
      clamp(Math.floor(((event.clientY - box.top) / box.height) * rows), rows),
      clamp(Math.floor(((event.clientX - box.left) / box.width) * columns), columns),
    ];
  }
  frame.addEventListener("pointermove", (event) => show(...pointed(event), false));
  frame.addEventListener("click", (event) => options.picked && options.picked(...pointed(event)));
  frame.addEventListener("keydown", (event) => {
    const [row, column] = at || (options.start ? options.start() : [0, 0]);
    const moves = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1], Home: [row, 0], End: [row, columns - 1],
    };
    if (event.key === "Enter" && options.picked) options.picked(row, column);
    if (!(event.key in moves) || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [to, across] = at ? moves[event.key] : [row, column];
    show(clamp(to, rows), clamp(across, columns), true);
  });
  return { frame, output, repaint: () => paint(canvas, rows, columns, options.strength) };
}

/** The arrow keys as a step, [across, down]; null for every other key and for combinations. */
function step(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  return { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || null;
}
