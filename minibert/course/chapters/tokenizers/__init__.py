"""Text to ids: the cuts that a vocabulary makes, and how it is learned."""
