"""Prompts for the English models, written before the trained models were seen, and how many they get right.
"""

from typing import Any, NamedTuple

import numpy as np


class Prompt(NamedTuple):
    """A text with one [MASK], the answer that is wanted, and where the answer could come from."""

    text: str
    wanted: str
    source: str


RECALL, PATTERN, PROSE = "stands in the training text", "pattern of the stories", "free prose"
PROMPTS = [
    Prompt("The capital of France is [MASK].", "paris", RECALL),
    Prompt("Tokyo is the capital of [MASK].", "japan", RECALL),
    Prompt("What is the capital of Italy? The capital of Italy is [MASK].", "rome", RECALL),
    Prompt("Berlin is the capital of [MASK].", "germany", RECALL),
    Prompt("People in Brazil speak [MASK].", "portuguese", RECALL),
    Prompt("Egypt is a country in [MASK].", "africa", RECALL),
    Prompt("The opposite of hot is [MASK].", "cold", RECALL),
    Prompt("The opposite of rich is [MASK].", "poor", RECALL),
    Prompt("The day after Monday is [MASK].", "tuesday", RECALL),
    Prompt("Two plus three is [MASK].", "five", RECALL),
    Prompt("Snow is [MASK].", "white", RECALL),
    Prompt("A doctor works in a [MASK].", "hospital", RECALL),
    Prompt("A young cat is called a [MASK].", "kitten", RECALL),
    Prompt("We cut bread with a [MASK].", "knife", RECALL),
    Prompt("A rose is a [MASK].", "flower", RECALL),
    Prompt("A dog is a kind of [MASK].", "animal", RECALL),
    Prompt("Paris is the capital of [MASK], and Rome is the capital of Italy.", "france", "two facts in one sentence"),
    Prompt("Mary has a cat. The cat is black. Mary loves [MASK] black cat.", "her", PATTERN),
    Prompt("Tom has a dog. The dog is white. Tom loves [MASK] white dog.", "his", PATTERN),
    Prompt("Anna lost her key. Then Peter found the [MASK].", "key", PATTERN),
    Prompt("Tom gave the ball to Anna. Now [MASK] has the ball.", "anna", PATTERN),
    Prompt("Lucy was sad because she lost her ring. Then Ben gave [MASK] a new ring, and Lucy was happy.", "her",
           PATTERN),
    Prompt('"Where is my hat?" said Max. "It is in the garden," said Kate. So Max went to the [MASK] and found his '
           "hat.", "garden", PATTERN),
    Prompt("Sara has a horse. The horse is brown. Sara loves her brown [MASK].", "horse", PATTERN),
    Prompt("The opposite of the opposite of hot is [MASK].", "hot", "needs a thought"),
    Prompt("She played the [MASK] very well.", "piano", PROSE),
    Prompt("The boy [MASK] a letter to his mother.", "wrote", PROSE),
    Prompt("He put on his [MASK] because it was cold.", "coat", PROSE),
    Prompt("The children are playing in the [MASK].", "park", PROSE),
]  # fmt: skip


def choices(model: Any, tokenizer: Any, prompts: list[Prompt] = PROMPTS, count: int = 5) -> list[dict[str, Any]]:
    """For every prompt the model's first words with their probabilities, and whether the first is the wanted one."""
    found = []
    for prompt in prompts:
        batch = tokenizer([prompt.text.replace("[MASK]", tokenizer.mask_token)], return_tensors="np")
        place = int((batch["input_ids"][0] == tokenizer.mask_token_id).argmax())
        logits = model(**batch).logits[0, place].astype(np.float64)
        probabilities = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        best = np.argsort(-probabilities)[:count].tolist()
        words = [tokenizer.decode([token]).strip() for token in best]
        found.append({
            **prompt._asdict(), "right": words[0].lower() == prompt.wanted,
            "top": [[word, round(float(probabilities[token]), 3)] for word, token in zip(words, best, strict=True)],
        })  # fmt: skip
    return found
