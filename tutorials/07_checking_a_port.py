# %% [markdown]
# # 7. Checking a port, step by step
#
# At the end of this tutorial you can check a second implementation of BERT, in whatever language, against every
# intermediate value of the first. You will write a small port, plant the usual mistakes in it, and see each one found
# at its own step and, where that is possible, called by its name. You will know where the tolerances come from, why a
# comparison of final outputs is not enough, and how to check a tokenizer in the same way.
#
# A reader who ports BERT to C, Rust or Swift does what we do here. To keep it runnable, our "other language" is plain
# NumPy, and it gets nothing from minibert but files.

# %%
import json
import math
import struct
import tempfile
import unicodedata
from pathlib import Path

import numpy as np

import minibert as mb

# %%
folder = tempfile.TemporaryDirectory()
path = Path(folder.name)
tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
model = mb.AutoModelForMaskedLM.from_pretrained("tiny-bert")
model.save_pretrained(path)

# %% [markdown]
# ## A golden pack: every value, written down once
#
# Two texts of unequal length, so that the second one needs padding: a check can only find a mistake in what its input
# makes the model do. `record` runs the model and writes every value into one file, in the order of the pass. We ask
# for float64, so that rounding is as small as it can be.

# %%
texts = ["Anna lost her key. Then Peter found the [MASK].", "The capital of France is [MASK]."]
batch = tokenizer(texts, padding=True, return_tensors="np")
ids, types, mask = batch["input_ids"], batch["token_type_ids"], batch["attention_mask"]
pack = mb.golden.record(model, dict(batch), path / "pack.safetensors", dtype="float64")
print(mask)

# %%
golden = mb.golden.open_pack(pack)
values = [name for name in golden if "layer.0" in name]
print(len(golden), "tensors; those of layer 0:")
print("\n".join(f"{name:58} {golden[name].shape}" for name in values))

# %% [markdown]
# The pack also states the rules on which ports differ. Read them before you write a line:

# %%
for rule, words in golden.manifest["semantics"].items():
    print(f"{rule}: {words}")

# %% [markdown]
# ## The weights, from the file
#
# A checkpoint is a `.safetensors` file: eight bytes with a length, that many bytes of JSON with names, shapes and
# places, then the numbers. These lines read it; ours holds float32, little-endian, which is `<f4`.


# %%
def read_safetensors(file):
    raw = file.read_bytes()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    entries = {name: e for name, e in json.loads(raw[8:start]).items() if name != "__metadata__"}
    spans = {name: raw[start + e["data_offsets"][0] : start + e["data_offsets"][1]] for name, e in entries.items()}
    return {name: np.frombuffer(spans[name], "<f4").reshape(e["shape"]) for name, e in entries.items()}


# %%
stored = read_safetensors(path / "model.safetensors")
for name, array in model.state_dict().items():
    assert np.array_equal(stored[name], array)
weights = {name: array.astype(np.float64) for name, array in stored.items()}
print(len(weights), "arrays,", sum(array.size for array in weights.values()), "numbers")

# %% [markdown]
# ## The port
#
# Four small functions first. The exact GELU is $x\,\Phi(x)$ with the normal distribution $\Phi$ (Hendrycks and Gimpel
# 2016, section 2); LayerNorm is $\gamma\,(x-\mu)/\sqrt{\sigma^2+\epsilon}+\beta$ (Ba et al. 2016, section 3). A linear
# map is stored with one row per output, so the port multiplies by the transposed matrix, $y = x W^\top + b$. The paper
# has no $\epsilon$: it keeps the root away from 0.

# %%
erf = np.vectorize(math.erf)


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2))).astype(x.dtype)


def linear(x, w, name):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


# %%
def layer_norm(x, w, name, eps):
    centred = x - x.mean(axis=-1, keepdims=True)
    normalized = centred / np.sqrt(x.var(axis=-1, keepdims=True) + eps)
    return normalized * w[f"{name}.weight"] + w[f"{name}.bias"]


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# %% [markdown]
# Attention (Vaswani et al. 2017, section 3.2): the width is cut into heads, `(B, T, D)` becomes `(B, N, T, K)`. The
# dictionary `out` keeps what the port computes, under short names of its own. `c` holds the choices in which we shall
# plant mistakes.


# %%
def split(x):
    return x.reshape(*x.shape[:2], 4, -1).swapaxes(1, 2)


def attention(x, hide, w, name, out, own, c):
    q, k, v = (linear(x, w, f"{name}.self.{part}") for part in ["query", "key", "value"])
    scores = split(q) @ split(k).swapaxes(2, 3) / c["scale"] + hide
    context = (softmax(scores) @ split(v)).swapaxes(1, 2).reshape(x.shape)
    found = {"query": q, "key": k, "value": v, "scores": scores, "context": context}
    out |= {f"{own}.{part}": array for part, array in found.items()}
    return linear(context, w, f"{name}.output.dense")


# %% [markdown]
# A layer: attention, then two linear maps with GELU between; after each of the two, add what came in and normalise.


# %%
def layer(x, hide, w, name, out, own, c):
    dense = attention(x, hide, w, f"{name}.attention", out, own, c)
    x = out[f"{own}.middle"] = layer_norm(dense + x, w, f"{name}.attention.output.LayerNorm", c["eps"])
    inner = out[f"{own}.gelu"] = c["gelu"](linear(x, w, f"{name}.intermediate.dense"))
    dense = linear(inner, w, f"{name}.output.dense")
    out[f"{own}.output"] = layer_norm(dense + x, w, f"{name}.output.LayerNorm", c["eps"])
    return out[f"{own}.output"]


# %% [markdown]
# The whole model: three embeddings, two layers, and the output head, whose matrix is the word embedding again.


# %%
def embed(w, ids, types, c):
    tables = {kind: w[f"bert.embeddings.{kind}_embeddings.weight"] for kind in ["word", "position", "token_type"]}
    total = tables["word"][ids] + tables["position"][: ids.shape[1]] + tables["token_type"][types]
    return layer_norm(total, w, "bert.embeddings.LayerNorm", c["eps"])


def logits_of(x, w, out, c):
    x = c["gelu"](linear(x, w, "cls.predictions.transform.dense"))
    x = out["transform"] = layer_norm(x, w, "cls.predictions.transform.LayerNorm", c["eps"])
    return x @ w["bert.embeddings.word_embeddings.weight"].T + w["cls.predictions.bias"]


# %%
RIGHT = {"gelu": gelu, "eps": 1e-12, "scale": math.sqrt(32)}


def port(w=weights, ids=ids, types=types, mask=mask, **choices):
    out, c = {}, RIGHT | choices
    x = out["embeddings"] = embed(w, ids, types, c)
    hide = ((1 - mask) * np.finfo(x.dtype).min).astype(x.dtype)[:, None, None, :]
    for i in range(2):
        x = layer(x, hide, w, f"bert.encoder.layer.{i}", out, f"layer.{i}", c)
    return out | {"logits": logits_of(x, w, out, c)}


# %% [markdown]
# ## The naive check
#
# Compare the final output. For a right port this is all one would want to see:

# %%
right = port()
off = np.abs(right["logits"] - golden["cls.predictions"]).max()
assert off < 1e-11
print(right["logits"].shape, "off by less than 1e-11")

# %% [markdown]
# Now a port with a mistake. Many libraries have a GELU that is an approximation with tanh (Hendrycks and Gimpel 2016,
# section 2):
#
# $$0.5\,x\left(1+\tanh\!\left(\sqrt{2/\pi}\,(x+0.044715\,x^3)\right)\right).$$


# %%
def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


wrong = port(gelu=gelu_tanh)
off = np.abs(wrong["logits"] - right["logits"]).max()
print(f"logits off by {off:.4f}, the largest logit is {right['logits'].max():.2f}")
assert (wrong["logits"].argmax(axis=-1) == right["logits"].argmax(axis=-1)).all()

# %% [markdown]
# Every predicted word is the same, and a test with a tolerance of 0.01 would pass. If it fails, it says
# nothing about the place: all numbers after the mistake are wrong together.
#
# ## Step by step
#
# `diff` goes through the pack in the order of the pass and names the first value that differs. Our port has names of
# its own, so we say which of them stands for a golden name.

# %%
SHORT = {"cls.predictions": "logits", "cls.predictions.transform": "transform"}


def own_name(name):
    short = name.replace("bert.", "").replace("encoder.", "").replace("attention.self.", "")
    return SHORT.get(name, short.replace("attention.output", "middle").replace("intermediate", "gelu"))


print(own_name("bert.encoder.layer.1.attention.self.query"), own_name("bert.encoder.layer.0.intermediate"))

# %%
report = mb.golden.diff(pack, right, names=own_name)
print(report.ok, report.compared, report.first)
assert report.ok
assert report.compared == len(right)

# %%
first = mb.golden.diff(pack, wrong, names=own_name).first
print(first.name)
print(first.diagnosis)
assert first.name == "bert.encoder.layer.0.intermediate"

# %% [markdown]
# The place and the name. How does it know? It has the values before that step. It computes the step again with each
# mistake it knows, and looks whether the port's numbers come out. It gives a name only if that explains the difference.
#
# ## The usual mistakes
#
# We plant them one at a time. A function tells for each: where it is first seen, how it is called, and how far the
# logits are off. `weights=` gives the golden weights to the diagnosis; without them it cannot tell a transposed matrix
# from any other wrong one.


# %%
def plant(what, **mistake):
    wrong = port(**mistake)
    first = mb.golden.diff(pack, wrong, names=own_name, weights=weights).first
    off = np.abs(wrong["logits"] - right["logits"]).max()
    print(f"{what}: logits off by {off:.4f}\n  at {first.name}\n  {first.diagnosis or '(found, not named)'}")
    return first


# %% [markdown]
# The epsilon of another model:

# %%
found = plant("epsilon 1e-5", eps=1e-5)
assert found.name == "bert.embeddings"
assert "wrong epsilon: 1e-05" in found.diagnosis

# %% [markdown]
# A transposed matrix. The query matrix is 128 by 128, so no shape gives it away.

# %%
query = "bert.encoder.layer.1.attention.self.query"
found = plant("transposed", w={**weights, f"{query}.weight": weights[f"{query}.weight"].T})
assert found.name == query
assert "transposed" in found.diagnosis

# %% [markdown]
# Padding: the mask is 1 where there is a token. In the second text nine places hold tokens, `[CLS]` and `[SEP]`
# included. A port that counts one too many lets all tokens look at one `[PAD]`.

# %%
one_more = mask.copy()
one_more[1, mask[1].sum()] = 1
found = plant("mask off by one", mask=one_more)
assert found.name == "bert.encoder.layer.0.attention.self.scores"
assert "fewer places" in found.diagnosis

# %% [markdown]
# The scores not divided by $\sqrt K$:

# %%
found = plant("no 1/√K", scale=1.0)
assert "missing 1/√K" in found.diagnosis

# %% [markdown]
# A bias that was not loaded:

# %%
value = "bert.encoder.layer.0.attention.self.value"
found = plant("value bias dropped", w={**weights, f"{value}.bias": np.zeros(128)})
assert found.name == value
assert "bias" in found.diagnosis

# %% [markdown]
# ## A mistake that no output shows
#
# The same with the bias of the *key*:

# %%
key = "bert.encoder.layer.0.attention.self.key"
found = plant("key bias dropped", w={**weights, f"{key}.bias": np.zeros(128)})
assert found.name == key

# %% [markdown]
# The logits do not change at all. The scores of one query are $q\,(k_s + b)^\top = q\,k_s^\top + q\,b^\top$: the bias
# adds the same number to the scores of all keys $s$, and softmax does not see a number that is added to all. So no test
# of outputs can ever find this mistake, with any input. Step by step it is found at once. It is harmless here, but a
# loader that loses one bias may lose another.
#
# ## Found, but not named
#
# Some mistakes have no name. One row of a matrix one percent too large:

# %%
bent = weights[f"{value}.weight"].copy()
bent[5] *= 1.01
found = plant("one row bent", w={**weights, f"{value}.weight": bent})
assert found.name == value
assert found.diagnosis == ""
print("worst at", found.difference.worst)

# %% [markdown]
# No diagnosis fits, so none is given. But the step is known, and the worst place has 5 as its last index: the row.
#
# ## Where the tolerance comes from
#
# Two right ports do not give the same bits: sums in another order round otherwise. So how far may a value be off?
# Nobody has to guess. The pack measured it: `record` ran the model in float64 and in float32, and the difference of the
# two runs is the noise of float32. Here by hand, for the logits:

# %%
narrow = model(**batch).logits
noise = np.abs(narrow - golden["cls.predictions"]).max()
floor = golden.entries["cls.predictions"].floor["max_abs"]
assert 1e-6 < noise < 1e-4
assert noise < 2 * floor < 1e-4

# %% [markdown]
# The *noise floor* of a tensor is this difference, or one rounding step of its largest number if that is more. A value
# passes if it is within 16 floors (`docs/golden.md` has the finer print). Where the port computes in float64, as ours
# does, the floors shrink by the ratio of the rounding steps. So the same pack serves both:

# %%
narrow_weights = {name: array.astype(np.float32) for name, array in weights.items()}
report32 = mb.golden.diff(pack, port(w=narrow_weights), names=own_name)
assert report32.ok
ratio = report32["cls.predictions"].tolerance / report["cls.predictions"].tolerance
print(f"float32 may be off {ratio:.4g} times as far as float64: 2 to the power of {math.log2(ratio):.0f}")

# %% [markdown]
# What is below the noise cannot be seen. That is no weakness of the check, it is what a tolerance means. Take smaller
# and smaller mistakes in epsilon:

# %%
for eps in [1e-5, 1e-6, 1e-9, 1e-10]:
    reports = [mb.golden.diff(pack, port(w=w, eps=eps), names=own_name) for w in [narrow_weights, weights]]
    print(f"epsilon {eps:g}: found in float32 {not reports[0].ok}, in float64 {not reports[1].ok}")
    assert not reports[1].ok
assert reports[0].ok

# %% [markdown]
# In float32 a wrong epsilon of 1e-9 drowns in rounding; in float64 it stands out. So check your port in float64 if it
# can compute in it, at least once, even if it will only ever run in float32.
#
# ## Two mistakes at once
#
# After the first mistake everything differs, and a second one hides behind it. Then feed every step with golden inputs:
# `mode="isolated"`. Steps are functions, and each may ask for values that come before its own.


# %%
def step_query(golden):
    i = golden.layer
    x = golden[f"bert.encoder.layer.{i - 1}.output" if i else "bert.embeddings"]
    w = weights[f"{golden.name}.weight"]
    return x @ (w if i == 1 else w.T) + weights[f"{golden.name}.bias"]  # wrong in layer 1


def step_gelu(golden):
    return gelu_tanh(golden[f"{golden.name}.dense"])  # wrong in both


# %%
steps = {"bert.encoder.layer.*.attention.self.query": step_query, "bert.encoder.layer.*.intermediate": step_gelu}
alone = mb.golden.check(pack, steps, mode="isolated")
for row in alone.failures:
    print(row.name)
assert len(alone.failures) == 3
assert alone["bert.encoder.layer.0.attention.self.query"].ok

# %% [markdown]
# Three wrong steps, three lines, and the query of layer 0, which is right, is not blamed.
#
# ## The tokenizer
#
# A model port is of no use with wrong ids. A tokenizer is checked with *test vectors*: texts with their tokens and ids,
# chosen so that each needs another rule. The repository has such files, `tokenizers/*/golden.json`; here we write one.

# %%
samples = ["The capital of France is Paris.", "unbelievably", "don't stop!", "two   blanks", "Café naïve", ""]
vectors = [{"text": text, "input_ids": tokenizer(text)["input_ids"]} for text in samples]
(path / "vectors.json").write_text(json.dumps(vectors), encoding="utf-8")
tokenizer.save_pretrained(path)
print(vectors[1], tokenizer(samples[1]).tokens())

# %% [markdown]
# A port of WordPiece: lower case, words and punctuation apart, then the longest piece of the vocabulary that fits, from
# the left; pieces inside a word begin with `##`. A word that cannot be cut to its end becomes `[UNK]`.

# %%
vocabulary = (path / "vocab.txt").read_text(encoding="utf-8").splitlines()
number = {piece: i for i, piece in enumerate(vocabulary)}


def words_of(text):
    return "".join(c if c.isalnum() else f" {c} " for c in text.lower()).split()


# %%
def pieces_of(word):
    found, start = [], 0
    while start < len(word):
        pieces = ["##" * (start > 0) + word[start:end] for end in range(len(word), start, -1)]
        piece = next((piece for piece in pieces if piece in number), None)
        if piece is None:
            return ["[UNK]"]
        found.append(piece)
        start += len(piece) - 2 * (start > 0)
    return found


# %%
def encode(text, words_of=words_of):
    found = ["[CLS]"]
    for word in words_of(text):
        found += pieces_of(word)
    return [number[piece] for piece in [*found, "[SEP]"]]


# %%
for vector in json.loads((path / "vectors.json").read_text(encoding="utf-8")):
    same = encode(vector["text"]) == vector["input_ids"]
    print("ok   " if same else "WRONG", repr(vector["text"]))

# %% [markdown]
# One text fails, and it says which rule is missing: accents. BERT's lower case also takes the accents off: the text is
# decomposed (Unicode NFD), and the marks are dropped.


# %%
def without_accents(text):
    decomposed = unicodedata.normalize("NFD", text.lower())
    return words_of("".join(c for c in decomposed if unicodedata.category(c) != "Mn"))


for vector in vectors:
    assert encode(vector["text"], without_accents) == vector["input_ids"]
print(len(vectors), "of", len(vectors))

# %% [markdown]
# All texts agree. That speaks for these six texts and no others: Chinese characters, control characters and words of
# more than a hundred letters each have a rule that no vector here asks for. The port lacks them, and nobody notices.
#
# ## What to take along
#
# * Check every step, not the output: an output can be right by luck, or by softmax.
# * Let tolerances be measured, and use float64 where you can.
# * Choose inputs that need every rule: padding, pairs, the longest text. `minibert golden ladder tiny-bert ladder/`
#   records seventeen such cases; each says what it can detect and what it misses. `docs/golden.md` tells the rest.
#
# ## Exercises
#
# 1. A pack of one token: run the port on `[[2]]` with and without $1/\sqrt K$. Are the logits different? Why?
# 2. Ignore the token types in the port (all zeros). Does our pack find it? Record one that does.
# 3. Round the port's weights to float16 and back. Does the check find it? What does `weights/README.md` say about the
#    files?
#
# ## Answers
#
# 1. They are the same. With one token the softmax has one number, and that is 1 whatever the score is.

# %%
alone = {"ids": np.array([[2]]), "types": np.array([[0]]), "mask": np.array([[1]])}
np.testing.assert_allclose(port(**alone)["logits"], port(**alone, scale=1.0)["logits"], atol=1e-12)

# %% [markdown]
# 2. Our pack does not: its texts have no second part, so all types are 0 anyway. A pair finds it.

# %%
assert mb.golden.diff(pack, port(types=0 * types), names=own_name).ok
pair = tokenizer("Anna lost her key.", "Peter found the [MASK].", return_tensors="np")
pack2 = mb.golden.record(model, dict(pair), path / "pair.safetensors", dtype="float64")
wrong = port(ids=pair["input_ids"], types=0 * pair["token_type_ids"], mask=pair["attention_mask"])
print(mb.golden.diff(pack2, wrong, names=own_name).first.diagnosis)

# %% [markdown]
# 3. It finds nothing, because nothing changed: the shipped weights are stored as float16. A check can only find what
#    makes a difference on the checkpoint it is made with.

# %%
rounded = {name: array.astype(np.float16).astype(np.float64) for name, array in weights.items()}
assert mb.golden.diff(pack, port(w=rounded), names=own_name).ok
assert all(np.array_equal(rounded[name], weights[name]) for name in weights)
folder.cleanup()

# %% [markdown]
# The next tutorial, [08_roberta_and_rembert](08_roberta_and_rembert.ipynb), shows what a port of BERT must change to
# become one of RoBERTa or RemBERT.
