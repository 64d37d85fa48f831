"""From text to answers: a tokenizer and a model put together."""
