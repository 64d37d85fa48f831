"""How batches of one step are weighted, and which labels count for each task."""

import numpy as np
import pytest

import minibert as mb
from minibert.training.trainer.weighting import LossPart, loss_parts, weighted_batches
from tests.training.trainer.labelled import IDS, LABELS, TOKEN_LABELS, build

COUNTED = int((TOKEN_LABELS != -100).sum())
PARTS = {
    "BertForMaskedLM": {"loss": LossPart(1.0, COUNTED)},
    "BertLMHeadModel": {"loss": LossPart(1.0, int((TOKEN_LABELS[:, 1:] != -100).sum()))},  # the first is not predicted
    "BertForPreTraining": {"masked_lm_loss": LossPart(1.0, COUNTED), "next_sentence_loss": LossPart(1.0, 6)},
    "BertForNextSentencePrediction": {"loss": LossPart(1.0, 6)},
    "BertForSequenceClassification": {"loss": LossPart(1.0, 6)},
    "BertForTokenClassification": {"loss": LossPart(1.0, COUNTED)},
    "BertForQuestionAnswering": {"start_loss": LossPart(0.5, 4), "end_loss": LossPart(0.5, 3)},  # inside the text
}


@pytest.mark.parametrize("name", LABELS)
def test_what_counts_for_each_task(name: str) -> None:
    assert loss_parts(build(name), {"input_ids": IDS, **LABELS[name]}) == PARTS[name]


def test_weights_are_shares_of_all_labels() -> None:
    batches = [{"input_ids": IDS[rows], "labels": TOKEN_LABELS[rows]} for rows in (slice(0, 2), slice(2, 6))]
    found = weighted_batches(build("BertForTokenClassification"), batches)
    counts = [int((batch["labels"] != -100).sum()) for batch in batches]
    assert [each.weights for each in found] == [{"loss": count / sum(counts)} for count in counts]
    assert [each.number for each in found] == [0, 1]


def test_a_batch_in_which_nothing_counts_is_left_out() -> None:
    ignored = {"input_ids": IDS, "labels": np.full((6, 9), -100)}
    counted = {"input_ids": IDS, "labels": TOKEN_LABELS}
    (left,) = weighted_batches(build("BertForTokenClassification"), [ignored, counted])
    assert (left.number, left.weights) == (1, {"loss": 1.0})


def test_missing_labels_are_named() -> None:
    with pytest.raises(mb.InputError, match="the batch has no 'start_positions', which the loss of BertForQuestion"):
        loss_parts(build("BertForQuestionAnswering"), {"input_ids": IDS})
    with pytest.raises(mb.InputError, match=r"the batch has no 'labels', .* needs: it has input_ids"):
        weighted_batches(build("BertForMaskedLM"), [{"input_ids": IDS}])
