"""The lesson: the stages from a text to its ids, each a file of plain functions and one object that uses them.

In the order in which a text meets them:

    added_tokens                            special tokens are found and kept whole
    normalizers, unigram_normalizer         1. normalise; charsmap is the map inside a SentencePiece model
    pre_tokenizers                          2. cut into words
    wordpiece, byte_bpe, unigram            3. cut words into pieces
    template, post_processors, trimming     4. put special tokens around; RoBERTa's offsets without blanks
    decoding                                and back to text

`pipeline` runs a text through them. `aligned_text` remembers where each character comes from. `vocabulary` and
`special_tokens` know tokens, ids and roles. `stage` says what each stage promises, `records` what it tells of its work.
"""
