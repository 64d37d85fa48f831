"""Tests that cannot run with models on the stand-in (`pytest --backend=strict`), and why."""

_READ_ONLY = "CuPy has no read-only arrays"
_PROCESS = "starts another process, in which the stand-in is not installed"
_BYTES = "counts the bytes of NumPy arrays"
_FAULTS = "plants faults that compute with NumPy"
_FUSED = "watches a method that fused steps do not call"
_HOST = "is about models on the host"

REASONS = {
    "tests/trace/test_trace.py::test_recorded_values_are_read_only": _READ_ONLY,
    "tests/trace/test_run.py::test_without_a_trace_nothing_is_kept": "measures the host's memory",
    "tests/training/trainer/test_resume.py::test_after_a_kill_at_some_moment": _PROCESS,
    "tests/examples/test_examples.py::test_a_short_run_is_saved_and_resumed": _PROCESS,
    "tests/commands/card/test_memory.py::test_kept_bytes_are_those_of_the_model_itself": _BYTES,
    "tests/commands/card/test_memory.py::test_the_lower_bounds_hold_and_are_near": _BYTES,
    "tests/commands/test_train.py::test_a_run_that_was_stopped_ends_with_the_same_bits": _PROCESS,
    "tests/commands/test_train.py::test_no_progress_bar_where_there_is_no_terminal": _PROCESS,
    "tests/test_cli.py::TestRealCheckpoint::test_a_closed_pipe_is_quiet": _PROCESS,
    "tests/test_import.py::test_models_need_no_extra": _PROCESS,
    "tests/generation/test_decoder.py::test_each_token_is_read_once": _FUSED,
    "tests/functional/test_wrong_backwards.py::test_wrong_models_are_rejected": _FAULTS,
    "tests/models/test_model.py::test_to_another_dtype": _HOST,
    "tests/models/test_real_checkpoint.py::test_weights_are_views_of_the_file": _HOST,
    "tests/models/test_saved_models.py::test_a_file_that_was_rewritten_in_place_is_no_longer_used": _HOST,
    "tests/models/test_options.py::test_what_changes_no_number": _HOST,
    "tests/models/test_options.py::test_dtypes_as_pytorch_names_them": _HOST,
}
