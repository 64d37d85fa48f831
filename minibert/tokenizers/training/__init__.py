"""Learning a vocabulary from texts: `train_wordpiece`, `train_bpe`, `train_unigram`.

Each takes an iterable of texts and gives a small object that holds the vocabulary and saves the files
that the tokenizer of the family loads. All are deterministic: the same texts give the same files. Each
takes `on_step`, a function that is called with every step of the training as data: `steps = []`,
`on_step=steps.append` shows on a toy corpus what happens.

    counting      words of the texts, with how often they stand there
    merges        the loop that BPE and WordPiece share: join the most frequent pair, again and again
    bpe, wordpiece      what differs between the two
    suffix_array  the substrings of a text that repeat
    unigram_em    how probable pieces are, and which can go
    unigram       seeds, rounds of both, and the final vocabulary
"""
