"""The models: ids in, outputs out.

Read `embeddings.py`, `attention.py`, `encoder.py` and `heads.py` for the steps of the papers, `tasks.py` for
the task classes, and `bert.py`, `roberta.py`, `rembert.py` for the three families.
"""
