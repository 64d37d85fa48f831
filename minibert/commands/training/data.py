"""Data files: plain texts, labelled texts (.tsv, .csv, .jsonl), labelled words (one a line, or .jsonl).

Every mistake is one sentence with the file and the line. Files are UTF-8, whatever the machine's own encoding is.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from minibert.commands.layout import plural
from minibert.errors import InputError

FORMATS = ("txt", "tsv", "csv", "jsonl", "conll")
# a file's ending -> how it is read
_ENDINGS = {
    ".txt": "txt", ".text": "txt", ".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".conll": "conll", ".iob": "conll", ".iob2": "conll", ".bio": "conll", ".conllu": "conll",
}  # fmt: skip
TASK_FORMATS = {
    "fill-mask": ("txt",),
    "text-classification": ("tsv", "csv", "jsonl"),
    "token-classification": ("conll", "jsonl"),
}


class LabelledText(NamedTuple):
    """A text (or a pair of texts) and its label; `where` is "file:line"."""

    text: str
    pair: str | None
    label: str
    where: str


class LabelledWords(NamedTuple):
    """The words of a sentence, a label each; `where` is "file:line" of the first word."""

    words: list[str]
    labels: list[str]
    where: str


class Columns(NamedTuple):
    """What the columns or fields are called; None for the task's usual names."""

    text: str | None = None
    pair: str | None = None
    label: str | None = None


def format_of(file: str, task: str, given: str | None) -> str:
    """How a file is read: as `given`, or as its ending says. Raises InputError if the task has no such files."""
    found = given or _ENDINGS.get(Path(file).suffix.lower())
    if found is None:
        # corpora and CoNLL files have all kinds of endings; tables do not
        found = {"fill-mask": "txt", "token-classification": "conll"}.get(task)
    if found is None:
        raise InputError(
            f"{file}: its ending does not say what it holds: rename it, or give --format "
            f"{' or '.join(TASK_FORMATS[task])}."
        )
    if task == "token-classification" and found == "txt" and given is None:
        found = "conll"
    if found not in TASK_FORMATS[task]:
        raise InputError(
            f"{file}: {task} is trained on {', '.join(TASK_FORMATS[task])} files, not on {found}"
            f"{'' if given else '; --format says how a file is read whatever its ending'}."
        )
    return found


def read_lines(file: str) -> Iterator[tuple[int, str]]:
    """(number, line) of a text file, without the line's end. Raises InputError where it is not UTF-8."""
    path = Path(file)
    if path.is_dir():
        raise InputError(f"{file} is a folder: give the files in it.")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{file}: there is no such file.") from None
    except OSError as reason:
        raise InputError(f"{file} cannot be read: {reason.strerror}.") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        line = data.count(b"\n", 0, reason.start) + 1
        raise InputError(f"{file}:{line} is not UTF-8: it has the byte 0x{data[reason.start]:02x}.") from None
    # "\n" alone ends a line: str.splitlines would also cut at U+2028 and its like
    return iter(enumerate(text.replace("\r\n", "\n").split("\n"), start=1))


def read_texts(files: Sequence[str], paragraphs: bool = False) -> list[str]:
    """Every line of the files as a text, or every paragraph (lines up to a blank one); blank ones are left out.

    Raises:
        InputError: a file is missing or not UTF-8, or there is no text in any.
    """
    texts: list[str] = []
    for file in files:
        gathered: list[str] = []
        for _, line in read_lines(file):
            if not paragraphs:
                texts += [line.strip()] if line.strip() else []
            elif line.strip():
                gathered.append(line.strip())
            elif gathered:
                texts.append(" ".join(gathered))
                gathered = []
        if gathered:
            texts.append(" ".join(gathered))
    if not texts:
        raise InputError(f"{', '.join(files)}: there is no text in it, only blank lines.")
    return texts


# labelled texts


def read_labelled_texts(file: str, form: str, columns: Columns) -> list[LabelledText]:
    """The rows of a .tsv, .csv or .jsonl file.

    Raises:
        InputError: a column, text or label is missing, with its line.
    """
    rows = _jsonl_rows(file) if form == "jsonl" else _table_rows(file, form, columns)
    text_name, label_name = columns.text or "text", columns.label or "label"
    pair_name = columns.pair or "text_pair"
    found = []
    for number, row in rows:
        where = f"{file}:{number}"
        text, label = _field(row, text_name, "text", where), _label(row, label_name, where)
        pair = _field(row, pair_name, "pair", where) if columns.pair or pair_name in row else None
        found.append(LabelledText(text, pair, label, where))
    if not found:
        raise InputError(f"{file}: there are no rows in it.")
    return found


def _table_rows(file: str, form: str, columns: Columns) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, {column: cell}) of a table whose first line names the columns."""
    text = "\n".join(line for _, line in read_lines(file))
    options: Any = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if form == "tsv" else {"strict": True}
    reader = csv.reader(io.StringIO(text), **options)
    try:
        header = next(reader, [])
        _check_header(file, header, columns)
        for cells in reader:
            if not cells or cells == [""]:
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{file}:{reader.line_num} has {plural(len(cells), 'column')}, and the first line {len(header)}."
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as reason:
        raise InputError(f"{file}:{reader.line_num} cannot be read as {form}: {reason}.") from None


def _check_header(file: str, header: list[str], columns: Columns) -> None:
    wanted = [("text", columns.text or "text"), ("label", columns.label or "label")]
    wanted += [("pair", columns.pair)] if columns.pair else []
    for role, name in wanted:
        if name not in header:
            raise InputError(
                f"{file}:1 names the columns {', '.join(header) or '(none)'}: there is no {name!r} among them, so name "
                f"the right one with --{role}-column."
            )


def _jsonl_rows(file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of a file with one JSON object a line."""
    for number, line in read_lines(file):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as reason:
            raise InputError(f"{file}:{number} is not JSON: {reason}.") from None
        if not isinstance(row, dict):
            raise InputError(f"{file}:{number} is no JSON object: one {{...}} a line belongs there.")
        yield number, row


def _field(row: dict[str, Any], name: str, role: str, where: str) -> str:
    if name not in row:
        raise InputError(f"{where} has no {name!r}, only {', '.join(row)}: name the right field with --{role}-column.")
    if not isinstance(row[name], str):
        raise InputError(f"{where}: {name!r} is {json.dumps(row[name])[:60]}, not a text.")
    if not row[name].strip():
        raise InputError(f"{where}: the {name!r} is empty.")
    return row[name]


def _label(row: dict[str, Any], name: str, where: str) -> str:
    if isinstance(row.get(name), int) and not isinstance(row[name], bool):
        return str(row[name])
    return _field(row, name, "label", where).strip()


# labelled words


def read_labelled_words(file: str, form: str, columns: Columns) -> list[LabelledWords]:
    """The sentences of a file.

    In a .conll file a line is a word, then columns, the last of them the label; a blank line ends a sentence;
    lines that begin with "# " and -DOCSTART- are passed over. In a .jsonl file a line is
    {"tokens": [...], "labels": [...]}.

    Raises:
        InputError: a word has no label, or their numbers differ, with the line.
    """
    found = _jsonl_words(file, columns) if form == "jsonl" else _conll_words(file)
    if not found:
        raise InputError(f"{file}: there are no sentences in it.")
    return found


def _conll_words(file: str) -> list[LabelledWords]:
    found: list[LabelledWords] = []
    words: list[str] = []
    labels: list[str] = []
    begun = 1

    def end() -> None:
        if words:
            found.append(LabelledWords(words.copy(), labels.copy(), f"{file}:{begun}"))
            words.clear()
            labels.clear()

    for number, line in read_lines(file):
        if line.startswith(("# ", "-DOCSTART-")):
            continue
        if not line.strip():
            end()
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        if len(cells) < 2 or not cells[0].strip() or not cells[-1].strip():
            raise InputError(
                f"{file}:{number} is {line[:60]!r}: a word, then a blank or a tab, then its label belong there."
            )
        begun = begun if words else number
        words.append(cells[0].strip())
        labels.append(cells[-1].strip())
    end()
    return found


def _jsonl_words(file: str, columns: Columns) -> list[LabelledWords]:
    found = []
    for number, row in _jsonl_rows(file):
        where = f"{file}:{number}"
        words = _list(row, columns.text or "tokens", "text", where)
        labels = _list(row, columns.label or "labels", "label", where)
        if len(words) != len(labels):
            raise InputError(
                f"{where} has {plural(len(words), 'word')} and {plural(len(labels), 'label')}: one each belongs there."
            )
        if words:
            found.append(LabelledWords([str(word) for word in words], [str(label) for label in labels], where))
    return found


def _list(row: dict[str, Any], name: str, role: str, where: str) -> list[Any]:
    if name not in row:
        raise InputError(f"{where} has no {name!r}, only {', '.join(row)}: name the right field with --{role}-column.")
    value = row[name]
    if not isinstance(value, list) or not all(isinstance(each, str | int) for each in value):
        raise InputError(f"{where}: {name!r} is {json.dumps(value)[:60]}, not a list of texts.")
    return value


# labels


def labels_in(examples: Sequence[LabelledText] | Sequence[LabelledWords]) -> list[str]:
    """Every label once, sorted; numbers as numbers, and "O" first."""
    seen: set[str] = set()
    for example in examples:
        seen.update(example.labels if isinstance(example, LabelledWords) else [example.label])
    if all(label.isdecimal() for label in seen):
        return sorted(seen, key=int)
    return sorted(seen, key=lambda label: (label != "O", label))


def check_labels(
    examples: Sequence[LabelledText] | Sequence[LabelledWords], known: Sequence[str], whose: str, advice: str = ""
) -> None:
    """Raise InputError, with the first place, if a label is not among the known ones."""
    for example in examples:
        own = example.labels if isinstance(example, LabelledWords) else [example.label]
        for label in own:
            if label not in known:
                shown = ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
                raise InputError(f"{example.where}: the label {label!r} is not one of {whose}, {shown}{advice}.")
