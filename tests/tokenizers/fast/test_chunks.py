"""Spans that are remembered by part."""

import re

import pytest

from minibert.tokenizers.fast import chunks
from minibert.tokenizers.fast.chunks import (
    LONGEST_KEPT,
    SHARED_UP_TO,
    LocatedCache,
    located,
    spans_of_length,
)


def halves(part):
    """Two tokens: the first character, and the others."""
    return located([1, len(part)], [(0, 1), (1, len(part))]) if len(part) > 1 else located([1], [(0, 1)])


def test_spans_are_shared_up_to_a_place():
    spans = spans_of_length(3)
    assert spans is spans_of_length(3)
    assert spans[5] is spans[5] == (5, 8)
    assert spans[SHARED_UP_TO] == (SHARED_UP_TO, SHARED_UP_TO + 3)
    assert SHARED_UP_TO not in spans
    assert spans_of_length(LONGEST_KEPT + 1) is not spans_of_length(LONGEST_KEPT + 1)


@pytest.mark.parametrize("start", [0, 100])
def test_parts_move_with_their_places(start):
    cache, sizes = LocatedCache(halves), []
    ids, offsets = cache.locate(re.finditer("[a-z]+", "abc  d abc"), start, sizes)
    assert ids == [1, 3, 1, 1, 3]
    assert [(a - start, b - start) for a, b in offsets] == [(0, 1), (1, 3), (5, 6), (7, 8), (8, 10)]
    assert sizes == [2, 1, 2]
    ids, offsets = cache.locate_all(["abc", "d", "abc"], start, None)
    assert [(a - start, b - start) for a, b in offsets] == [(0, 1), (1, 3), (3, 4), (4, 5), (5, 7)]


def test_what_is_found_is_kept_unless_it_is_long(monkeypatch):
    monkeypatch.setattr(chunks, "CACHE_LIMIT", 2)
    cache = LocatedCache(halves)
    for part in ("a", "b", "c" * (LONGEST_KEPT + 1), "c"):
        assert cache[part] == halves(part) or len(part) > LONGEST_KEPT
    assert list(cache) == ["c"]  # the third that was kept made room


def test_a_single_token_begins_as_the_part_does_or_behind_a_blank():
    assert located([7], [(2, 3)])[1] is None
    assert located([7], [(1, 3)])[1] is spans_of_length(2, 1)
    assert spans_of_length(2, 1)[5] == (6, 8)
    assert located([7], [(0, 3)])[1] is spans_of_length(3)
    assert located([7, 8], [(0, 1), (1, 2)], [1, 1])[3] == (1, 1)


@pytest.mark.parametrize("way", ["locate", "locate_all"])
def test_a_part_of_several_words_tells_the_sizes_of_each(way):
    cache, sizes = LocatedCache(lambda part: located([1, 2, 3], [(0, 1), (1, 2), (2, 3)], [2, 1])), []
    getattr(cache, way)(re.finditer("abc", "abc") if way == "locate" else ["abc"], 0, sizes)
    assert sizes == [2, 1]
