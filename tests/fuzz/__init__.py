"""Damaged files of every kind that minibert reads: each is refused in one sentence, or loads.

`python -m tests.fuzz --files 10000` or `--hours 1` runs it by hand; `tests/fuzz/test_fuzz.py` a little of it each time.
A kind of file has a whole example, a way of damaging it that knows its structure, and a way of reading it. The same
seed and number give the same file.
"""
