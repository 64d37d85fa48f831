"""Files: read with suspicion, written whole or not at all. The lowest floor; knows nothing of what stands in them."""
