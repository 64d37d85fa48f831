"""The report that `check` and `diff` give: their results, which can write themselves."""

from minibert.golden.comparing.formats import as_text, write
from minibert.golden.comparing.results import Results


class Report(Results):
    """All verdicts, in the pack's execution order; extra names stand at the end.

    `str(report)` is for people: the verdict on the whole, the first divergence, then every tensor that differs. A
    report is an iterable of its rows, and `report[name]` is one of them.

    Attributes:
        golden, other: what was compared.
        mode: "propagated" or "isolated".
        multiple: tolerances are this many noise floors.
        rows: one TensorResult a tensor.
        notes: what is said of the whole: rules or weights that differ.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                    num_attention_heads=2, intermediate_size=6), seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pack = mb.golden.record(model, {"input_ids": [[2, 4, 3]]}, f"{folder}/pack.safetensors")
        ...     report = mb.golden.diff(pack, {"pooler": model(input_ids=[[2, 4, 3]]).pooler_output + 1})
        >>> report
        <Report differs: 1 compared, 1 beyond>
        >>> report.first.name, report["pooler"].verdict
        ('pooler', 'differs')
    """

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return f"<Report {'ok' if self.ok else 'differs'}: {self.compared} compared, {len(self.failures)} beyond>"

    def format(self, form: str = "text") -> str:
        """The report as "text", "json", "markdown" or "junit".

        Raises:
            GoldenError: another form.
        """
        return write(self, form)
