"""Text from a decoder, token by token: greedy, sampled, or by beam search.

This package calls a model and knows nothing of what is inside it, so that models may import it.
"""

from minibert.generation.generate import GenerateOutput, generate
from minibert.generation.options import Options
from minibert.generation.streamers import TextStreamer

__all__ = ["GenerateOutput", "Options", "TextStreamer", "generate"]
