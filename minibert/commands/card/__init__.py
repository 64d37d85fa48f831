"""A checkpoint's card, what `minibert info` shows: read from the configuration and the headers, never the values."""

from minibert.commands.card.gather import gather_card
from minibert.commands.card.text import card_text

__all__ = ["card_text", "gather_card"]
