# %% [markdown]
# # 2. Text to ids
#
# A model reads numbers. This page goes from a text to those numbers, and back. At its end you can
#
# * cut a word into pieces by hand in the three ways that BERT, RoBERTa and RemBERT use: WordPiece, byte-level BPE and
#   Unigram;
# * read every step of a real tokenizer with `tokenizer.explain`;
# * say what special tokens, token types, offsets, padding and truncation are for;
# * say what each family does with accents, with Chinese characters and with blanks, and why;
# * learn a small vocabulary from your own sentences.

# %%
from collections import Counter
from itertools import pairwise

import numpy as np

import minibert as mb

# %% [markdown]
# ## Why pieces
#
# A *vocabulary* is a list of strings; the place of a string in the list is its *id*. The simplest one is a list of
# words. It fails on every word that is not in it, even if a word that is nearly the same is there:

# %%
ids = {"the": 0, "dog": 1, "sleeps": 2}
print([ids.get(word, "unknown") for word in ["the", "dogs", "sleep"]])

# %% [markdown]
# A list of letters knows nearly every word, but then a text is a long row of tokens that each mean little. All three
# families take the middle: frequent words whole, other words in *pieces*, down to single letters. They differ in how a
# word is cut.
#
# ## WordPiece: the longest piece first
#
# This is BERT's way (Wu et al. 2016, arXiv:1609.08144, section 4.1, and Google's code for BERT). A piece that does not
# begin a word is written with `##` before it, so `able` at the start of a word and `##able` inside one are two tokens.
# To cut a word, take the longest piece that fits its start, then the longest that fits what is left, and so on. One
# such step:


# %%
def longest_piece(rest, prefix, vocab):
    for end in range(len(rest), 0, -1):  # the longest first
        if prefix + rest[:end] in vocab:
            return rest[:end]
    return ""  # nothing fits


# %%
pieces = ["un", "##aff", "##able", "##a", "##ble", "ab", "a", "##bc"]
print(longest_piece("unaffable", "", pieces), longest_piece("affable", "##", pieces))

# %% [markdown]
# `##a` fits `affable` too, but `##aff` is longer. The algorithm repeats this step. Where nothing fits, the *whole* word
# becomes `[UNK]`, the unknown token, even if its beginning was found:


# %%
def wordpiece(word, vocab):
    found, prefix = [], ""
    while word:
        piece = longest_piece(word, prefix, vocab)
        if not piece:
            return ["[UNK]"]
        found, word, prefix = [*found, prefix + piece], word[len(piece) :], "##"
    return found


# %%
print(wordpiece("unaffable", pieces), wordpiece("unaffables", pieces))
assert wordpiece("unaffable", pieces) == ["un", "##aff", "##able"]
assert wordpiece("unaffables", pieces) == ["[UNK]"]

# %% [markdown]
# The search is *greedy*: it never takes a piece back, so it can miss a cut that exists. `abc` could be `a ##bc`. But
# the longest piece at the start is `ab`, and then `##c` is missing:

# %%
assert {"a", "##bc"} <= set(pieces)
assert wordpiece("abc", pieces) == ["[UNK]"]

# %% [markdown]
# Now minibert's tokenizer with the same pieces. A `BertTokenizer` wants five special tokens as well; they come up
# below. It cuts as we did:

# %%
special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
toy_bert = mb.BertTokenizer(vocab={token: i for i, token in enumerate(special + pieces)})
for word in ["unaffable", "unaffables", "abc", "a"]:
    assert toy_bert.tokenize(word) == wordpiece(word, pieces)

# %% [markdown]
# `explain` shows every piece that was looked up, in order. `un` has the id 5, because five special tokens stand before
# it:

# %%
print(toy_bert.explain("unable"))

# %% [markdown]
# ## Byte-level BPE: join the first pair of a list
#
# This is RoBERTa's way (Sennrich et al. 2016, arXiv:1508.07909, section 3.2). The vocabulary comes with a list of
# *merges*, pairs that may be joined. A word starts as single letters. Of all pairs of neighbours that are in the list,
# the one that stands first *in the list* is joined. Then the search begins again, until no pair is left. (The pairs of
# `low` are `l o` and `o w`.)


# %%
def bpe(symbols, merges):
    symbols = list(symbols)
    while known := [pair for pair in merges if pair in pairwise(symbols)]:
        i = list(pairwise(symbols)).index(known[0])  # where it stands first
        symbols[i : i + 2] = ["".join(known[0])]
    return symbols


# %% [markdown]
# Here `bpe` may use the first merge of a list of four, then the first two, and so on (`Ġ` stands for a blank, see
# below):

# %%
merges = [("l", "o"), ("e", "r"), ("lo", "w"), ("Ġ", "low")]
for count in range(5):
    print(f"with {count} merges:", *bpe("lower", merges[:count]))
assert bpe("lower", merges) == ["low", "er"]

# %% [markdown]
# `e r` is joined before `lo w`, because it stands earlier in the list; its place in the word does not matter.
#
# *Byte-level* means that the single letters are not characters, but the bytes of the text in UTF-8. There are 256
# different bytes, and RoBERTa has all of them in its vocabulary, so nothing is ever unknown. A character is one to four
# bytes:

# %%
for char in "eé東🙂":
    print(char, list(char.encode("utf-8")))

# %% [markdown]
# So that a vocabulary can be printed, each byte is written as one visible character, by a table that GPT-2 brought.
# Printable ASCII stands for itself, and the blank is `Ġ`. A blank belongs to the word after it: ` low` is `Ġlow`.

# %%
from minibert.tokenizers.stages.byte_bpe import to_byte_chars

print(to_byte_chars(" low é"))
assert bpe(to_byte_chars(" low"), merges) == ["Ġlow"]

# %% [markdown]
# minibert's tokenizer with these merges (and, of the 256 bytes, those that we need). It first cuts the text into words,
# then merges inside each word:

# %%
letters = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"Ġelorw"]
joined = ["".join(pair) for pair in merges]
vocab = {token: i for i, token in enumerate(letters + joined)}
toy_roberta = mb.RobertaTokenizer(vocab=vocab, merges=merges)
assert toy_roberta.tokenize("lower low") == bpe("lower", merges) + bpe("Ġlow", merges)

# %% [markdown]
# `explain` shows every merge with its place in the list:

# %%
print(toy_roberta.explain("lower low"))

# %% [markdown]
# ## Unigram: the most probable cut
#
# This is RemBERT's way (Kudo 2018, arXiv:1804.10959, section 3.2; the program for it is SentencePiece). Every piece has
# a probability, and a cut is as probable as the product over its pieces. In logarithms the product is a sum. Of all
# cuts $S(X)$ of the text $X$ the best one is taken:
#
# $$x^* = \underset{x \in S(X)}{\mathrm{argmax}} \; \sum_i \log p(x_i)$$
#
# The blank is written `▁`, a visible character, and one is put before the text. The naive version tries all cuts.
# `scores` are the logarithms $\log p$, which we make up here:

# %%
scores = {"▁hug": -3.0, "▁hu": -3.2, "▁h": -4.0, "ug": -3.1, "gs": -2.9}
scores |= {"g": -4.5, "s": -4.0}

# %% [markdown]
# Every cut begins with a piece that fits, followed by a cut of the rest:


# %%
def cuts(text):
    if not text:
        return [[]]
    sizes = [size for size in range(1, len(text) + 1) if text[:size] in scores]
    return [[text[:size], *rest] for size in sizes for rest in cuts(text[size:])]


# %%
for cut in cuts("▁hugs"):
    print(f"{sum(scores[piece] for piece in cut):6.1f}  {' '.join(cut)}")

# %% [markdown]
# `▁hu gs` wins, because its sum is the largest. A greedy search would have begun with the longest piece, `▁hug`, and
# ended with the second best.
#
# A text of $n$ characters has up to $2^{n-1}$ cuts, too many to try. The *Viterbi* algorithm goes from left to right
# and keeps, for each place, only the best cut that ends there. Nothing is lost by that: if the last piece of the best
# cut begins at `start`, what stands before it must be the best cut up to `start`. (What is no piece gets minus
# infinity, so it never wins.)


# %%
def viterbi(text):
    best = {0: (0.0, [])}  # place: (sum, pieces) of the best cut that ends there
    for end in range(1, len(text) + 1):
        last = {start: scores.get(text[start:end], -np.inf) for start in best}
        start = max(best, key=lambda start: best[start][0] + last[start])
        best[end] = best[start][0] + last[start], [*best[start][1], text[start:end]]
    return best[len(text)]


# %%
total, cut = viterbi("▁hugs")
print(f"{total:.1f}", cut)
assert cut == max(cuts("▁hugs"), key=lambda cut: sum(scores[piece] for piece in cut))

# %% [markdown]
# minibert's tokenizer with the same scores. A SentencePiece model is a list of pieces with their scores, and one piece
# that stands for the unknown:

# %%
from minibert.tokenizers.stages.pieces import Piece, PieceType, SentencePieceModel

unknown = Piece("[UNK]", 0.0, PieceType.UNKNOWN)
known = [Piece(text, score) for text, score in scores.items()]
toy_rembert = mb.RemBertTokenizer(model=SentencePieceModel((unknown, *known)))
assert toy_rembert.tokenize("hugs") == viterbi("▁hugs")[1]

# %% [markdown]
# `explain` shows the *lattice*: every piece that fits somewhere, its score, and the best sum of a cut that ends with
# it. A character that is no piece is unknown. It may be used too, but with a score 10 below the lowest one (here -4.5 -
# 10 = -14.5), so it is taken only where nothing else fits:

# %%
print(toy_rembert.explain("hugs"))

# %% [markdown]
# ## Three real tokenizers
#
# Three small models come with minibert. Their vocabularies have about 4,000 tokens each; those of the published
# models have 30,522 (BERT, uncased), 50,265 (RoBERTa) and 250,300 (RemBERT).

# %%
bert = mb.AutoTokenizer.from_pretrained("tiny-bert")
roberta = mb.AutoTokenizer.from_pretrained("tiny-roberta")
rembert = mb.AutoTokenizer.from_pretrained("tiny-rembert")
print(len(bert), len(roberta), len(rembert))


# %%
def show(text):
    for tokenizer in (bert, roberta, rembert):
        print(f"{type(tokenizer).__name__:17}", *tokenizer.tokenize(text))


show("My dog is unbelievable.")

# %% [markdown]
# `dog` is one piece for each of them, `unbelievable` is not. All three go through four stages:
#
# 1. *normalise*: clean the text, perhaps lower-case it;
# 2. *pre-tokenise*: cut it into words;
# 3. the *model*: cut each word into pieces, as above;
# 4. *post-process*: put special tokens around.
#
# The third we have seen. Here are three examples of how the families differ in the first two.
#
# **Accents.** tiny-bert lower-cases, as BERT's uncased models do, and then drops accents too: fewer different words,
# each seen more often. The price is that *résumé* and *resume* are the same. RoBERTa and RemBERT keep case and accents.

# %%
show("Résumé")
assert bert.tokenize("Résumé") == bert.tokenize("resume")
assert roberta.tokenize("Résumé") != roberta.tokenize("resume")
assert rembert.tokenize("Résumé") != rembert.tokenize("resume")

# %% [markdown]
# Unicode can write é as one character, or as an e and a combining accent; on a screen they look the same. RemBERT's
# normalisation (NFKC) makes the first out of the second. RoBERTa takes bytes as they are, and these are different
# bytes:

# %%
one, two = "caf\u00e9", "cafe\u0301"
assert (len(one), len(two)) == (4, 5)
assert rembert.tokenize(one) == rembert.tokenize(two)
assert roberta.tokenize(one) != roberta.tokenize(two)

# %% [markdown]
# **Chinese characters.** Chinese and Japanese have no blanks between words. So BERT's normalisation puts blanks around
# each ideograph, and each becomes a word of its own; a whole sentence as one word would soon be one `[UNK]`. RemBERT's
# search needs no words and has no such rule. RoBERTa writes bytes. (None of these three vocabularies was learned from
# Japanese. RemBERT makes one `[UNK]` of several unknown characters in a row.)

# %%
show("東京")
assert bert.tokenize("東京") == ["[UNK]", "[UNK]"]  # one for each character
assert rembert.tokenize("東京") == ["▁", "[UNK]"]  # one for both
assert len(roberta.tokenize("東京")) == 6  # two times three bytes

# %% [markdown]
# **Blanks.** BERT cuts at blanks and forgets them. RemBERT makes one of several. RoBERTa keeps them all, so its ids can
# be turned back (*decoded*) into exactly the text that they came from:

# %%
text = " Two  blanks, an é, 東京 and 🙂"
for tokenizer in (bert, roberta, rembert):
    print(repr(tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"])))
assert roberta.decode(roberta(text, add_special_tokens=False)["input_ids"]) == text

# %% [markdown]
# The price is that RoBERTa has two tokens for one word: at the start of a text, and after a blank. RemBERT avoids that
# by the `▁` which it puts before the text.

# %%
show("the the")
assert len(set(roberta.tokenize("the the"))) == 2
assert len(set(rembert.tokenize("the the"))) == 1

# %% [markdown]
# ## Special tokens and pairs
#
# A call gives what the model takes. `input_ids` has two tokens more than the text. `[CLS]` (*class*) stands at the
# start, and is where a classifier reads its answer; `[SEP]` ends a text.

# %%
batch = bert("My dog sleeps.")
print(batch.tokens())
print(batch["input_ids"])

# %% [markdown]
# Two texts, such as a question and a passage, make one row. `token_type_ids` tell which text a token belongs to (Devlin
# et al. 2018, arXiv:1810.04805, section 3, "Input/Output Representations"):

# %%
pair = bert("My dog sleeps.", "He is old.")
print(*pair.tokens())
print(pair["token_type_ids"])

# %% [markdown]
# RoBERTa has other names for them, puts two separators in the middle, and has no token types: its model has one type
# only.

# %%
pair = roberta("My dog sleeps.", "He is old.")
print(*pair.tokens())
assert "token_type_ids" not in pair

# %% [markdown]
# `[MASK]` stands for a hidden token. A special token that is written in a text is found as such, and not cut:

# %%
print(bert.tokenize("My [MASK] sleeps."))
assert bert("My [MASK] sleeps.")["input_ids"][2] == bert.mask_token_id

# %% [markdown]
# ## Offsets: where a token stands
#
# A model that marks names answers in tokens, but its user wants places in the text. *Offsets* translate: for each
# token, its first character and the one after its last. They count in the original text, before any normalisation.

# %%
text = "Two  Résumés!"
found = bert(text, return_offsets_mapping=True)
for token, (start, end) in zip(found.tokens(), found["offset_mapping"]):
    print(f"{token:6} {start:2} {end:2}  {text[start:end]!r}")

# %% [markdown]
# `[CLS]` and `[SEP]` stand nowhere in the text, which is written 0, 0. Where a character is cut into bytes, each of its
# tokens has the place of the whole character:

# %%
found = roberta("é", add_special_tokens=False, return_offsets_mapping=True)
print(found.tokens(), found["offset_mapping"])
assert found["offset_mapping"] == [(0, 1), (0, 1)]

# %% [markdown]
# ## Padding and truncation: many texts in one array
#
# A batch is an array of shape (B, T): B texts of T tokens. Texts have different lengths, so short ones are filled up
# with `[PAD]`, and `attention_mask` is 0 where a token is only filling:

# %%
texts = ["My dog sleeps.", "The cat and the dog sleep."]
batch = bert(texts, padding=True, return_tensors="np")
print(batch["input_ids"])
print(batch["attention_mask"])

# %% [markdown]
# With the mask, the model's numbers for the first text are those that it has alone. Without it, they are not. (In
# float64, so that rounding does not disturb. `logits` are the model's answers: for each place a score for each token of
# the vocabulary.)

# %%
model = mb.AutoModelForMaskedLM.from_pretrained("tiny-bert").to("float64")
alone = model(**bert(texts[0], return_tensors="np")).logits[0]
padded = model(**batch).logits[0, : len(alone)]
np.testing.assert_allclose(padded, alone, atol=1e-10)

# %%
without_mask = model(input_ids=batch["input_ids"]).logits[0, : len(alone)]
assert np.abs(without_mask - alone).max() > 0.1

# %% [markdown]
# A model also has a longest text; for tiny-bert, `bert.model_max_length` is 128 tokens. *Truncation* cuts a text to
# that, or to a given `max_length`, special tokens included. What was cut off can come as further rows; with `stride=2`
# each repeats two tokens of the one before, so that no word loses its neighbours:

# %%
assert bert.model_max_length == 128
cut = bert(texts[1], truncation=True, max_length=6, stride=2, return_overflowing_tokens=True)
for row in cut["input_ids"]:
    print(*bert.convert_ids_to_tokens(row))
assert max(map(len, cut["input_ids"])) == 6

# %% [markdown]
# ## Where a vocabulary comes from
#
# Vocabularies are learned from text. For BPE (Sennrich et al. 2016, section 3.2) count all pairs of neighbours, join
# the most frequent pair everywhere, and begin again. Here are the four words of that paper, each with the blank before
# it and with the number of times that it occurs. `words` has them as single letters:

# %%
text = " low" * 5 + " lower" * 2 + " newest" * 6 + " widest" * 3
words = {tuple("Ġ" + word): count for word, count in Counter(text.split()).items()}


# %%
def count_pairs(words):
    counts = Counter()
    for symbols, count in words.items():
        for pair in pairwise(symbols):
            counts[pair] += count
    return counts


# %%
print(count_pairs(words).most_common(3))

# %% [markdown]
# Of equally frequent pairs we take the one whose symbols have the smaller ids: the letters in their order, then the
# joined ones as they come. `bpe` from above, with this pair alone as its list, joins it in a word:

# %%
order = sorted({letter for symbols in words for letter in symbols})
learned = []
for _ in range(6):
    counts = count_pairs(words)
    pair = min(counts, key=lambda pair: (-counts[pair], *map(order.index, pair)))
    words = {tuple(bpe(symbols, [pair])): count for symbols, count in words.items()}
    order.append("".join(pair))
    learned.append(pair)

# %%
print(learned)
print([" ".join(symbols) for symbols in words])

# %% [markdown]
# minibert's trainer finds the same merges. The size of the vocabulary counts 5 special tokens, 256 bytes and 6 merges:

# %%
trained = mb.train_bpe([text], 5 + 256 + 6, progress=False)
assert trained.merges == learned
tokenizer = mb.RobertaTokenizer(vocab=trained.vocab, merges=trained.merges)
print(tokenizer.tokenize(" lowest widest low"))

# %% [markdown]
# How Google learned BERT's pieces was never published. `train_wordpiece` follows the Hugging Face library: the same
# loop, with `##` on every letter that does not begin a word. The merges are forgotten; only the pieces stay.

# %%
trained = mb.train_wordpiece([text], 28, progress=False)
print(*list(trained.vocab)[5:])
print(mb.BertTokenizer(vocab=trained.vocab).tokenize("lowest widest low"))

# %% [markdown]
# Unigram is learned the other way round (Kudo 2018, section 3.2): begin with many pieces, estimate how probable each
# is, and drop those that the text needs least, until the wanted number is left. All single letters stay.

# %%
trained = mb.train_unigram([text], 19, progress=False)
rows = sorted((-round(piece.score, 2), piece.text) for piece in trained.model.pieces[5:])
print(*(f"{text} {-score:.2f}" for score, text in rows), sep="  ")
print(mb.RemBertTokenizer(model=trained.model).tokenize("lowest widest low"))

# %% [markdown]
# ## Exercises
#
# 1. With `pieces`, the word `abc` is unknown. Add one piece that makes it known. Can adding pieces make it `a ##bc`?
# 2. Find two merges for which the order matters: `abc` is cut in two ways, depending on which merge stands first.
# 3. How low must the score of `▁hu` be for `▁hug s` to win? Compute the limit, and try both sides of it.

# %%
assert wordpiece("abc", [*pieces, "##c"]) == ["ab", "##c"]
# No: "ab" still fits the start, so the piece that is chosen there is never shorter than "ab".

# %%
print(bpe("abc", [("a", "b"), ("b", "c")]), bpe("abc", [("b", "c"), ("a", "b")]))

# %%
limit = scores["▁hug"] + scores["s"] - scores["gs"]
print(f"{limit:.1f}")
for step in (0.01, -0.01):
    scores["▁hu"] = limit + step
    print(viterbi("▁hugs")[1])

# %% [markdown]
# Next: [03_one_layer_by_hand](03_one_layer_by_hand.ipynb), what the model does with the ids.
