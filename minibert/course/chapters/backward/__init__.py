"""The gradients, each beside the forward that it belongs to."""
