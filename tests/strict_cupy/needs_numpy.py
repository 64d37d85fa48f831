"""Tests that cannot run with models on the stand-in (`pytest --backend=strict`), and why."""

_READ_ONLY = "CuPy has no read-only arrays"
_PROCESS = "starts another process, in which the stand-in is not installed"

_HOST = "is about models on the host"

REASONS = {
    "tests/test_trace.py::test_recorded_values_are_read_only": _READ_ONLY,
    "tests/test_trace.py::test_without_a_trace_nothing_is_kept": "measures the host's memory",
    "tests/training/test_resume.py::test_after_a_kill_at_some_moment": _PROCESS,
    "tests/training/test_examples.py::test_a_short_run_is_saved_and_resumed": _PROCESS,
    "tests/models/test_models.py::test_to_another_dtype": _HOST,
    "tests/models/test_options.py::test_what_changes_no_number": _HOST,
    "tests/models/test_options.py::test_dtypes_as_pytorch_names_them": _HOST,
}
