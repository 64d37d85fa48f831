"""The tables of characters against the stored enumeration of what the compiled tokenizers do."""

import json
from pathlib import Path

from minibert.tokenizers.stages import unicode_tables as tables

STORED = Path(__file__).parents[1] / "vectors" / "character_classes.json"


def test_character_classes():
    classes = json.loads(STORED.read_text())["classes"]
    expected = {
        "removed": tables.BERT_REMOVED, "space": tables.BERT_TO_SPACE, "cjk": tables.BERT_CJK,
        "marks": tables.BERT_MARKS, "punctuation": tables.BERT_PUNCTUATION, "whitespace": tables.WHITESPACE,
        "letters": tables.LETTERS, "numbers": tables.NUMBERS,
    }  # fmt: skip
    for name, table in expected.items():
        assert [list(pair) for pair in tables.ranges(table)] == classes[name], name


def test_the_forms_of_a_table_agree():
    import re

    for table in (tables.WHITESPACE, tables.BERT_PUNCTUATION, tables.NUMBERS):
        pattern = re.compile(f"[{tables.char_class(table)}]")
        codes = tables.code_points(table)
        for code in range(0x3000):
            assert bool(pattern.match(chr(code))) == (code in codes), hex(code)
