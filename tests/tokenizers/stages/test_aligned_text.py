"""Text that remembers where its characters come from."""

from minibert.tokenizers.stages.aligned_text import AlignedText, join_aligned

TEXT = AlignedText("abc", [(0, 1), (1, 4), (6, 7)])


def test_parts_and_places():
    assert TEXT.part(1, 3) == AlignedText("bc", [(1, 4), (6, 7)])
    assert TEXT.span(0, 2) == (0, 4)
    assert TEXT.whole_span() == (0, 7)
    assert TEXT.cut([(0, 1), (1, 3)]) == [TEXT.part(0, 1), TEXT.part(1, 3)]
    assert join_aligned(TEXT.cut([(0, 1), (1, 3)])) == TEXT
    assert join_aligned([]) == AlignedText("", [])


def test_what_replaces_a_character_keeps_its_place():
    assert TEXT.replace_each({"a": "", "b": "xy", "c": "c"}.get) == AlignedText("xyc", [(1, 4), (1, 4), (6, 7)])


def test_a_text_is_its_own_original():
    assert AlignedText.from_text("ab", 3) == AlignedText("ab", [(3, 4), (4, 5)])


def test_a_span_reaches_over_characters_that_went():
    text = AlignedText.from_text("a-b").replace_each(lambda char: char.strip("-"))
    assert text.text == "ab"
    assert text.span(0, 2) == (0, 3)
