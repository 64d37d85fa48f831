"""Which memory knows which stages."""

import json
from pathlib import Path

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.fast.byte_bpe import ByteBPEMemory
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.fast.road import memory_of
from minibert.tokenizers.fast.unigram import UnigramMemory
from minibert.tokenizers.fast.wordpiece import WordPieceMemory
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer

HERE = Path(__file__).parents[1]
VOCAB = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b"])}


def test_each_family_has_its_own():
    data = json.loads((HERE / "vectors" / "roberta.json").read_text())
    roberta = RobertaTokenizer(vocab={token: i for i, token in enumerate(data["vocab"])}, merges=data["merges"])
    rembert = RemBertTokenizer(HERE / "unigram_vectors" / "nmt.model")
    found = [type(memory_of(tokenizer.stages)) for tokenizer in (BertTokenizer(vocab=VOCAB), roberta, rembert)]
    assert found == [WordPieceMemory, ByteBPEMemory, UnigramMemory]


def test_stages_that_nobody_remembers_are_asked_each_time():
    tokenizer = BertTokenizer(vocab=VOCAB, profile="original")
    memory = memory_of(tokenizer.stages)
    assert type(memory) is Memory
    assert memory.ids("Ab a") == [5, 6, 5]
    assert memory.normalized("Ab") == "ab"
    assert memory.locate("ab", 0, False, None) is None
