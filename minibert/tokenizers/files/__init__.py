"""Files of a tokenizer: vocab.txt, vocab.json and merges.txt, tokenizer.json, sentencepiece.model, a folder of them."""
