"""Data files of `minibert train`: every form, and every mistake with its file and line."""

from pathlib import Path

import pytest

from minibert.commands.training import data
from tests.commands.training_runs import moods, train


def test_mistakes_in_data(tmp_path: Path, bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "d"
    texts, words, fill = "text-classification", "token-classification", "fill-mask"
    for task, ending, content, message in (
        (fill, "txt", "\n \n", ": there is no text in it, only blank lines."),
        (fill, "txt", "One text.", "there is too little data: 1 in all, of which --eval-split 0.1 holds out 1"),
        (fill, "txt", "a\nb\nc", "every text has fewer than 4 tokens: there is nothing to fill in."),
        (fill, "txt", b"fine\nna\xefve", ":2 is not UTF-8: it has the byte 0xef."),
        (fill, "csv", "a", ": fill-mask is trained on txt files, not on csv; --format says how a file is read"),
        (texts, "data", "a", ": its ending does not say what it holds: rename it, or give --format tsv or csv or "
         "jsonl."),
        (texts, "txt", "a", ": text-classification is trained on tsv, csv, jsonl files, not on txt"),
        (texts, "tsv", "a\tlabel\nx\ty\n", ":1 names the columns a, label: there is no 'text' among them, so name the "
         "right one with --text-column."),
        (texts, "tsv", "", ":1 names the columns (none): there is no 'text'"),
        (texts, "tsv", "text\tlabel\n", ": there are no rows in it."),
        (texts, "tsv", "text\tlabel\na\tb\na b\n", ":3 has 1 column, and the first line 2."),
        (texts, "tsv", "text\tlabel\na\tb\n \tb\n", ":3: the 'text' is empty."),
        (texts, "tsv", "text\tlabel\na\t\n", ":2: the 'label' is empty."),
        (texts, "csv", 'text,label\n"a,b\n', " cannot be read as csv: "),
        (texts, "jsonl", '{"text": "a"}', ":1 has no 'label', only text: name the right field with --label-column."),
        (texts, "jsonl", '{"text": 3, "label": "a"}', ":1: 'text' is 3, not a text."),
        (texts, "jsonl", '{"text": "a", "label": 0.5}', ":1: 'label' is 0.5, not a text."),
        (texts, "jsonl", "\n[1]\n", ":2 is no JSON object: one {...} a line belongs there."),
        (texts, "jsonl", "{", ":1 is not JSON: "),
        (texts, "tsv", "text\tlabel\na\tx\nb\tx\n", "every label is 'x': there must be two classes or more"),
        (words, "conll", "a X\nb\n", ":2 is 'b': a word, then a blank or a tab, then its label belong there."),
        (words, "conll", "\n\n", ": there are no sentences in it."),
        (words, "jsonl", '{"tokens": ["a"], "labels": ["X", "Y"]}', ":1 has 1 word and 2 labels: one each"),
        (words, "jsonl", '{"words": ["a"]}', ":1 has no 'tokens', only words: name the right field with --text-c"),
        (words, "jsonl", '{"tokens": "a", "labels": ["X"]}', ":1: 'tokens' is \"a\", not a list of texts."),
        (words, "tsv", "a\tX", ": token-classification is trained on conll, jsonl files, not on tsv"),
    ):  # fmt: skip
        path = file.with_suffix(f".{ending}")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        arguments = ["--task", task, *(["--model", bert] if task != fill else [])]
        assert train(tmp_path / "run", *arguments, str(path)) == 1, content
        said = capsys.readouterr().err
        expected = message if message[0] not in ":" and not message.startswith(" ") else f"{path}{message}"
        assert expected in said or (message.startswith(" ") and message in said), said
        assert said.count("\n") == 1
    for place, message in (
        (tmp_path, " is a folder: give the files in it."),
        (tmp_path / "no", ": there is no such file."),
    ):
        assert train(tmp_path / "run", "--task", fill, str(place)) == 1
        assert capsys.readouterr().err == f"minibert: {place}{message}\n"
    (tmp_path / "dev.tsv").write_text("text\tlabel\nOne\tcalm\nTwo\tunheard\n")
    evaluation = ["--eval-file", str(tmp_path / "dev.tsv")]
    assert train(tmp_path / "run", "--task", texts, "--model", bert, *evaluation, moods(tmp_path / "moods.tsv")) == 1
    assert capsys.readouterr().err == (
        f"minibert: {tmp_path / 'dev.tsv'}:3: the label 'unheard' is not one of the training data's labels, calm, "
        "wild.\n"
    )


def test_paragraphs_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffOne\r\ntwo\r\n\r\n\r\nthree\u2028still three".encode())
    assert data.read_texts([str(path)]) == ["One", "two", "three\u2028still three"]
    assert data.read_texts([str(path)], paragraphs=True) == ["One two", "three\u2028still three"]


def test_pairs_and_number_labels(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"text": "a", "text_pair": "b", "label": 10}\n{"text": "c", "text_pair": "d", "label": 9}\n')
    rows = data.read_labelled_texts(str(path), "jsonl", data.Columns())
    assert rows[0] == data.LabelledText("a", "b", "10", f"{path}:1")
    assert data.labels_in(rows) == ["9", "10"]


def test_conll_columns_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("# text = A b\nA DT B-NP O\nb NN I-NP B-X\n\n# next\nc NN B-NP O\n")
    rows = data.read_labelled_words(str(path), "conll", data.Columns())
    assert rows == [
        data.LabelledWords(["A", "b"], ["O", "B-X"], f"{path}:2"),
        data.LabelledWords(["c"], ["O"], f"{path}:6"),
    ]
    assert data.labels_in(rows) == ["O", "B-X"]
