"""The arguments of a call, and what they mean together."""

import pytest

from minibert.errors import InputError
from minibert.tokenizers.calls.options import UNSET_LENGTH, quick_options, resolve_options

DEFAULTS = {
    "padding": False, "truncation": None, "max_length": None, "stride": 0, "pad_to_multiple_of": None,
    "padding_side": "right", "truncation_side": "right", "model_max_length": 512,
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("do_not_pad", "do_not_truncate", None)),
        ({"max_length": 8}, ("do_not_pad", "longest_first", 8)),
        ({"max_length": 8, "padding": True}, ("longest", "do_not_truncate", 8)),
        ({"truncation": True}, ("do_not_pad", "longest_first", 512)),
        ({"padding": "max_length"}, ("max_length", "do_not_truncate", 512)),
        ({"padding": "max_length", "model_max_length": UNSET_LENGTH}, ("do_not_pad", "do_not_truncate", None)),
        ({"truncation": "only_first", "model_max_length": UNSET_LENGTH}, ("do_not_pad", "do_not_truncate", None)),
    ],
)
def test_strategies(given, expected):
    for resolve in (resolve_options, quick_options, quick_options):
        options = resolve(**{**DEFAULTS, **given})
        assert (options.padding, options.truncation, options.max_length) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"padding": "foo"}, "foo is not a valid padding strategy"),
        ({"truncation": "foo"}, "foo is not a valid truncation strategy"),
        ({"max_length": -1}, "max_length must be an int of 0 or more, not -1"),
        ({"stride": "x"}, "stride must be an int, not 'x'"),
        ({"max_length": [3]}, "max_length must be an int"),
        ({"padding_side": "middle"}, "Unknown `direction`: padding_side"),
    ],
)
def test_what_does_not_fit(given, message):
    for resolve in (resolve_options, quick_options):
        with pytest.raises(InputError, match=message):
            resolve(**{**DEFAULTS, **given})
