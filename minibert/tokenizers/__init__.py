"""Text to ids and back: WordPiece (BERT), byte-level BPE (RoBERTa) and Unigram (RemBERT).

The files follow the text through the four stages:

    added_tokens      special tokens are found and kept whole
    normalizers       1. normalise (RemBERT: charsmap)
    pre_tokenizers    2. cut into words
    wordpiece, byte_bpe, unigram      3. cut words into pieces
    truncation
    encoding          4. put special tokens around
    padding

`base` runs one text through them, `calling` a whole batch; `bert`, `roberta` and `rembert` are the
families; `tokenizer_json`, `vocabulary_files` and `pretrained` read and write the files.
"""
