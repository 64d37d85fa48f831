"""Which script a character belongs to."""

from minibert.tokenizers.training.scripts import scripts_of


def test_scripts():
    assert scripts_of("aЖ中ひカー1▁\u0301") == {
        "a": "Latin", "Ж": "Cyrillic", "中": "Han", "ひ": "Han", "カ": "Han", "ー": "Han", "1": "Common", "▁": "Common",
        "\u0301": "Inherited",
    }  # fmt: skip
