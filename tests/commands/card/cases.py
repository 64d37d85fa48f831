"""The classes of every family that cards are tested with."""

from tests.small_checkpoints import FAMILIES

HEADS = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
         "ForMultipleChoice", "ForCausalLM")  # fmt: skip
CASES = [(family, head) for family in FAMILIES for head in HEADS]
