# %% [markdown]
# # 8. RoBERTa and RemBERT, as differences from BERT
#
# At the end of this tutorial you can turn a BERT into a RoBERTa or a RemBERT, in your head and in a port: you know each
# difference, where it sits, and what goes wrong without it. The layers are the same in all three models. What differs
# is what comes before them, what comes after them, and how text becomes ids.
#
# Three small trained models stand for the three families: tiny-bert, tiny-roberta and tiny-rembert. All have two layers
# of width 128.

# %%
import json
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

import minibert as mb

# %%
FAMILIES = ["bert", "roberta", "rembert"]
tokenizers = {family: mb.AutoTokenizer.from_pretrained(f"tiny-{family}") for family in FAMILIES}
models = {family: mb.AutoModelForMaskedLM.from_pretrained(f"tiny-{family}").to("float64") for family in FAMILIES}
weights = {family: model.state_dict() for family, model in models.items()}

# %% [markdown]
# ## What the checkpoints have in common
#
# The encoder of each family has its name in front: `bert.`, `roberta.`, `rembert.`. Cut it off, and compare names and
# shapes of the parameters.


# %%
def shapes(family):
    return {name.removeprefix(f"{family}."): array.shape for name, array in weights[family].items()}


common = {name for name, shape in shapes("bert").items() if all(shapes(f).get(name) == shape for f in FAMILIES)}
layers = {name for name in shapes("bert") if name.startswith("encoder.layer.")}
print(len(common), "parameters have the same name and shape everywhere, the layers have", len(layers))
assert layers == common

# %% [markdown]
# All of the layers, and nothing else. Here is what is left of each, without the biases:

# %%
for family in FAMILIES:
    print(family)
    for name, shape in shapes(family).items():
        if name not in common and name.endswith("weight"):
            print("   ", name, shape)

# %% [markdown]
# Read it slowly; the rest of this page explains it. RoBERTa has 130 positions where BERT has 128, one token type where
# BERT has two, and a head of another name. RemBERT has embeddings of width 96, a map from 96 to 128, and a `decoder`
# that the others lack.
#
# ## RoBERTa
#
# RoBERTa (Liu et al. 2019) is a BERT that was trained otherwise: longer, on more text, without the task of the next
# sentence (section 4.2 of the paper), with new masks in every round (4.1). None of that is visible in the forward pass.
# What is visible comes mostly from the code it was written in.
#
# ### The claim: BERT computes RoBERTa
#
# If the layers are the same, then the class `BertModel` with RoBERTa's weights must compute RoBERTa. It needs three
# settings: the sizes of the two tables, the epsilon of LayerNorm (1e-5, where BERT has 1e-12), and other positions.

# %%
roberta = mb.RobertaModel.from_pretrained("tiny-roberta", add_pooling_layer=False).to("float64")
fields = ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
          "max_position_embeddings", "type_vocab_size", "layer_norm_eps"]  # fmt: skip
config = mb.BertConfig(**{field: getattr(roberta.config, field) for field in fields})
bert = mb.BertModel(config, add_pooling_layer=False).to("float64")
bert.load_state_dict(roberta.state_dict())

# %%
text = "Tom gave the ball to Anna. Now <mask> has the ball."
ids = tokenizers["roberta"](text, return_tensors="np")["input_ids"]
wanted = roberta(input_ids=ids).last_hidden_state
naive = bert(input_ids=ids).last_hidden_state
shifted = bert(input_ids=ids, position_ids=2 + np.arange(ids.shape[1])[None]).last_hidden_state
print(f"naive: off by {np.abs(naive - wanted).max():.2f}")

# %%
np.testing.assert_allclose(shifted, wanted, atol=1e-12)
assert np.abs(naive - wanted).max() > 1

# %% [markdown]
# With positions that start at 2, BERT is RoBERTa to the last digits. A port that forgets this has vectors that are far
# off, and no error.
#
# ### Positions: counted from the padding token
#
# Why 2? RoBERTa's `<pad>` has the id 1, and the row of that number in the *position* table is kept for padding. Real
# tokens count on from there. With the padding id $p$ and tokens $x_t$:
#
# $$\text{position}_t = p + [x_t \ne p] \cdot \sum_{s \le t} [x_s \ne p].$$


# %%
def positions(ids, pad=1):
    real = ids != pad
    return pad + np.cumsum(real, axis=1) * real


pair = tokenizers["roberta"](["Tom runs.", "Anna gave Tom the ball."], padding=True, return_tensors="np")
print(pair["input_ids"])
print(positions(pair["input_ids"]))

# %%
trace = mb.Trace("*.position_ids")
roberta(**pair, trace=trace)
assert np.array_equal(trace["embeddings.position_ids"], positions(pair["input_ids"]))
print("rows in the table:", weights["roberta"]["roberta.embeddings.position_embeddings.weight"].shape[0])

# %% [markdown]
# So the table of 130 rows serves texts of 128 tokens: row 0 is never used, and row 1 belongs to padding.
#
# Positions that skip padding have a consequence. Put the padding on the *left*: in RoBERTa the tokens keep their
# positions, in BERT they move.


# %%
def change_by_left_padding(family, text):
    ids = tokenizers[family](text, return_tensors="np")["input_ids"]
    padded = np.pad(ids, ((0, 0), (3, 0)), constant_values=tokenizers[family].pad_token_id)
    mask = (padded != tokenizers[family].pad_token_id).astype(int)
    plain = models[family](input_ids=ids).logits
    return np.abs(models[family](input_ids=padded, attention_mask=mask).logits[:, 3:] - plain).max()


# %%
changes = {family: change_by_left_padding(family, "Tom gave the ball to Anna.") for family in FAMILIES}
print({family: f"{change:.3f}" for family, change in changes.items()})
assert changes["roberta"] < 1e-10
assert min(changes["bert"], changes["rembert"]) > 0.1

# %% [markdown]
# BERT and RemBERT count the padding: they need it on the right, or `position_ids` that say otherwise.
#
# ### One token type
#
# BERT marks the second sentence of a pair by a token type of 1. RoBERTa has only type 0, and marks the border by two
# `</s>` between the sentences.

# %%
for family in FAMILIES:
    two = tokenizers[family]("Anna sleeps.", "Tom runs.", return_token_type_ids=True)
    print(" ".join(two.tokens()))
    print(two["token_type_ids"])
    assert (1 in two["token_type_ids"]) == (family != "roberta")

# %%
try:
    roberta(input_ids=[[0, 100, 2]], token_type_ids=[[0, 1, 1]])
except mb.InputError as error:
    print(error)

# %% [markdown]
# ### Byte-level BPE
#
# BERT's WordPiece knows characters; what is not in its vocabulary becomes `[UNK]`, and is lost. RoBERTa's tokenizer
# (Liu et al. 2019, section 4.4; from GPT-2, Radford et al. 2019, section 2.2) starts from bytes. There are 256 of them,
# all are in the vocabulary, so every text has ids, and the ids give the text back.

# %%
for sample in ["Anna's dog sleeps.", "Café", "北京 🙂"]:
    for family in FAMILIES:
        found = tokenizers[family](sample)
        back = tokenizers[family].decode(found["input_ids"], skip_special_tokens=True)
        print(f"{family:8} {' '.join(found.tokens()[1:-1]):30} -> {back!r}")
        assert family != "roberta" or back == sample

# %% [markdown]
# RoBERTa gives back all three, upper case and blanks included. Its tokens look odd, because each byte is shown as one
# visible character: most Latin letters as themselves, the others as characters from 256 on. A blank is byte 32, and
# becomes `Ġ`. So `Ġdog` is a dog after a blank, and `dog` is another token.

# %%
visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
others = [byte for byte in range(256) if byte not in visible]
shown = {byte: chr(byte) for byte in visible} | {byte: chr(256 + i) for i, byte in enumerate(others)}
print("é has the bytes", list("é".encode()), "shown as", [shown[byte] for byte in "é".encode()])
print("a blank is shown as", shown[32])

# %% [markdown]
# Byte-pair encoding (Sennrich et al. 2016, section 3.2) has a list of merges in the order in which they were learned.
# A word starts as its bytes. Of all pairs of neighbours, the one that stands earliest in the list is merged, until none
# is in the list.

# %%
with tempfile.TemporaryDirectory() as folder:
    tokenizers["roberta"].save_pretrained(folder)
    merges = Path(folder, "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    tokenizers["rembert"].save_pretrained(folder)
    unigram = json.loads(Path(folder, "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
rank = {tuple(line.split()): i for i, line in enumerate(merges)}


# %%
def bpe(word):
    pieces = [shown[byte] for byte in word.encode()]
    while pairs := [pair for pair in pairwise(pieces) if pair in rank]:
        i = list(pairwise(pieces)).index(min(pairs, key=rank.get))
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
        print("  ", " ".join(pieces))
    return pieces


# %%
pieces = bpe(" Paris")
assert pieces == tokenizers["roberta"].tokenize(" Paris")

# %% [markdown]
# ## RemBERT
#
# RemBERT (Chung et al. 2020) is made for many languages, and so for a large vocabulary: 250,300 tokens in the released
# model. At that size most parameters of a BERT-base would be embeddings. The paper asks where they are worth their
# place.
#
# ### Narrow embeddings, and a map
#
# The input embeddings have width $E$, less than the hidden width $D$. All three of them, word, position and type, are
# added and normalised at width $E$. Then one linear map widens the result:
#
# $$h = \text{LayerNorm}(w + p + t)\,M^\top + b, \qquad M \in \mathbb{R}^{D \times E}.$$

# %%
text = "Die Hauptstadt von Russland ist [MASK]."
batch = tokenizers["rembert"](text, return_tensors="np")
trace = mb.Trace()
logits = models["rembert"](**batch, trace=trace).logits
print(trace["rembert.embeddings"].shape, "->", trace["rembert.encoder.embedding_hidden_mapping_in"].shape)

# %%
w = weights["rembert"]
name = "rembert.encoder.embedding_hidden_mapping_in"
by_hand = trace["rembert.embeddings"] @ w[f"{name}.weight"].T + w[f"{name}.bias"]
np.testing.assert_allclose(trace[name], by_hand, atol=1e-12)

# %% [markdown]
# What is gained, and what is lost? A table of $V$ words and width $D$ has $V D$ numbers; this has $V E + E D$. In
# exchange, the vectors that enter the first layer lie in a space of only $E$ dimensions (shifted by $b$). The words
# alone, through the map:

# %%
vectors = w["rembert.embeddings.word_embeddings.weight"] @ w[f"{name}.weight"].T
of_bert = weights["bert"]["bert.embeddings.word_embeddings.weight"]
print(vectors.shape, "of rank", np.linalg.matrix_rank(vectors))
print(of_bert.shape, "of rank", np.linalg.matrix_rank(of_bert), "in tiny-bert")

# %% [markdown]
# ### An output embedding of its own
#
# In BERT the output head multiplies by the word embeddings once more: the two are *tied*. In RemBERT the head has its
# own matrix, the decoder, of width $O$, which need not be $E$ or $D$. In both, the last step is a product:

# %%
last = trace["cls.predictions.LayerNorm"]
decoder = w["cls.predictions.decoder.weight"]
np.testing.assert_allclose(logits, last @ decoder.T + w["cls.predictions.decoder.bias"], atol=1e-10)
print(last.shape, decoder.shape, w["rembert.embeddings.word_embeddings.weight"].shape)

# %%
trace_b = mb.Trace()
logits_b = models["bert"](input_ids=[[2, 95, 4, 3]], trace=trace_b).logits
tied = weights["bert"]["bert.embeddings.word_embeddings.weight"]
last_b = trace_b["cls.predictions.transform"]
np.testing.assert_allclose(logits_b, last_b @ tied.T + weights["bert"]["cls.predictions.bias"], atol=1e-10)

# %% [markdown]
# Why untie them? After pretraining, a classifier has no use for the output embedding: it is thrown away. So it may be
# large while it teaches, and the input embedding, which stays, may be small. With the sizes of the released model:

# %%
released = mb.RemBertConfig()
V, D = released.vocab_size, released.hidden_size
narrow, wide = released.input_embedding_size, released.output_embedding_size
print(f"V {V}, D {D}, E {narrow}, O {wide}; numbers in millions:")
print(f"one tied table: {V * D / 1e6:.1f}")
print(f"RemBERT's input, which stays: {(V * narrow + narrow * D) / 1e6:.1f}")
print(f"RemBERT's output, which goes: {V * wide / 1e6:.1f}")

# %% [markdown]
# The same is seen in the small one: the model without a head has none of the decoder's numbers.

# %%
bare = mb.RemBertModel.from_pretrained("tiny-rembert", add_pooling_layer=False)
head = sum(array.size for name, array in w.items() if name.startswith("cls."))
print(models["rembert"].num_parameters(), "with the head,", bare.num_parameters(), "without")
assert models["rembert"].num_parameters() - bare.num_parameters() == head
assert not any("decoder" in name for name in bare.state_dict())

# %% [markdown]
# ### Unigram: the likeliest cut
#
# RemBERT's tokenizer is SentencePiece's Unigram (Kudo 2018, section 3.2). A blank becomes `▁` and belongs to the word
# after it. Each piece has a logarithm of a probability. Of all ways to cut a text the one with the largest sum is
# taken: not the first merge, not the longest piece, but the best whole.

# %%
score = dict(unigram)
for cut in [["▁dog"], ["▁d", "o", "g"], ["▁", "do", "g"]]:
    print(f"{' '.join(cut):8} {sum(score[piece] for piece in cut):8.3f}")

# %% [markdown]
# The best cut of a text of $n$ characters is found from left to right. The best way to reach place $j$ comes from some
# place $i$ by a piece: `best[j] = max(best[i] + score[text[i:j]])`. This is Viterbi's algorithm.


# %%
def best_cut(text):
    best = {0: (0.0, [])}
    for j in range(1, len(text) + 1):
        ways = [(best[i][0] + score[text[i:j]], [*best[i][1], text[i:j]]) for i in best if text[i:j] in score]
        if ways:
            best[j] = max(ways)
    return best[len(text)]


# %%
total, pieces = best_cut("▁The▁unhappy▁dogs")
print(f"{total:.3f}", pieces)
assert pieces == tokenizers["rembert"].tokenize("The unhappy dogs")

# %% [markdown]
# Upper case and accents stay: the vocabulary is for languages in which they matter. A character that no piece has
# becomes `[UNK]`, as in BERT: we saw it with *北京* above.
#
# ### One model, six languages
#
# It was trained on simple sentences in English, French, German, Spanish, Italian and Russian. These facts stand in its
# training text; it has learned them by heart.

# %%
fill = mb.pipeline("fill-mask", model=models["rembert"], tokenizer=tokenizers["rembert"])
capitals = {"The capital of Italy is [MASK].": "Rome", "La capitale de l'Espagne est [MASK].": "Madrid",
            "Die Hauptstadt von Russland ist [MASK].": "Moskau", "La capital de Japón es [MASK].": "Tokio",
            "La capitale della Grecia è [MASK].": "Atene", "Столица Франции — [MASK].": "Париж"}  # fmt: skip
for text, wanted in capitals.items():
    said = fill(text)[0]["token_str"]
    print(f"{text:40} {said}")
    assert said.strip() == wanted

# %% [markdown]
# ## The heads
#
# For a task, a head stands on the encoder. The head that predicts words we have seen. Of the others only one differs:
# that which gives a class to a whole text. Here are its parameters in each family, from small models with random
# weights.

# %%
for family, name in zip(FAMILIES, ["Bert", "Roberta", "RemBert"]):
    fresh = getattr(mb, f"{name}ForSequenceClassification")(models[family].config)
    names = [name for name in fresh.state_dict() if "encoder" not in name and "embeddings" not in name]
    print(f"{family:8}", [name for name in names if name.endswith("weight")])

# %% [markdown]
# BERT: the first token's vector goes through the *pooler*, a linear map and a tanh, and then to the classifier. RoBERTa
# has no pooler here; its head has a `dense` and an `out_proj`. Is that another formula? Give both the same numbers:

# %%
of_bert = mb.BertForSequenceClassification(config, seed=1).to("float64")
of_roberta = mb.RobertaForSequenceClassification(roberta.config).to("float64")
renamed = {}
for name, array in of_bert.state_dict().items():
    own = name.replace("classifier.", "classifier.out_proj.").replace("bert.pooler.dense", "classifier.dense")
    renamed[own.replace("bert.", "roberta.")] = array

# %%
of_roberta.load_state_dict(renamed)
classes = of_bert(input_ids=ids, position_ids=positions(ids)).logits
np.testing.assert_allclose(of_roberta(input_ids=ids).logits, classes, atol=1e-12)
print("the same logits, of shape", classes.shape)

# %% [markdown]
# The arithmetic is the same; only names differ. What differs is where the numbers come from: BERT's pooler was
# pretrained, with the task of the next sentence, and RoBERTa's `dense` is new and learns with the task. For the same
# reason only BERT has the classes `BertForPreTraining` and `BertForNextSentencePrediction`.
#
# ## All of it in a table
#
# | | BERT | RoBERTa | RemBERT |
# |---|---|---|---|
# | layers | the same | the same | the same |
# | first position | 0 | padding id + 1 | 0 |
# | padding has a position | as any token | one of its own | as any token |
# | token types | 2 | 1 | 2 |
# | epsilon of LayerNorm | 1e-12 | 1e-5 | 1e-12 |
# | width of the embeddings | D | D | E, then a map to D |
# | output matrix | the word embeddings | the word embeddings | its own, of width O |
# | tokenizer | WordPiece | byte-level BPE | Unigram |
# | a pair | `[CLS] A [SEP] B [SEP]` | `<s> A </s></s> B </s>` | `[CLS] A [SEP] B [SEP]` |
# | class of a text | pooler, classifier | head with dense and out_proj | pooler, classifier |
# | next sentence | yes | no | no |
#
# ## Exercises
#
# 1. How many tokens may a text have in tiny-roberta? Try one more, and read the error.
# 2. RoBERTa's table of token types has one row, added to every token. Fold it into the position table and set it to
#    zero. Do the outputs change?
# 3. Cut `▁` + *dog* in all ways that Unigram's vocabulary allows. How many are there, and which are the best two?
#
# ## Answers
#
# 1. 128 tokens: the positions 2 to 129.

# %%
assert roberta(input_ids=np.full((1, 128), 100)).last_hidden_state.shape == (1, 128, 128)
try:
    roberta(input_ids=np.full((1, 129), 100))
except mb.InputError as error:
    print(error)

# %% [markdown]
# 2. They do not change: a sum does not know where its terms come from.

# %%
state = {name: array.copy() for name, array in roberta.state_dict().items()}
state["embeddings.position_embeddings.weight"] += state["embeddings.token_type_embeddings.weight"]
state["embeddings.token_type_embeddings.weight"][:] = 0.0
folded = mb.RobertaModel(roberta.config, add_pooling_layer=False).to("float64")
folded.load_state_dict(state)
again = folded(input_ids=ids).last_hidden_state
np.testing.assert_allclose(again, roberta(input_ids=ids).last_hidden_state, atol=1e-12)

# %% [markdown]
# 3. Every way is a choice of the first piece and a cut of the rest.


# %%
def all_cuts(text):
    if not text:
        return [[]]
    firsts = [text[:end] for end in range(1, len(text) + 1) if text[:end] in score]
    return [[first, *rest] for first in firsts for rest in all_cuts(text[len(first) :])]


cuts = sorted(all_cuts("▁dog"), key=lambda cut: -sum(score[piece] for piece in cut))
print(len(cuts), [(cut, round(sum(score[piece] for piece in cut), 3)) for cut in cuts[:2]])
assert cuts[0] == best_cut("▁dog")[1]

# %% [markdown]
# This is the last tutorial. From here, `CONTRIBUTING.md` has the map of the code, `docs/golden.md` tells porters more,
# and [01_first_look](01_first_look.ipynb) is where it began.
