"""Text to ids and back: WordPiece (BERT), byte-level BPE (RoBERTa) and Unigram (RemBERT).

    stages/      the lesson: what is done to a text, stage by stage, plainly
    fast/        the same, remembered: words and chunks that were met before
    calls/       arguments of a call, truncation, padding, tensors, questions to a result
    files/       vocab.txt, merges.txt, tokenizer.json, sentencepiece.model, folders
    training/    learning a vocabulary

`bert`, `roberta` and `rembert` say which stages a family has; `tokenizer` holds what they share; `explain` shows
every step for a text; `auto` chooses the family by a folder's files; `profiles` lists where the references differ.
"""
