"""Vocabularies for the tests: small ones learned by the reference trainers, and the folder of helpers."""

import sys
from pathlib import Path

import pytest

from tests.reference_packages import hugging_face_tokenizers

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # `import generated_texts`, whatever folder pytest is started in


@pytest.fixture(scope="session")
def wordpiece_file(tmp_path_factory):
    """A vocab.txt of some 1,500 tokens, learned by Hugging Face's trainer from the generator's sentences."""
    tokenizers = hugging_face_tokenizers("trains the vocabulary that both sides use")
    from generated_texts import SENTENCES

    folder = tmp_path_factory.mktemp("wordpiece")
    trainer = tokenizers.BertWordPieceTokenizer(lowercase=False)
    trainer.train_from_iterator(
        [*SENTENCES, *[text.lower() for text in SENTENCES]] * 3, vocab_size=1500, min_frequency=2, show_progress=False
    )
    trainer.save_model(str(folder))
    return folder / "vocab.txt"


@pytest.fixture(scope="session")
def byte_bpe_folder(tmp_path_factory):
    """A folder with a vocab.json and merges.txt of some 1,200 tokens, learned likewise."""
    tokenizers = hugging_face_tokenizers("trains the vocabulary that both sides use")
    from generated_texts import SENTENCES

    folder = tmp_path_factory.mktemp("byte_bpe")
    trainer = tokenizers.ByteLevelBPETokenizer()
    trainer.train_from_iterator(
        SENTENCES * 3, vocab_size=1200, min_frequency=2, show_progress=False,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    )  # fmt: skip
    trainer.save_model(str(folder))
    return folder
