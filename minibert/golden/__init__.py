"""Golden verification: record every value of a pass, compare a port with it, be told where it first goes wrong.

`record` writes a pack, `check` runs a model against one, `diff` compares arrays with one, `cases` gives a ladder of
inputs that each can detect what the one before could not. docs/golden.md tells the whole story.
"""

from minibert.golden.check import check
from minibert.golden.compare import diff
from minibert.golden.errors import GoldenError
from minibert.golden.isolated import GoldenInputs
from minibert.golden.ladder import Case, cases, record_ladder
from minibert.golden.pack import Pack, open_pack
from minibert.golden.record import record
from minibert.golden.reference import record_reference
from minibert.golden.report import Report, TensorResult
from minibert.golden.training import Training

__all__ = [
    "Case",
    "GoldenError",
    "GoldenInputs",
    "Pack",
    "Report",
    "TensorResult",
    "Training",
    "cases",
    "check",
    "diff",
    "open_pack",
    "record",
    "record_ladder",
    "record_reference",
]
