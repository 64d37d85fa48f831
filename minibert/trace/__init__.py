"""The trace: every intermediate value of a pass, by name, and the tape that backward walks.

A forward pass is given a `Run`, which knows the trace (or that there is none) and where dropout masks come
from; a backward pass is given a `Backward`, which reads the trace and gathers the gradients. Without a trace
nothing is kept: `Run.record` hands the value back, and that is all.
"""

from minibert.trace.backward import Backward
from minibert.trace.points import BACKWARD, Edit, Edits, TracePoint
from minibert.trace.run import Run
from minibert.trace.trace import Trace, TraceKeyError

__all__ = ["BACKWARD", "Backward", "Edit", "Edits", "Run", "Trace", "TraceKeyError", "TracePoint"]
