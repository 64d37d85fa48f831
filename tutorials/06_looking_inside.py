# %% [markdown]
# # 6. Looking inside a trained model
#
# At the end of this tutorial you can take one answer of a trained model and find out what it depends on. You will read
# any number of the pass by its name, look at attention, ask each layer for its answer, hide words, change numbers in
# the middle of the pass, and compute attributions whose sum can be checked. You will also have seen, in numbers, which
# of these pictures can mislead.
#
# One sentence goes through the whole tutorial. The model is tiny-bert: two layers, four heads in each, width 128. It
# was trained on simple English, and a part of that is short stories in which somebody loses a thing and somebody finds
# it.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minibert as mb

tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
model = mb.AutoModelForMaskedLM.from_pretrained("tiny-bert").to("float64")

# %%
text = "Anna lost her key. Then Peter found the [MASK]."
batch = tokenizer(text, return_tensors="np")
tokens = batch.tokens()
mask, key = tokens.index("[MASK]"), tokens.index("key")
print(mask, key, tokens)

# %% [markdown]
# We use float64, so that rounding plays no part in what follows: a difference between two runs is a difference.
#
# Two small helpers. The first turns logits into probabilities,
#
# $$p_i = \frac{e^{z_i}}{\sum_j e^{z_j}},$$
#
# and the second says what the model would put at the mask.


# %%
def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def answer(logits):
    best = softmax(logits).argmax()
    return f"{tokenizer.convert_ids_to_tokens(int(best))} {softmax(logits)[best]:.4f}"


# %%
trace = mb.Trace()
logits = model(**batch, trace=trace).logits
print(answer(logits[0, mask]))
assert answer(logits[0, mask]).startswith("key")

# %% [markdown]
# The model says *key*, and is nearly sure. Why? The rest of this tutorial asks this question in seven ways.
#
# ## Every number has a name
#
# The trace that we gave to the call now holds every intermediate value. A name is the path of the module in the
# checkpoint, and each value carries its shape in letters and its formula. B counts sentences, T and S tokens, D the
# width, N heads.

# %%
for name in trace.names("bert.encoder.layer.1.attention.self.*"):
    point = trace.points[name]
    print(f"{name.rsplit('.', 1)[1]:8} {point.shape:8} {trace[name].shape!s:16} {point.formula}")
print(len(trace), "values in all")

# %% [markdown]
# Do the values obey their formulas? Let us compute one again from those before it. The query and the key of head 2 are
# the columns 64 to 96: four heads share the width of 128, so each has $K = 32$. The scores are
# (Vaswani et al. 2017, section 3.2.1)
#
# $$\text{scores} = \frac{q\,k^\top}{\sqrt{K}}.$$

# %%
layer1 = "bert.encoder.layer.1.attention.self."
head2 = slice(64, 96)
q, k = trace[layer1 + "query"][0, :, head2], trace[layer1 + "key"][0, :, head2]
scores = q @ k.T / np.sqrt(32)
np.testing.assert_allclose(trace[layer1 + "scores"][0, 2], scores, atol=1e-12)
np.testing.assert_allclose(trace[layer1 + "probs"][0, 2], softmax(scores), atol=1e-12)

# %% [markdown]
# What stands under a name is what the formula says. So we may trust the names, and look around.
#
# ## Where the heads look
#
# The attention weights of all heads have names that end in `probs`. `stack` puts them in one array: layers, sentences,
# heads, the token that looks, the token that is looked at. Here is what each head looks at from the mask, in percent.

# %%
probs = trace.stack("*.probs")
print(probs.shape)
print(" " * 15, " ".join(f"{token[:5]:>5}" for token in tokens))
for layer, head in np.ndindex(2, 4):
    print(f"layer {layer}, head {head}", " ".join(f"{100 * w:5.0f}" for w in probs[layer, 0, head, mask]))
np.testing.assert_allclose(probs.sum(axis=-1), 1.0)

# %% [markdown]
# Each row is a set of shares: it sums to 1. The heads of layer 0 look everywhere a little. In layer 1, head 2 gives
# nearly all its weight to *key*, and head 3 gives nearly all of its own to *the*. Here is head 2 as a picture. A row is
# a token that looks, a column a token that is looked at.

# %%
figure = mb.plot_attention(model, tokenizer, text, layer=1, head=2)
figure.set_dpi(80)
figure

# %% [markdown]
# It is tempting to stop here: head 2 looks at *key*, so that is where the answer comes from. But head 3 looks at *the*
# with even more weight. Is the answer from there as well? The picture cannot tell. A weight says how much of a token's
# value enters a head's mixture. It does not say what the value holds, nor what later steps make of it.
#
# ## The answer, layer by layer
#
# When in the pass does the answer appear? The head that turns the last layer's vectors into words can be put on any
# layer's vectors, because all have the same width. This is called the logit lens (nostalgebraist 2020).
#
# First by hand. `edits` replaces a named value while the pass runs: here the output of the last layer by that of the
# layer before.

# %%
earlier = trace["bert.encoder.layer.0"]
by_hand = model(**batch, edits={"bert.encoder.layer.1": lambda x: earlier}).logits
lens = mb.logit_lens(model, **batch)
print(lens.shape)
np.testing.assert_allclose(lens[1], by_hand, atol=1e-10)
np.testing.assert_allclose(lens[2], logits, atol=1e-10)

# %%
word = tokenizer.convert_tokens_to_ids("key")
for name, row in zip(["embeddings", "layer 0", "layer 1"], lens[:, 0, mask], strict=True):
    print(f"{name:10}  says {answer(row):12}  and gives key {softmax(row)[word]:.4f}")
assert softmax(lens[1, 0, mask])[word] < 0.01 < 0.99 < softmax(lens[2, 0, mask])[word]

# %% [markdown]
# After layer 0 the lens says *hat*, with little confidence: something that can be found, but not the right thing.
# The answer comes with layer 1.
#
# A limit of the lens: the head was trained on the last layer's vectors only. If it reads nothing in an earlier layer,
# the knowledge may be there in a form that this head does not read.
#
# ## Hide a word and see
#
# Pictures show the pass as it was. To learn what an answer depends on, change something and run again. The plainest
# change is in the text: put `[MASK]` over one token at a time, and watch the probability of *key*.

# %%
hidden = {}
for place in [place for place in range(1, len(tokens) - 1) if place != mask]:
    ids = batch["input_ids"].copy()
    ids[0, place] = tokenizer.mask_token_id
    run = model(**{**batch, "input_ids": ids}).logits
    hidden[place] = softmax(run[0, mask])[word]

# %%
for place, p in hidden.items():
    print(f"{tokens[place]:7} {p:.4f} {'█' * round(20 * p)}")
assert min(hidden, key=hidden.get) == key
assert hidden[key] < 0.1
assert all(p > 0.98 for place, p in hidden.items() if place != key)

# %% [markdown]
# Only one word matters: without *key* the answer falls below a tenth. Without *lost*, *found* or *the* it stays.
#
# ## Switch off a head
#
# The same can be done inside. The context of a head is what it hands on: the mixture of values that it has made. We set
# the 32 columns of one head to zero, in all tokens, and run the rest of the pass as it is.


# %%
def without_head(layer, head):
    def off(context):
        context[..., 32 * head : 32 * head + 32] = 0.0
        return context

    return {f"bert.encoder.layer.{layer}.attention.self.context": off}


# %%
off = np.zeros((2, 4))
for layer, head in np.ndindex(2, 4):
    run = model(**batch, edits=without_head(layer, head)).logits
    off[layer, head] = softmax(run[0, mask])[word]
print(np.round(off, 4))

# %% [markdown]
# Seven heads can be switched off one by one, and the answer stays. Without head 2 of layer 1 it is gone.
#
# And head 3, which gave nearly all its weight to *the*? Nothing depends on it here. **A large weight is not a cause.**

# %%
assert probs[1, 0, 3, mask].max() > 0.99
assert off[1, 3] > 0.99
assert probs[1, 0, 2, mask].max() > 0.98
assert off[1, 2] < 0.1

# %% [markdown]
# ## Move 32 numbers from one pass to another
#
# What does head 2 carry? Take a second sentence with *hat* in place of *key*. Run both. Then run the first again, and
# exchange only what one head hands to the mask: 32 numbers of this pass become those of the other. This is often called
# activation patching.

# %%
other = mb.Trace()
swapped = tokenizer(text.replace("key", "hat"), return_tensors="np")
print(answer(model(**swapped, trace=other).logits[0, mask]))
assert len(swapped.tokens()) == len(tokens)


# %%
def from_other(name, place, head):
    def patch(x):
        columns = slice(32 * head, 32 * head + 32)
        x[0, place, columns] = other[name][0, place, columns]
        return x

    return {name: patch}


# %%
says = {}
for layer, head in np.ndindex(2, 4):
    name = f"bert.encoder.layer.{layer}.attention.self.context"
    says[layer, head] = answer(model(**batch, edits=from_other(name, mask, head)).logits[0, mask])
    print(f"layer {layer}, head {head}: {says[layer, head]}")
assert [place for place, said in says.items() if said.startswith("hat")] == [(1, 2)]

# %% [markdown]
# Thirty-two numbers of one head at one token turn *key* into *hat*, while the sentence still says *key*. No other head
# does it. And where do these numbers come from? A head has a key, by which it is found, and a value, which is handed
# on. We exchange one at a time, at the word itself.

# %%
for part in ["key", "value"]:
    said = answer(model(**batch, edits=from_other(layer1 + part, key, 2)).logits[0, mask])
    print(f"{part:5} of the other word: {said}")
assert said.startswith("hat")

# %% [markdown]
# The value carries the word; the key only says where it is. This is the story of the answer: head 2 of layer 1 finds
# the lost thing by its key and copies its value to the mask.
#
# ## Point a head somewhere else
#
# Does that story hold outside the sentence it was made from? A test: two things in the text. The
# model's training stories of this kind have one.

# %%
two = "Anna has a hat. Anna lost her key. Then Peter found the [MASK]."
batch2 = tokenizer(two, return_tensors="np")
tokens2, mask2 = batch2.tokens(), batch2.tokens().index("[MASK]")
trace2 = mb.Trace("*.probs")
print(answer(model(**batch2, trace=trace2).logits[0, mask2]))
looks = trace2[layer1 + "probs"][0, 2, mask2]
print("head 2 looks at", [(tokens2[place], round(float(looks[place]), 3)) for place in np.argsort(-looks)[:3]])
assert looks[tokens2.index("key")] < 0.01

# %% [markdown]
# The model fails: it says *dog*, with a quarter of the probability, and head 2 gives *key* less than a hundredth.
# So we point it there ourselves: all of its weight at the mask goes to one token that we choose.


# %%
def look_at(token):
    def point(probs):
        probs[0, 2, mask2] = np.eye(len(tokens2))[tokens2.index(token)]
        return probs

    return {layer1 + "probs": point}


for token in ["key", "hat", "lost", "found"]:
    print(f"{token:5} -> {answer(model(**batch2, edits=look_at(token)).logits[0, mask2])}")

# %% [markdown]
# Pointed at *key* it says *key*, pointed at *hat* it says *hat*. So the copying still works in this sentence, and the
# finding does not. Pointed at *lost* it does not say *lost*: the head copies things, not any word it is pointed at.
#
# Neither the attention picture nor the wrong answer could have told us this. It took an experiment.

# %%
assert answer(model(**batch2, edits=look_at("key")).logits[0, mask2]).startswith("key")
assert answer(model(**batch2, edits=look_at("hat")).logits[0, mask2]).startswith("hat")

# %% [markdown]
# ## Attributions: shares that should add up
#
# An attribution gives every token a number: its share in the answer. The simplest multiplies the gradient of the
# answer's logit $f$ by the word embedding $x_t$ of the token, and sums over the width:
#
# $$a_t = \sum_d \frac{\partial f}{\partial x_{td}}\, x_{td}.$$
#
# By hand: a backward pass that starts with a 1 at that logit, then one product.

# %%
words = "bert.embeddings.word_embeddings"
seed = np.zeros_like(logits)
seed[0, mask, word] = 1.0
model.backward(trace, {"logits": seed})
simple = (trace.grad[words] * trace[words]).sum(axis=-1)[0]

# %%
target = ("logits", (mask, word))
quick = mb.gradient_x_input(model, target, **batch)
np.testing.assert_allclose(simple, quick.word[0], atol=1e-10)
print(" ".join(f"{token}:{share:.2f}" for token, share in zip(tokens, simple, strict=True)))

# %% [markdown]
# *key* stands out. But shares of what? They should add up to the change that the words make: the logit with the word
# embeddings minus the logit without them. Both are measured here.

# %%
print(f"with the words {quick.target[0]:.2f}, without {quick.baseline['word'][0]:.2f}")
print(f"change {quick.target[0] - quick.baseline['word'][0]:.2f}, sum of the shares {simple.sum():.2f}")
assert abs(quick.gap["word"][0]) > 10

# %% [markdown]
# They do not add up, by far. A gradient is the slope at one point, and the model between no words and all words is not
# a straight line. Integrated gradients (Sundararajan et al. 2017, section 3) average the slope over the whole way:
#
# $$a_t = \sum_d x_{td} \int_0^1 \frac{\partial f(\alpha x)}{\partial x_{td}}\, d\alpha.$$
#
# By hand: for each piece of the way, scale the embeddings by an edit, and run forward and backward.


# %%
def slope_at(share):
    here = mb.Trace(["backward", words])
    model(**batch, trace=here, edits={words: lambda x: share * x})
    model.backward(here, {"logits": seed})
    return here.grad[words]


mean_slope = sum(slope_at((step + 0.5) / 64) for step in range(64)) / 64
integrated = (mean_slope * trace[words]).sum(axis=-1)[0]

# %%
library = mb.integrated_gradients(model, target, steps=64, **batch)
np.testing.assert_allclose(integrated, library.word[0], atol=1e-8)
print(" ".join(f"{token}:{share:.2f}" for token, share in zip(tokens, integrated, strict=True)))
print(f"sum of the shares {integrated.sum():.2f}")

# %% [markdown]
# Now they add up to the change. How many steps does that take? The gap is the change minus the sum of the shares.

# %%
gaps = {}
for steps in [2, 8, 32, 64, 128]:
    gaps[steps] = mb.integrated_gradients(model, target, steps=steps, **batch).gap["word"][0]
    print(f"{steps:4} steps: gap {gaps[steps]:10.5f}")
assert abs(gaps[128]) < 0.001 < 1 < abs(gaps[2])

# %% [markdown]
# With few steps the gap is larger than the answer's logit, and nothing in the shares themselves shows it. So always
# look at the gap. And adding up is not the same as being right: the shares depend on where the way starts. Zero
# embeddings are one choice, and no sentence looks like that.
#
# ## Five explanations side by side
#
# One more picture is often seen: attention rollout (Abnar and Zuidema 2020, section 3) multiplies the attention of all
# layers, averaged over heads. We put everything beside each other, each scaled to a largest value of 1.

# %%
rollout = mb.attention_rollout(model, **batch)[0, mask]
drop = np.zeros(len(tokens))
drop[list(hidden)] = [softmax(logits[0, mask])[word] - p for p in hidden.values()]
views = {"hiding the token": drop, "head 2 of layer 1": probs[1, 0, 2, mask], "integrated gradients": integrated,
         "gradient x input": simple, "rollout": rollout}  # fmt: skip
views = {name: view / np.abs(view).max() for name, view in views.items()}

# %%
figure, axes = plt.subplots(figsize=(9, 2.6), layout="constrained", dpi=80)
image = axes.imshow(list(views.values()), cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
axes.set_xticks(range(len(tokens)), tokens, rotation=45)
axes.set_yticks(range(len(views)), views)
figure.colorbar(image)
plt.close(figure)
figure

# %%
ranks = {name: tokens[int(view.argmax())] for name, view in views.items()}
for name, token in ranks.items():
    print(f"{name:21} {token}")
assert ranks["rollout"] != "key"
assert ranks["hiding the token"] == "key"

# %% [markdown]
# Four agree on *key*. Rollout does not, and it gives a good share to tokens that can be hidden without any effect: it
# averages the one head that matters with the three beside it.
#
# What may one say after all this?
#
# * *Attention weights* tell where a head looks. They do not tell whether it matters.
# * *The lens* tells when an answer can be read by the output head. It does not tell when it is known.
# * *Attributions* share out a change of the output. Check the gap, and say where the way starts.
# * *Hiding and edits* show what the answer depends on: they are experiments. Yet they too depend on what is put in the
#   place. A head at zero is not a head that was never there, and a token behind a mask is a text that says something
#   else.
# * All of it holds for one sentence. The sentence with two things showed how little that can be.
#
# ## All of it on one page
#
# `explore` writes a page with the tokens, every head, every value, the lens and the gradients of one text. It is one
# file that loads nothing from elsewhere: it can be sent and kept.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "page.html")
    page = mb.explore(model, tokenizer, text, path, gradients=True, integrated=64)
    assert path.read_text(encoding="utf-8") == page
assert "<script src" not in page
assert "<link" not in page
assert "<img" not in page

# %% [markdown]
# In a notebook, `page` as the last line of a cell shows the page in a frame. From a shell,
# `minibert explore tiny-bert "Anna lost her key. Then Peter found the [MASK]." -o page.html --gradients` writes the
# same for float32. This is how it looks, with head 2 of layer 1 open at the mask:
#
# ![The explorer: head 2 of layer 1 looks from the mask at the word key](../docs/images/explorer-key.png)
#
# ## Exercises
#
# 1. *Mary has a cat. The cat is black. Mary loves [MASK] black cat.* The model says *her*. Hide one token at a time, as
#    above. Which token does the answer depend on? Then hide both *mary* at once. What does that say about hiding?
# 2. Head 0 of layer 1 gives nearly all its weight at the mask to the two points. Give it equal weights over all tokens
#    in place of that, in all rows. What happens to the answer?
# 3. Attributions of a difference: compute integrated gradients of *key* and of *hat*, and subtract. Which token speaks
#    for *key* and against *hat*? Does the difference add up as well?
#
# ## Answers
#
# 1. No single token matters, because the text says twice that it is Mary. With both hidden, *his* is ahead. Hiding
#    one token at a time misses what stands twice.

# %%
mary = tokenizer("Mary has a cat. The cat is black. Mary loves [MASK] black cat.", return_tensors="np")
names, her = mary.tokens(), tokenizer.convert_tokens_to_ids("her")


def with_hidden(*places):
    ids = mary["input_ids"].copy()
    ids[0, list(places)] = tokenizer.mask_token_id
    return softmax(model(**{**mary, "input_ids": ids}).logits[0, names.index("[MASK]")])[her]


# %%
alone = [with_hidden(place) for place in range(1, len(names) - 1)]
both = with_hidden(*[place for place, token in enumerate(names) if token == "mary"])
print(f"one token at worst {min(alone):.4f}, both mary {both:.4f}")
assert min(alone) > 0.99
assert both < 0.9

# %% [markdown]
# 2. The answer hardly changes: what this head hands on at the mask is not needed here, though its weights look sharp.


# %%
def even(probs):
    probs[:, 0] = 1 / len(tokens)
    return probs


print(answer(model(**batch, edits={layer1 + "probs": even}).logits[0, mask]))

# %% [markdown]
# 3. The share of *key*. Gradients add, so the shares of a difference are the differences of the shares, and they add up
#    to the change of the difference.

# %%
hat = tokenizer.convert_tokens_to_ids("hat")
against = mb.integrated_gradients(model, ("logits", (mask, hat)), steps=64, **batch)
share = library.word[0] - against.word[0]
print([(tokens[place], round(float(share[place]), 2)) for place in np.argsort(-share)[:3]])
print(f"gap of the difference {library.gap['word'][0] - against.gap['word'][0]:.4f}")

# %% [markdown]
# The next tutorial, [07_checking_a_port](07_checking_a_port.ipynb), uses the same names to find the mistakes in a
# second implementation.
