# %% [markdown]
# # 1. A first look: from a sentence to an answer, and every number between
#
# At the end of this page you can load a model, give it a sentence with a word missing, read its answer, and look at
# any number that was computed on the way, by name. Nothing is downloaded: `tiny-bert` comes with minibert. It is a real
# BERT, only small (2 layers, 4 heads, vectors of 128 numbers), and was trained on made-up stories, facts and a
# dictionary.

# %%
import numpy as np

import minibert as mb

np.set_printoptions(precision=3, suppress=True, linewidth=110)
tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
model = mb.AutoModelForMaskedLM.from_pretrained("tiny-bert")

# %% [markdown]
# ## Text to numbers
#
# A model computes with numbers, so the tokenizer cuts the text into *tokens* and gives each one a number, its *id*.
# BERT puts `[CLS]` before the text and `[SEP]` after it. `[MASK]` is the word that the model is asked for.

# %%
text = "The capital of France is [MASK]."
batch = tokenizer(text, return_tensors="np")
tokens = tokenizer.convert_ids_to_tokens(batch["input_ids"][0])
list(zip(tokens, batch["input_ids"][0].tolist()))

# %% [markdown]
# The model gets three arrays, each of one row (one sentence) and nine columns (its tokens): the ids; which of two
# sentences a token belongs to (here all to the first); and which tokens are there at all. The last matters when
# sentences of different lengths share a batch: the shorter ones are filled up with `[PAD]`, which nobody may look at.

# %%
for name, array in batch.items():
    print(f"{name:15}", array.shape, array[0])

# %% [markdown]
# ## Numbers to an answer
#
# The model answers with *logits*: for each of the nine places a score for each word of the vocabulary. The higher, the
# better the word fits there.

# %%
logits = model(**batch).logits
print(logits.shape, logits.dtype)
assert logits.shape == (1, len(tokens), len(tokenizer))

# %% [markdown]
# We want the place of `[MASK]`. Softmax turns scores $z$ into probabilities, $p_i = e^{z_i} / \sum_j e^{z_j}$; the
# largest score is subtracted first, which changes nothing but keeps $e^z$ from overflowing.

# %%
place = tokens.index("[MASK]")
scores = logits[0, place]
exponentials = np.exp(scores - scores.max())
probabilities = exponentials / exponentials.sum()
assert abs(probabilities.sum() - 1) < 1e-5

# %%
for id_ in np.argsort(-probabilities)[:5]:
    print(f"{tokenizer.convert_ids_to_tokens(int(id_)):10} {probabilities[id_]:.3f}")

# %% [markdown]
# A *pipeline* does these steps in one call:

# %%
answer = mb.pipeline("fill-mask", model=model, tokenizer=tokenizer)(text)[0]
print(answer["token_str"], round(answer["score"], 3))
assert np.isclose(answer["score"], probabilities.max(), atol=1e-6)

# %% [markdown]
# ## Every number between
#
# Give the model a *trace*, and it writes down what it computes, under the name that the value has in the checkpoint.

# %%
trace = mb.Trace()
model(**batch, trace=trace)
names = list(trace)
print(len(names), "values; the first ones:")
print("\n".join(names[:8]))

# %% [markdown]
# What each of them is can be asked before anything runs: `trace_points` gives name, shape and formula.

# %%
for point in model.trace_points()[:4]:
    print(point.name, point.shape, "=", point.formula)

# %% [markdown]
# Here is the very first step. A token's vector is the sum of three rows: one for the word, one for its place in the
# sentence, one for the sentence it belongs to (BERT, arXiv:1810.04805, figure 2). Let us do it by hand and compare.

# %%
weights = model.state_dict()
table = "bert.embeddings.{}_embeddings.weight"
words = weights[table.format("word")][batch["input_ids"]]
places = weights[table.format("position")][np.arange(len(tokens))]
kinds = weights[table.format("token_type")][batch["token_type_ids"]]
by_hand = words + places + kinds
by_hand.shape

# %%
[name for name in names if "embeddings" in name]

# %%
np.testing.assert_allclose(trace["bert.embeddings.sum"], by_hand, atol=1e-6)
print(by_hand[0, :3, :6])

# %% [markdown]
# ## Who looks at whom
#
# In each layer every token looks at all tokens, several times at once (the *heads*), with weights that sum to 1. Here
# are the weights of the mask, in the last layer, head by head. The tokens stand above.

# %%
looks = trace["bert.encoder.layer.1.attention.self.probs"]
assert np.allclose(looks.sum(axis=-1), 1, atol=1e-5)
print("       ", "  ".join(f"{token:>6}"[:6] for token in tokens))
for head in range(4):
    print(f"head {head} ", "  ".join(f"{share:6.2f}" for share in looks[0, head, place]))

# %% [markdown]
# Which token matters is better asked by changing something: hide each word in turn, and see what is left of the answer.
# The name of the country is what it needs.

# %%
best = int(probabilities.argmax())
for i, token in enumerate(tokens[1:-1], start=1):
    hidden = batch["input_ids"].copy()
    hidden[0, i] = tokenizer.mask_token_id
    scores = model(hidden).logits[0, place]
    share = np.exp(scores - scores.max())[best] / np.exp(scores - scores.max()).sum()
    print(f"{token:8} {share:.3f}")

# %% [markdown]
# ## Exercises
#
# 1. Which word does the model expect in "The opposite of hot is [MASK]."?
# 2. How many numbers does this model consist of? (Sum the sizes of the arrays of `state_dict()`.)
# 3. What would the model answer if it stopped earlier? `mb.logit_lens(model, **batch)` puts the embeddings and each
#    layer's output through the head: an array (3 stages, 1 sentence, 9 tokens, words).

# %%
print(mb.pipeline("fill-mask", model=model, tokenizer=tokenizer)("The opposite of hot is [MASK].")[0]["token_str"])

# %%
print(sum(array.size for array in weights.values()))

# %%
layers = mb.logit_lens(model, **batch)[:, 0, place]
[tokenizer.convert_ids_to_tokens(int(row.argmax())) for row in layers]  # the embeddings, layer 0, layer 1

# %% [markdown]
# Next: [02_text_to_ids](02_text_to_ids.ipynb), how text becomes tokens.
