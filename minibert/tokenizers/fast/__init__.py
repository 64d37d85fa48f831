"""The same answers as the stages give, remembered: what was found for a word or a chunk is found once."""
