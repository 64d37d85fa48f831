"""A pack beside another pack, a port or a model: verdicts on every tensor, and the report of them."""
