"""Around the stages: arguments of a call, truncation, padding, tensors, and the questions that a result answers."""
