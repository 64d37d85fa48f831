"""Golden verification: record every value of a pass, compare a port with it, be told where it first goes wrong.

`record` writes a pack, `check` runs a model against one, `diff` compares arrays with one, `cases` gives a ladder of
inputs that each can detect what the one before could not. docs/golden.md tells the whole story.
"""

from minibert.golden.comparing.check import check
from minibert.golden.comparing.diff import diff
from minibert.golden.comparing.golden_inputs import GoldenInputs
from minibert.golden.comparing.report import Report
from minibert.golden.comparing.results import TensorResult
from minibert.golden.errors import GoldenError
from minibert.golden.packs.pack import Pack, open_pack
from minibert.golden.recording.case import Case
from minibert.golden.recording.ladder import cases, record_ladder
from minibert.golden.recording.record import record
from minibert.golden.recording.reference import record_reference
from minibert.golden.recording.training_steps import Training

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
