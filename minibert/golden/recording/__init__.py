"""Making packs: one run of a model, or of its reference, value by value; and the ladder of cases to record."""
