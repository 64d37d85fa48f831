"""Stage 4 as an object: its template, its section of a file."""

from minibert.tokenizers.stages.post_processors import BertPostProcessor, RobertaPostProcessor
from minibert.tokenizers.stages.special_tokens import SpecialTokens
from minibert.tokenizers.stages.template import BARE, BARE_ONE_TYPE, Sequence
from minibert.tokenizers.stages.vocabulary import Vocabulary


def special(cls, sep):
    found = SpecialTokens(Vocabulary({cls: 0, sep: 1, "a": 2}))
    found.set_role("cls_token", cls)
    found.set_role("sep_token", sep)
    return found


def test_templates():
    bert, roberta = BertPostProcessor(), RobertaPostProcessor()
    pair = [Sequence([7]), Sequence([8])]
    assert bert.template(0, 1).build(pair).type_ids == [0, 0, 0, 1, 1]
    assert roberta.template(0, 1).build(pair).ids == [0, 7, 1, 1, 8, 1]
    assert (bert.bare, roberta.bare) == (BARE, BARE_ONE_TYPE)


def test_sections():
    tokens = special("[CLS]", "[SEP]")
    written = BertPostProcessor().to_json(BertPostProcessor().template(0, 1), tokens)
    assert (written["type"], list(written["special_tokens"])) == ("TemplateProcessing", ["[CLS]", "[SEP]"])
    processor = RobertaPostProcessor(trim_offsets=False, add_prefix_space=True)
    assert processor.to_json(processor.template(0, 1), special("<s>", "</s>")) == {
        "type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": False,
        "add_prefix_space": True,
    }  # fmt: skip
