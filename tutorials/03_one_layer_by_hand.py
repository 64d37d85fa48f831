# %% [markdown]
# # 3. One layer by hand
#
# At the end of this tutorial you will be able to
#
# * compute every number inside a layer of BERT with nothing but NumPy, from token ids to the layer's output;
# * find each of these numbers in a trace of minibert, by its name;
# * write the whole forward pass of a trained BERT in fewer than 40 lines, and show that it gives the same predictions.
#
# You need Python, NumPy and the matrix product. Two papers are quoted: *Attention Is All You Need* (Vaswani et al.
# 2017) and *BERT* (Devlin et al. 2018).
#
# One letter for each size, as everywhere in minibert: T tokens, D numbers for each token, N heads, K = D / N numbers
# for each token in a head, F numbers in the middle of the feed-forward part, V words in the vocabulary.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

import minibert as mb

# %% [markdown]
# ## A BERT small enough to print
#
# One layer, D = 6, N = 2 heads of K = 3, F = 8, and a vocabulary of V = 7 words. All is in float64, so that two ways
# to compute the same number agree to about 15 digits.

# %%
config = mb.BertConfig(vocab_size=7, hidden_size=6, num_hidden_layers=1, num_attention_heads=2,
                       intermediate_size=8, max_position_embeddings=5)
model = mb.BertForPreTraining(config).to(dtype="float64")
print(model.num_parameters(), "parameters")

# %% [markdown]
# A new model has biases of zero and LayerNorm weights of one. With those a forgotten bias would go unnoticed. So we
# draw every parameter at random, as a multiple of 1/4 (1/8 for the weights of LayerNorm), which is pleasant to read.

# %%
rng = np.random.default_rng(3)


def draw(name, shape):
    numbers = rng.integers(-4, 5, shape) / 4
    return 1 + numbers / 2 if "LayerNorm.weight" in name else numbers


model.load_state_dict({name: draw(name, array.shape) for name, array in model.state_dict().items()})
p = model.state_dict()  # every parameter by its name

# %% [markdown]
# The text is one sentence of T = 4 tokens. The last one, `[PAD]`, only fills the row up, as shorter sentences in a
# batch have it; `attention_mask` has a 0 there.

# %%
words = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat"]
ids = np.array([1, 4, 5, 0])
seen = np.array([1, 1, 1, 0])
print([words[i] for i in ids])

# %% [markdown]
# Now minibert computes everything once, and its trace keeps each value under a name. Its arrays have one
# axis more than ours: B sentences, here one. So `trace[name][0]` is the value of our sentence.

# %%
trace = mb.Trace()
output = model(input_ids=ids[None], attention_mask=seen[None], trace=trace)
for name in trace.names("*attention.self.*"):
    print(name, trace[name].shape, trace.points[name].formula)

# %% [markdown]
# From here on we compute these values ourselves. `same` compares ours with minibert's of that name, and fails if any
# number is off by more than $10^{-12}$. `show` prints three digits.


# %%
def same(mine, name):
    np.testing.assert_allclose(mine, trace[name][0], rtol=0, atol=1e-12)


def show(array):
    print(np.round(array, 3) + 0.0)  # + 0.0 turns -0.0 into 0.0


# %% [markdown]
# ## 1. Embeddings: three rows for each token
#
# Devlin et al. 2018, figure 2: a token is the sum of three vectors. One is the row of its word, one the row of its
# position, one tells which sentence of a pair it is in (here all are in the first, number 0).

# %%
word = p["bert.embeddings.word_embeddings.weight"]  # (V, D)
print(word.shape)
show(word[ids])

# %% [markdown]
# The other two tables, and the sum:

# %%
position = p["bert.embeddings.position_embeddings.weight"]  # one row for each place
kind = p["bert.embeddings.token_type_embeddings.weight"]  # two rows
total = word[ids] + position[:4] + kind[0]
show(total)

# %% [markdown]
# Are these the numbers that minibert has? From here on this question ends every step.

# %%
same(word[ids], "bert.embeddings.word_embeddings")
same(total, "bert.embeddings.sum")

# %% [markdown]
# ## 2. LayerNorm: each token to mean 0 and variance 1
#
# Ba et al. 2016. For each token by itself, over its D numbers:
#
# $$\mu = \frac{1}{D}\sum_i x_i \qquad \sigma^2 = \frac{1}{D}\sum_i (x_i - \mu)^2 \qquad
# y_i = \gamma_i \, \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta_i$$
#
# $\gamma$ and $\beta$ are learned, one number for each of the D columns. $\epsilon = 10^{-12}$ stands *inside* the
# root, and the variance is divided by D, not by D - 1. First for one token, in plain Python.

# %%
row = total[1]  # "the"
mean = sum(row) / 6
variance = sum((x - mean) ** 2 for x in row) / 6
print(round(mean, 4), round(variance, 4))
normalized = [(x - mean) / math.sqrt(variance + 1e-12) for x in row]
print([round(float(x), 3) for x in normalized])

# %% [markdown]
# Then for all tokens at once. `keepdims=True` keeps the means as a column of shape (T, 1), so that each row has its
# own mean subtracted.

# %%
centred = total - total.mean(axis=-1, keepdims=True)
rstd = 1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
normalized = centred * rstd
show(normalized)
same(normalized, "bert.embeddings.LayerNorm.normalized")

# %% [markdown]
# $\gamma$ and $\beta$ are `LayerNorm.weight` and `LayerNorm.bias`:

# %%
hidden = normalized * p["bert.embeddings.LayerNorm.weight"] + p["bert.embeddings.LayerNorm.bias"]
show(hidden)
same(hidden, "bert.embeddings")

# %% [markdown]
# These 4 x 6 numbers are what the first layer gets. LayerNorm will come again, so we keep it as a function of the
# numbers and of the parameters' name.


# %%
def layer_norm(x, name):
    centred = x - x.mean(axis=-1, keepdims=True)
    normalized = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
    return normalized * p[name + ".weight"] + p[name + ".bias"]


same(layer_norm(total, "bert.embeddings.LayerNorm"), "bert.embeddings")

# %% [markdown]
# ## 3. Queries, keys and values: three linear maps
#
# In self-attention each token asks a question (its *query*) of all tokens, each token answers to one (its *key*), and
# each hands over a *value*. All three are linear maps of the same hidden vector. Checkpoints store weights as
# (out, in), so the map is $y = x W^\top + b$. One number of it is a product of two rows and a bias.

# %%
weight = p["bert.encoder.layer.0.attention.self.query.weight"]  # (D, D)
bias = p["bert.encoder.layer.0.attention.self.query.bias"]  # (D,)
one = sum(hidden[1, j] * weight[2, j] for j in range(6)) + bias[2]
print(round(float(one), 4), "is number 2 of the query of token 1")

# %% [markdown]
# All of them at once are a matrix product with the transposed weight:

# %%
query = hidden @ weight.T + bias
show(query)
assert math.isclose(one, query[1, 2])
same(query, "bert.encoder.layer.0.attention.self.query")


# %% [markdown]
# Keys and values have weights of their own, so we write the map down once, with the name of its parameters:


# %%
def linear(x, name):
    return x @ p[name + ".weight"].T + p[name + ".bias"]


key = linear(hidden, "bert.encoder.layer.0.attention.self.key")
value = linear(hidden, "bert.encoder.layer.0.attention.self.value")
same(key, "bert.encoder.layer.0.attention.self.key")
same(value, "bert.encoder.layer.0.attention.self.value")

# %% [markdown]
# ## 4. Scores: how well a query fits a key
#
# Vaswani et al. 2017, section 3.2.1:
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V$$
#
# ($d_k$ in the paper is our K, the width of a head.) Section 3.2.2: this happens N times side by side. Head n has its
# own K neighbouring columns of query, key and value. With two heads of width 3, head 0 has columns 0, 1, 2 and head 1
# has columns 3, 4, 5. One score, of token 1 asking token 2 in head 0:

# %%
one = sum(query[1, j] * key[2, j] for j in (0, 1, 2)) / math.sqrt(3)
print(round(float(one), 4))

# %% [markdown]
# All scores of a head are one matrix product: row t holds what token t thinks of every token.

# %%
scores = np.zeros((2, 4, 4))  # N, T, T
for head in range(2):
    columns = slice(3 * head, 3 * head + 3)
    scores[head] = query[:, columns] @ key[:, columns].T / math.sqrt(3)
show(scores)
assert math.isclose(one, scores[0, 1, 2])

# %% [markdown]
# Nobody shall look at `[PAD]`. So a very large negative number is added to its column: the most negative one that
# float64 has. After softmax nothing is left of it. minibert adds the mask before it records the scores.

# %%
mask = np.where(seen == 1, 0, np.finfo("float64").min)
print([f"{x:.3g}" for x in mask])
scores = scores + mask
same(scores, "bert.encoder.layer.0.attention.self.scores")

# %% [markdown]
# ## 5. Softmax: from scores to shares
#
# $$p_s = \frac{e^{x_s}}{\sum_r e^{x_r}}$$
#
# Every share is positive and each row adds up to 1. Subtracting the row's largest score first changes nothing, as it
# cancels, but keeps $e^x$ from overflowing.

# %%
exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
probs = exponentials / exponentials.sum(axis=-1, keepdims=True)
show(probs)
same(probs, "bert.encoder.layer.0.attention.self.probs")

# %% [markdown]
# Row t says how token t shares its attention among all tokens. The column of `[PAD]` is exactly zero,
# as $e^x$ of so large a negative number is zero in float64.

# %%
np.testing.assert_allclose(probs.sum(axis=-1), 1)
assert (probs[:, :, 3] == 0).all()

# %%
names = [words[i] for i in ids]
figure, axes = plt.subplots(1, 2, figsize=(7, 3), constrained_layout=True)
for head, axis in enumerate(axes):
    axis.imshow(probs[head], cmap="Blues", vmin=0, vmax=1)
    axis.set(title=f"head {head}", xlabel="looks at", ylabel="token")
    axis.set_xticks(range(4), names)
    axis.set_yticks(range(4), names)
plt.show()

# %% [markdown]
# ## 6. Context: a mixture of values
#
# Each token takes the values of all tokens, in these shares, head by head. Then the heads stand side by side again:
# head 0 in columns 0 to 2, head 1 in columns 3 to 5.

# %%
one = sum(probs[0, 1, s] * value[s, :3] for s in range(4))  # token 1, head 0
show(one)

# %% [markdown]
# The sum over s is a matrix product again:

# %%
context = np.concatenate([probs[0] @ value[:, :3], probs[1] @ value[:, 3:]], axis=-1)
show(context)
np.testing.assert_allclose(context[1, :3], one)
same(context, "bert.encoder.layer.0.attention.self.context")

# %% [markdown]
# The loop over heads and the slices have a shorter form, which the model really uses: reshape D into N x K, and move
# the heads to the front. It gives the same scores and the same context.


# %%
def split_heads(x):
    return x.reshape(4, 2, 3).transpose(1, 0, 2)  # (T, N K) -> (N, T, K)


again = split_heads(query) @ split_heads(key).transpose(0, 2, 1) / math.sqrt(3) + mask
np.testing.assert_allclose(again, scores)
merged = (probs @ split_heads(value)).transpose(1, 0, 2).reshape(4, 6)
np.testing.assert_allclose(merged, context)

# %% [markdown]
# ## 7. Output projection, residual, LayerNorm
#
# A further linear map lets the heads mix. The result is *added* to what the layer got (the residual connection), and
# the sum is normalised: $\mathrm{LayerNorm}(x + \mathrm{Sublayer}(x))$, Vaswani et al. 2017, section 3.1.

# %%
dense = linear(context, "bert.encoder.layer.0.attention.output.dense")
attended = layer_norm(dense + hidden, "bert.encoder.layer.0.attention.output.LayerNorm")
show(attended)
same(dense + hidden, "bert.encoder.layer.0.attention.output.sum")
same(attended, "bert.encoder.layer.0.attention.output")

# %% [markdown]
# ## 8. Feed-forward with GELU
#
# Section 3.3 of the same paper: two linear maps with a bend between them, for each token by itself. From D = 6 to
# F = 8 and back. BERT's bend is not the paper's $\max(0, x)$ but GELU (Hendrycks & Gimpel 2016), $x$ times the
# probability that a normal random number is below $x$:
#
# $$\mathrm{GELU}(x) = x \, \Phi(x) = \frac{x}{2} \left(1 + \mathrm{erf}\frac{x}{\sqrt 2}\right)$$

# %%
erf = np.vectorize(math.erf)  # NumPy has no erf of its own


def gelu(x):
    return x * (1 + erf(x / math.sqrt(2))) / 2


show(gelu(np.array([-3.0, -1.0, 0.0, 1.0, 3.0])))

# %% [markdown]
# Far from zero it is like $\max(0, x)$; near zero it is smooth, and a little below zero:

# %%
x = np.linspace(-4, 4, 201)
plt.figure(figsize=(5, 3), constrained_layout=True)
plt.plot(x, np.maximum(0, x), "--", label="max(0, x)")
plt.plot(x, gelu(x), label="GELU")
plt.xlabel("x")
plt.legend()
plt.show()

# %% [markdown]
# The first linear map and GELU:

# %%
inner = linear(attended, "bert.encoder.layer.0.intermediate.dense")  # (T, F)
bent = gelu(inner)
show(bent)
same(inner, "bert.encoder.layer.0.intermediate.dense")
same(bent, "bert.encoder.layer.0.intermediate")

# %% [markdown]
# Back to D columns; residual and LayerNorm as before. That is the layer's output, and it has the shape of its input.
# A model of twelve layers does steps 3 to 8 twelve times.

# %%
dense = linear(bent, "bert.encoder.layer.0.output.dense")
last = layer_norm(dense + attended, "bert.encoder.layer.0.output.LayerNorm")
show(last)
same(last, "bert.encoder.layer.0.output")

# %% [markdown]
# The mask did its work: with any other word in the place of `[PAD]`, the rows of the three real tokens stay as
# they are.

# %%
other = mb.Trace()
model(input_ids=[[1, 4, 5, 6]], attention_mask=seen[None], trace=other)
rows = other["bert.encoder.layer.0.output"][0]
np.testing.assert_allclose(rows[:3], last[:3])
assert not np.allclose(rows[3], last[3])

# %% [markdown]
# ## 9. Two heads: the pooler, and the words behind `[MASK]`
#
# "Head" has a second meaning: a small part on top of the layers that makes an answer of them. BERT was trained with
# two at once (Devlin et al. 2018, section 3.1).
#
# The *pooler* takes the first token, `[CLS]`, through a linear map and tanh. From that, a linear map to two numbers
# says whether the second sentence follows the first.

# %%
pooled = np.tanh(linear(last[0], "bert.pooler.dense"))
show(pooled)
same(pooled, "bert.pooler")
same(linear(pooled, "cls.seq_relationship"), "cls.seq_relationship")

# %% [markdown]
# The *masked-language-model head* gives a number (a *logit*) to each word of the vocabulary, for each token: linear
# map, GELU, LayerNorm, and then the product with every row of the word embeddings. The table of section 1 is used
# twice: these weights are *tied*. Only a bias is added.

# %%
transformed = gelu(linear(last, "cls.predictions.transform.dense"))
transformed = layer_norm(transformed, "cls.predictions.transform.LayerNorm")
logits = transformed @ word.T + p["cls.predictions.bias"]
show(logits)
same(transformed, "cls.predictions.transform")
same(logits, "cls.predictions")

# %% [markdown]
# ## 10. The whole of a trained model
#
# `tiny-bert` has two layers, D = 128, N = 4 heads, F = 512, V = 4000, and was trained. The steps are the same. We
# write them down again as functions. Two things are new: the first axis counts sentences (B), and sizes come from
# the configuration. `linear`, `layer_norm` and `gelu` stay as they are; they read the parameters from `p`.

# %%
tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
tiny = mb.AutoModelForMaskedLM.from_pretrained("tiny-bert").to(dtype="float64")
p, heads, layers = tiny.state_dict(), tiny.config.num_attention_heads, tiny.config.num_hidden_layers
print(heads, layers, tiny.num_parameters())


# %% [markdown]
# Softmax of section 5, and the reshaping of section 6, now with a batch:


# %%
def softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def split_heads(x):  # (B, T, N K) -> (B, N, T, K)
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


# %% [markdown]
# Sections 1 and 2:


# %%
def embed(ids, path="bert.embeddings."):
    total = p[path + "word_embeddings.weight"][ids]
    total = total + p[path + "position_embeddings.weight"][: ids.shape[1]]
    total = total + p[path + "token_type_embeddings.weight"][0]
    return layer_norm(total, path + "LayerNorm")


# %% [markdown]
# Sections 3 to 7. `@` multiplies the last two axes, for every sentence and every head:


# %%
def attention(x, mask, path):
    q, k, v = (split_heads(linear(x, path + "self." + name)) for name in ("query", "key", "value"))
    probs = softmax(q @ k.swapaxes(-1, -2) / math.sqrt(k.shape[-1]) + mask)
    context = (probs @ v).swapaxes(1, 2).reshape(x.shape)
    return layer_norm(linear(context, path + "output.dense") + x, path + "output.LayerNorm")


# %% [markdown]
# Section 8 makes it a layer:


# %%
def layer(x, mask, path):
    x = attention(x, mask, path + "attention.")
    inner = gelu(linear(x, path + "intermediate.dense"))
    return layer_norm(linear(inner, path + "output.dense") + x, path + "output.LayerNorm")


# %% [markdown]
# The layers one after the other. The mask is made once, for all layers and heads:


# %%
def bert(ids, seen):
    mask = np.where(seen == 1, 0, np.finfo("float64").min)[:, None, None, :]  # (B, 1, 1, T)
    x = embed(ids)
    for i in range(layers):
        x = layer(x, mask, f"bert.encoder.layer.{i}.")
    return x


# %% [markdown]
# And the head of section 9:


# %%
def predict(x):
    x = gelu(linear(x, "cls.predictions.transform.dense"))
    x = layer_norm(x, "cls.predictions.transform.LayerNorm")
    return x @ p["bert.embeddings.word_embeddings.weight"].T + p["cls.predictions.bias"]


# %% [markdown]
# That is all of BERT. Two sentences of different length, so that the mask matters:

# %%
texts = ["The capital of France is [MASK].", "Snow is [MASK]."]
batch = tokenizer(texts, padding=True, return_tensors="np")
logits = predict(bert(batch["input_ids"], batch["attention_mask"]))
print(logits.shape)
np.testing.assert_allclose(logits, tiny(**batch).logits, rtol=0, atol=1e-10)

# %% [markdown]
# All 2 x 9 x 4000 logits are those of minibert, to ten places after the point. What they say at `[MASK]`:

# %%
for row, ids in enumerate(batch["input_ids"]):
    place = list(ids).index(tokenizer.mask_token_id)
    chances = softmax(logits[row, place])
    best = int(chances.argmax())
    print(texts[row], tokenizer.decode(best), round(float(chances[best]), 3))

# %% [markdown]
# ## Exercises
#
# 1. Set the position embeddings to zero (`edits={"bert.embeddings.position_embeddings": lambda x: 0 * x}` in the call
#    of a model) and swap two words of a sentence. What happens to the output of the last layer?
# 2. Leave out the division by $\sqrt K$. Does the largest share in each row of `probs` grow or shrink? Why?
# 3. Many programs compute GELU as $\frac{x}{2}\left(1 + \tanh\left(\sqrt{2/\pi}\,(x + 0.044715\,x^3)\right)\right)$.
#    How far is that from the exact form, and by how much do tiny-bert's logits move?
#
# ## Answers
#
# **1.** The same rows come out, swapped. Without positions BERT sees a text as a bag of words: nothing else in it
# knows about order.


# %%
def without_positions(ids):
    trace = mb.Trace()
    model(input_ids=[ids], edits={"bert.embeddings.position_embeddings": lambda x: 0 * x}, trace=trace)
    return trace["bert.encoder.layer.0"][0]


rows = without_positions([1, 4, 5, 6])
np.testing.assert_allclose(without_positions([1, 5, 4, 6]), rows[[0, 2, 1, 3]])

# %% [markdown]
# **2.** It grows: the scores lie further apart, and softmax gives more to the largest. Vaswani et al. suspect that in
# wide heads, where the products grow large, softmax would otherwise have very small gradients.

# %%
sharper = softmax(scores[:, :, :3] * math.sqrt(3))
show(probs.max(axis=-1))
show(sharper.max(axis=-1))
assert (sharper.max(axis=-1) > probs.max(axis=-1)).all()

# %% [markdown]
# **3.** At most 0.00047 away. That is small, but far from rounding: a port that has the wrong one of the two differs
# in the fourth place after the point, and every value after it is off as well.


# %%
def gelu(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


x = np.linspace(-6, 6, 100001)
print(f"{np.abs(gelu(x) - x * (1 + erf(x / math.sqrt(2))) / 2).max():.5f}")
moved = np.abs(predict(bert(batch["input_ids"], batch["attention_mask"])) - logits).max()
print(f"{moved:.4f}")

# %% [markdown]
# Next: [4. Backward by hand](04_backward_by_hand.ipynb), the same way back from the loss to every gradient.
