"""A Hugging Face cache in which the documentation's checkpoints stand: the same names, small random models.

The tokenizers are learned from the documentation's own sentences. RoBERTa's has as many ids as the real one, with
those that the documentation prints at their places.
"""

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import minibert as mb
from tests.small_checkpoints import SENTENCES

TEXTS = (
    "Plants create oxygen through a process known as photosynthesis.",
    "Hello, my dog is cute",
    "The capital of France is Paris.",
    "In Italy, pizza served in formal settings, such as at a restaurant, is presented unsliced.",
    "The sky is blue due to the shorter wavelength of blue light.",
    "It is eaten with a fork and a knife.",
    "It is eaten while held in the hand.",
    "HuggingFace is a company based in Paris and New York",
    "Hello world",
    " Hello world",
)
# cut into so many pieces that the documented places of the answer, 14 and 15, are inside the text
RARE = ("Who was Jim Henson?", "Jim Henson was a nice puppet")
REVISION = "0" * 40
# what the documentation prints of roberta-base
ROBERTA_IDS = {"Hello": 31414, "ĠHello": 20920, "Ġworld": 232}
ROBERTA_VOCABULARY = 50265
EMOTIONS = ("joy", "optimism", "anger", "sadness")
ENTITIES = ("O", "MISC", "PER", "ORG", "LOC")
# name -> (class, labels)
CHECKPOINTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "google-bert/bert-base-uncased": ("BertForPreTraining", ()),
    "FacebookAI/roberta-base": ("RobertaForMaskedLM", ()),
    "roberta-base": ("RobertaForMaskedLM", ()),
    "google/rembert": ("RemBertForMaskedLM", ()),
    "cardiffnlp/twitter-roberta-base-emotion": ("RobertaForSequenceClassification", EMOTIONS),
    "Jean-Baptiste/roberta-large-ner-english": ("RobertaForTokenClassification", ENTITIES),
    "ydshieh/roberta-large-ner-english": ("RobertaForTokenClassification", ENTITIES),
    "deepset/roberta-base-squad2": ("RobertaForQuestionAnswering", ()),
    "ydshieh/roberta-base-squad2": ("RobertaForQuestionAnswering", ()),
}


@functools.cache
def hub() -> Path:
    """The cache's folder, for HF_HUB_CACHE."""
    cache = Path(tempfile.mkdtemp(prefix="hub"))
    for seed, (name, (class_name, labels)) in enumerate(CHECKPOINTS.items()):
        repository = cache / ("models--" + name.replace("/", "--"))
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text(REVISION)
        _make_model(class_name, labels, seed).save_pretrained(folder_of(name, cache))
        tokenizer(_family(class_name)).save_pretrained(folder_of(name, cache))
    return cache


def folder_of(name: str, cache: Path | None = None) -> Path:
    """The snapshot's folder of a checkpoint."""
    return (cache or hub()) / ("models--" + name.replace("/", "--")) / "snapshots" / REVISION


def _family(class_name: str) -> str:
    return next(family for family in ("RemBert", "Roberta", "Bert") if class_name.startswith(family))


@functools.cache
def tokenizer(family: str) -> Any:
    """The family's tokenizer, learned from the sentences; Paris is one token, as it is in the real ones."""
    folder = Path(tempfile.mkdtemp())
    texts = [*SENTENCES, *TEXTS * 8, *RARE]
    if family == "Bert":
        mb.train_wordpiece([text.lower() for text in texts], 500, progress=False).save(folder)
        return mb.BertTokenizer.from_pretrained(folder, model_max_length=128)
    if family == "Roberta":
        mb.train_bpe(texts, 700, progress=False).save(folder)
        _spread_ids(folder / "vocab.json")
        return mb.RobertaTokenizer.from_pretrained(folder, model_max_length=126)
    # what follows a mask is a new beginning for RemBERT, where the real vocabulary too has one piece for a full stop
    learned = mb.train_unigram(texts, 185, normalizer="identity", user_defined_symbols=["▁."], progress=False)
    learned.save(folder)
    return mb.RemBertTokenizer.from_pretrained(folder, model_max_length=128)


def _spread_ids(path: Path) -> None:
    """Give the vocabulary the real one's size, the documented tokens their ids, and the mask the last."""
    learned = [token for token in json.loads(path.read_text(encoding="utf-8")) if token not in ROBERTA_IDS]
    learned.remove("<mask>")
    taken = {**{id_: token for token, id_ in ROBERTA_IDS.items()}, ROBERTA_VOCABULARY - 1: "<mask>"}
    vocabulary: dict[str, int] = {}
    for id_ in range(ROBERTA_VOCABULARY):
        vocabulary[taken[id_] if id_ in taken else learned.pop(0) if learned else f"unused{id_}"] = id_
    path.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")


def _make_model(class_name: str, labels: tuple[str, ...], seed: int) -> Any:
    """A small random model whose biases are not zero."""
    family = _family(class_name)
    tok = tokenizer(family)
    fields: dict[str, Any] = {
        "vocab_size": len(tok),
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 32,
        "max_position_embeddings": 128,
        "initializer_range": 0.5,
        "pad_token_id": tok.pad_token_id,
    }
    if family == "RemBert":
        fields |= {"input_embedding_size": 10, "output_embedding_size": 14}
        fields |= {"bos_token_id": tok.cls_token_id, "eos_token_id": tok.sep_token_id}
    if labels:
        fields["id2label"] = dict(enumerate(labels))
    model = getattr(mb, class_name)(getattr(mb, f"{family}Config")(**fields), seed=seed)
    rng = np.random.default_rng(seed)
    for name, array in model.parameters.items():
        if name.endswith("bias"):
            array += (rng.normal(size=array.shape) * 0.3).astype(array.dtype)
    if class_name == "BertForPreTraining":  # the next-sentence head says "random", as the real one does of the example
        model.parameters["cls.seq_relationship.bias"][:] = (-4.0, 4.0)
    return model
