# %% [markdown]
# # 4. Backward by hand
#
# At the end of this tutorial you will be able to
#
# * derive the backward formula of each part of BERT: cross-entropy, matrix product, LayerNorm, GELU, softmax and
#   attention;
# * code each in one or two lines, and walk from the loss back to every gradient of a layer;
# * show that a gradient is right without trusting anybody's code, and find the one that is wrong;
# * do one step of AdamW by hand.
#
# You need what [3. One layer by hand](03_one_layer_by_hand.ipynb) shows: the forward pass, and the letters for sizes.
# From calculus you need the chain rule and the derivative of $e^x$.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

import minibert as mb

# %% [markdown]
# ## The model, the text, the loss
#
# A BERT of one layer again, in float64: D = 6, N = 2 heads of K = 3, F = 8, V = 7 words. All parameters are random
# multiples of 1/4 (1/8 for LayerNorm's weights).

# %%
config = mb.BertConfig(vocab_size=7, hidden_size=6, num_hidden_layers=1, num_attention_heads=2,
                       intermediate_size=8, max_position_embeddings=5)
model = mb.BertForMaskedLM(config).to(dtype="float64")
print(model.num_parameters(), "parameters")


# %%
def draw(name, shape):
    numbers = rng.integers(-4, 5, shape) / 4
    return 1 + numbers / 2 if "LayerNorm.weight" in name else numbers


rng = np.random.default_rng(46)
model.load_state_dict({name: draw(name, array.shape) for name, array in model.state_dict().items()})
p = model.state_dict()  # every parameter by its name

# %% [markdown]
# T = 5 tokens. The word *cat* comes twice, and the last token is padding. The model is asked for the word behind
# `[MASK]`, and for that of the token after it. A label of -100 means: do not ask here.

# %%
words = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat"]
ids = np.array([1, 5, 3, 5, 0])
labels = np.array([-100, -100, 6, 5, -100])
batch = {"input_ids": ids[None], "attention_mask": [[1, 1, 1, 1, 0]], "labels": labels[None]}
print([words[i] for i in ids])

# %% [markdown]
# Forward with a trace, and backward from the loss:

# %%
trace = mb.Trace()
loss = model(**batch, trace=trace).loss
gradients = model.backward(trace)
print("loss", round(float(loss), 4))
print(len(gradients), "gradients of parameters,", len(trace.grad), "of values between")

# %% [markdown]
# `gradients[name]` belongs to a parameter, `trace.grad[name]` to a value on the way. We shall compute those of all 26
# parameters again, and of the values the ones that matter. We write $dx$ for the gradient of the loss with respect to
# $x$: an array of the shape of $x$, with the number $\partial\,\mathrm{loss} / \partial x_i$ in place $i$.
#
# ## A judge: finite differences
#
# The gradient says by how much the loss changes when one number of $x$ is moved a little. That can be tried, without
# any formula: move it by $h$ up and down, and compute the loss both times.
#
# $$\frac{\partial\,\mathrm{loss}}{\partial x_i} \approx \frac{\mathrm{loss}(x_i + h) - \mathrm{loss}(x_i - h)}{2h}$$
#
# minibert can change a value in the middle of a pass: `edits={name: function}`. Here one logit is moved.


# %%
def loss_after(name, step):
    return float(model(**batch, edits={name: lambda x: x + step}).loss)


step = np.zeros((1, 5, 7))
step[0, 2, 6] = 1e-5  # the logit of "sat" at [MASK]
one = (loss_after("cls.predictions", step) - loss_after("cls.predictions", -step)) / 2e-5
print(round(one, 4), round(float(trace.grad["cls.predictions"][0, 2, 6]), 4))

# %% [markdown]
# Now for all numbers of a value, one after the other. It takes two passes for each number, which is why nobody trains
# like this, but it needs no formula that could be wrong.


# %%
def numeric(name, h=1e-5):
    steps = h * np.eye(trace[name].size).reshape(-1, *trace[name].shape)
    changes = [loss_after(name, step) - loss_after(name, -step) for step in steps]
    return np.array(changes).reshape(trace[name].shape) / (2 * h)


# %% [markdown]
# `same` holds our gradient against both: minibert's (to $10^{-12}$) and the finite differences (to $10^{-7}$).


# %%
def same(mine, name):
    np.testing.assert_allclose(mine, trace.grad[name][0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(mine, numeric(name)[0], rtol=0, atol=1e-7)


def show(array):
    print(np.round(array, 3) + 0.0)  # + 0.0 turns -0.0 into 0.0


# %% [markdown]
# ## 1. Softmax and cross-entropy
#
# The loss is the mean of $-\log p_y$ over the M tokens that have a label, $y$ the label and $p$ the softmax of the
# token's logits $x$. For one token
#
# $$-\log p_y = -x_y + \log \sum_j e^{x_j}
# \qquad\text{so}\qquad
# \frac{\partial (-\log p_y)}{\partial x_i} = -[i = y] + \frac{e^{x_i}}{\sum_j e^{x_j}} = p_i - [i = y]$$
#
# where $[i = y]$ is 1 if $i = y$ and 0 otherwise. The gradient is the answer minus the right answer.

# %%
logits = trace["cls.predictions"][0]
exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
probs = exponentials / exponentials.sum(axis=-1, keepdims=True)
asked = labels != -100
by_hand = -np.log(probs[asked, labels[asked]]).mean()
assert math.isclose(by_hand, loss)

# %% [markdown]
# The formula gives each labelled token its row; the mean divides by M.

# %%
dlogits = np.zeros((5, 7))
dlogits[asked] = (probs[asked] - np.eye(7)[labels[asked]]) / asked.sum()
show(dlogits)
same(dlogits, "cls.predictions")

# %% [markdown]
# Rows without a label are zero. In the others the right word has a negative number: a larger logit there means a
# smaller loss. Each row adds up to zero, as adding the same number to all logits changes no probability.

# %%
np.testing.assert_allclose(dlogits.sum(axis=-1), 0, atol=1e-12)

# %% [markdown]
# ## 2. The matrix product
#
# A linear map is $y_{tj} = \sum_k x_{tk} W_{jk} + b_j$. How does the loss see $x_{tk}$? Through every $y_{tj}$ of the
# same row, each with the factor $W_{jk}$. By the chain rule these add up:
#
# $$dx_{tk} = \sum_j dy_{tj} W_{jk} \qquad dW_{jk} = \sum_t dy_{tj} x_{tk} \qquad db_j = \sum_t dy_{tj}$$
#
# $W_{jk}$ and $b_j$ serve every row $t$, so they collect from all rows. First as the formulas stand. The last step of
# the model is such a map, from `transformed` to the logits; its weights are the word embeddings.

# %%
transformed = trace["cls.predictions.transform"][0]
word = p["bert.embeddings.word_embeddings.weight"]  # (V, D)
dx, dw = np.zeros((5, 6)), np.zeros((7, 6))
for t, j, k in np.ndindex(5, 7, 6):
    dx[t, k] += dlogits[t, j] * word[j, k]
    dw[j, k] += dlogits[t, j] * transformed[t, k]

# %% [markdown]
# A sum over a shared index is a matrix product: $dx = dy\,W$ and $dW = dy^\top x$.


# %%
def linear_backward(dy, x, weight):
    return dy @ weight, dy.T @ x, dy.sum(axis=0)


dtransformed, dword_out, dbias = linear_backward(dlogits, transformed, word)
np.testing.assert_allclose(dtransformed, dx, atol=1e-12)
np.testing.assert_allclose(dword_out, dw, atol=1e-12)

# %% [markdown]
# The judge agrees. `dbias` belongs to a parameter, the bias of the head:

# %%
show(dtransformed)
same(dtransformed, "cls.predictions.transform")
np.testing.assert_allclose(dbias, gradients["cls.predictions.bias"], atol=1e-12)

# %% [markdown]
# We put `dword_out` aside: the same table is used a second time, at the very beginning of the model.
#
# ## 3. LayerNorm
#
# $n_i = (x_i - \mu)\,r$ with $r = 1/\sqrt{\sigma^2 + \epsilon}$, then $y_i = \gamma_i n_i + \beta_i$. The second part
# is quick: $dn_i = dy_i \gamma_i$, and, collected from all tokens, $d\gamma = \sum dy\,n$ and $d\beta = \sum dy$.
#
# For the first part note that $x_j$ acts on $n_i$ in three ways: directly if $i = j$, through the mean and through the
# variance. With $\partial\mu/\partial x_j = 1/D$ and $\partial r/\partial x_j = -r^2 n_j / D$:
#
# $$\frac{\partial n_i}{\partial x_j} = r\left([i = j] - \frac{1}{D} - \frac{n_i n_j}{D}\right)
# \qquad\text{so}\qquad
# dx_j = r\left(dn_j - \frac{1}{D}\sum_i dn_i - n_j\,\frac{1}{D}\sum_i dn_i n_i\right)$$
#
# Both sums divided by D are means over the row.


# %%
def layer_norm_backward(dn, n, r):
    return r * (dn - dn.mean(axis=-1, keepdims=True) - n * (dn * n).mean(axis=-1, keepdims=True))


n = trace["cls.predictions.transform.LayerNorm.normalized"][0]
r = trace["cls.predictions.transform.LayerNorm.rstd"][0]
gamma = p["cls.predictions.transform.LayerNorm.weight"]
dactivated = layer_norm_backward(dtransformed * gamma, n, r)

# %% [markdown]
# Again all three gradients are minibert's:

# %%
show(dactivated)
same(dactivated, "cls.predictions.transform.activation")
dgamma, dbeta = (dtransformed * n).sum(axis=0), dtransformed.sum(axis=0)
np.testing.assert_allclose(dgamma, gradients["cls.predictions.transform.LayerNorm.weight"], atol=1e-12)
np.testing.assert_allclose(dbeta, gradients["cls.predictions.transform.LayerNorm.bias"], atol=1e-12)

# %% [markdown]
# Each row adds up to zero: to add one number to a whole row changes nothing after LayerNorm. Such facts are good
# checks of a formula.

# %%
np.testing.assert_allclose(dactivated.sum(axis=-1), 0, atol=1e-12)

# %% [markdown]
# ## 4. GELU
#
# $\mathrm{GELU}(x) = x\,\Phi(x)$, and the derivative of $\Phi$ is the normal density
# $\varphi(x) = e^{-x^2/2} / \sqrt{2\pi}$. By the product rule
#
# $$\mathrm{GELU}'(x) = \Phi(x) + x\,\varphi(x)$$
#
# GELU takes each number by itself, so its backward multiplies each number by itself.

# %%
erf = np.vectorize(math.erf)


def gelu_backward(dy, x):
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return dy * ((1 + erf(x / math.sqrt(2))) / 2 + x * density)


# %% [markdown]
# One more matrix product ends the head:

# %%
ddense = gelu_backward(dactivated, trace["cls.predictions.transform.dense"][0])
same(ddense, "cls.predictions.transform.dense")
last = trace["bert.encoder.layer.0.output"][0]
dlast, dweight, dbias = linear_backward(ddense, last, p["cls.predictions.transform.dense.weight"])
same(dlast, "bert.encoder.layer.0.output")
np.testing.assert_allclose(dbias, gradients["cls.predictions.transform.dense.bias"], atol=1e-12)
np.testing.assert_allclose(dweight, gradients["cls.predictions.transform.dense.weight"], atol=1e-12)

# %% [markdown]
# We are through the head of the model, and stand at the output of the layer. Only two of five tokens were asked for,
# so only these two rows have a gradient so far.

# %%
show(dlast)
assert (dlast[~asked] == 0).all()

# %% [markdown]
# ## 5. Residual connections
#
# The layer ends with $\mathrm{LayerNorm}(f(x) + x)$. The gradient of a sum goes to both terms as it is. So $x$ gets it
# twice: once through $f$, once directly, and the two add up. Whatever is used in several places collects its gradient
# from all of them.
#
# `layer_norm_at` and `linear_at` do sections 3 and 2 at a place of the model. They give back the gradient of the input,
# and hold those of weight and bias against minibert's.

# %%
layer = "bert.encoder.layer.0."


def layer_norm_at(dy, path):
    n, r = trace[path + ".normalized"][0], trace[path + ".rstd"][0]
    np.testing.assert_allclose((dy * n).sum(axis=0), gradients[path + ".weight"], atol=1e-12)
    np.testing.assert_allclose(dy.sum(axis=0), gradients[path + ".bias"], atol=1e-12)
    return layer_norm_backward(dy * p[path + ".weight"], n, r)


# %%
def linear_at(dy, x, path):
    dx, dweight, dbias = linear_backward(dy, trace[x][0], p[path + ".weight"])
    np.testing.assert_allclose(dweight, gradients[path + ".weight"], atol=1e-12)
    np.testing.assert_allclose(dbias, gradients[path + ".bias"], atol=1e-12)
    return dx


# %% [markdown]
# Back through the feed-forward part. First to what GELU got:

# %%
dsum = layer_norm_at(dlast, layer + "output.LayerNorm")
dbent = linear_at(dsum, layer + "intermediate", layer + "output.dense")
dinner = gelu_backward(dbent, trace[layer + "intermediate.dense"][0])
same(dbent, layer + "intermediate")
same(dinner, layer + "intermediate.dense")

# %% [markdown]
# Then to the output of the attention block, where the two ways meet:

# %%
through = linear_at(dinner, layer + "attention.output", layer + "intermediate.dense")
dattended = through + dsum  # through the feed-forward part, and past it
same(dattended, layer + "attention.output")

# %% [markdown]
# The same once more, through the second half of the attention block, to the context:

# %%
dsum = layer_norm_at(dattended, layer + "attention.output.LayerNorm")
dcontext = linear_at(dsum, layer + "attention.self.context", layer + "attention.output.dense")
show(dcontext)
same(dcontext, layer + "attention.self.context")

# %% [markdown]
# ## 6. Attention: shares and values
#
# In each head the context is $c = p\,v$, a product of two matrices that both depend on the text. The rule of section 2
# holds for both factors: $dp = dc\,v^\top$ and $dv = p^\top dc$.


# %%
def split_heads(x):
    return x.reshape(5, 2, 3).transpose(1, 0, 2)  # (T, N K) -> (N, T, K)


def merge_heads(x):
    return x.transpose(1, 0, 2).reshape(5, 6)


# %% [markdown]
# In code, for both heads at once:

# %%
query, key, value = (
    split_heads(trace[layer + "attention.self." + name][0]) for name in ("query", "key", "value")
)
shares = trace[layer + "attention.self.probs"][0]  # (N, T, T)
dc = split_heads(dcontext)
dshares = dc @ value.transpose(0, 2, 1)
dvalue = shares.transpose(0, 2, 1) @ dc

# %%
same(dshares, layer + "attention.self.probs")
same(merge_heads(dvalue), layer + "attention.self.value")
show(merge_heads(dvalue))

# %% [markdown]
# Now all tokens have a gradient: the two that were asked for looked at the others. Only `[PAD]`, which nobody sees,
# has none.
#
# ## 7. Softmax
#
# $p_i = e^{x_i} / \sum_j e^{x_j}$. The quotient rule gives
#
# $$\frac{\partial p_i}{\partial x_j} = p_i\,([i = j] - p_j)
# \qquad\text{so}\qquad
# dx_j = \sum_i dp_i\,p_i\,([i = j] - p_j) = p_j \left(dp_j - \sum_i dp_i\,p_i\right)$$
#
# The first formula is a T x T matrix for each row. For one row we can write it down and use it:

# %%
row = shares[0, 2]  # head 0: how [MASK] looks at the five tokens
jacobian = np.diag(row) - np.outer(row, row)
show(jacobian)
one = dshares[0, 2] @ jacobian

# %% [markdown]
# The second formula needs no matrix.


# %%
def softmax_backward(dp, p):
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


dscores = softmax_backward(dshares, shares)
np.testing.assert_allclose(dscores[0, 2], one, atol=1e-12)
same(dscores, layer + "attention.self.scores")

# %% [markdown]
# ## 8. Scores, queries and keys
#
# $s = q\,k^\top / \sqrt K + \mathrm{mask}$ is again a product of two matrices: $dq = ds\,k / \sqrt K$ and
# $dk = ds^\top q / \sqrt K$. The mask is a constant and gets nothing.

# %%
dquery = dscores @ key / math.sqrt(3)
dkey = dscores.transpose(0, 2, 1) @ query / math.sqrt(3)
same(merge_heads(dquery), layer + "attention.self.query")
same(merge_heads(dkey), layer + "attention.self.key")

# %% [markdown]
# The layer's input was used four times: for queries, keys and values, and by the residual connection. All four add up.

# %%
dhidden = dsum.copy()  # past the attention
for name, part in [("query", dquery), ("key", dkey), ("value", dvalue)]:
    dhidden += linear_at(merge_heads(part), "bert.embeddings", layer + "attention.self." + name)
show(dhidden)
same(dhidden, "bert.embeddings")

# %% [markdown]
# ## 9. Embeddings: a word that comes twice
#
# Before the layer stands a LayerNorm, before that the sum of three rows for each token. Each of the three gets the
# whole gradient of the sum.

# %%
dtotal = layer_norm_at(dhidden, "bert.embeddings.LayerNorm")
same(dtotal, "bert.embeddings.sum")
same(dtotal, "bert.embeddings.word_embeddings")
show(dtotal)

# %% [markdown]
# The row of a place is used once. The row of sentence number 0 is used by all tokens, and collects from all.

# %%
path = "bert.embeddings."
np.testing.assert_allclose(dtotal, gradients[path + "position_embeddings.weight"], atol=1e-12)
kinds = gradients[path + "token_type_embeddings.weight"]
np.testing.assert_allclose(dtotal.sum(axis=0), kinds[0], atol=1e-12)
assert (kinds[1] == 0).all()

# %% [markdown]
# `[PAD]` gets zeros. *cat* stands in rows 1 and 3, and both came from one row of the table, row 5. Moving that row
# moves both tokens, so their gradients add up. In NumPy a line that looks right does not do this: with an index that
# comes twice, `+=` keeps only the last. `np.add.at` adds all.
#
# (The row of `[PAD]` never gets a gradient from look-ups in minibert, as in PyTorch. Here there is none anyway.)

# %%
wrong, dword_in = np.zeros((7, 6)), np.zeros((7, 6))
wrong[ids] += dtotal
np.add.at(dword_in, ids, dtotal)
np.testing.assert_allclose(wrong[5], dtotal[3])
np.testing.assert_allclose(dword_in[5], dtotal[1] + dtotal[3])

# %% [markdown]
# And the table was used by the head as well (section 2). Its gradient is the sum of both uses. The judge moves each
# number of the table itself; `state_dict` gives the model's own arrays.


# %%
def numeric_parameter(name, index, h=1e-5):
    before, losses = p[name][index], []
    for moved in (before + h, before - h):
        p[name][index] = moved
        losses.append(float(model(**batch).loss))
    p[name][index] = before
    return (losses[0] - losses[1]) / (2 * h)


# %% [markdown]
# The sum of both uses is right; the one with the wrong `+=` is not:

# %%
name = "bert.embeddings.word_embeddings.weight"
dword = dword_in + dword_out
np.testing.assert_allclose(dword, gradients[name], atol=1e-12)
tried = [numeric_parameter(name, index) for index in np.ndindex(7, 6)]
np.testing.assert_allclose(dword, np.reshape(tried, (7, 6)), atol=1e-7)
assert not np.allclose(wrong + dword_out, gradients[name])

# %% [markdown]
# That was the whole way, with all 26 parameters. `mb.gradcheck` makes the same trial with up to eight
# numbers of every parameter of a model, at several $h$:

# %%
report = mb.gradcheck(model, batch, verbose=False)
print(len(report.rows), report.ok)
assert report.ok

# %% [markdown]
# ## 10. A wrong formula, and how it is found
#
# Somebody takes mean and standard deviation in LayerNorm for constants, and writes $dx = r\,dn$. The shape is right,
# and no error is raised. Beside the derivation, two of three terms are missing.


# %%
def forgetful(dn, n, r):
    return r * dn


dwrong = forgetful(dtransformed * gamma, n, r)
difference = np.abs(dwrong - numeric("cls.predictions.transform.activation")[0])
print("largest error", round(float(difference.max()), 3))
print("largest right number", round(float(np.abs(dactivated).max()), 3))
assert difference.max() > 1e-3

# %% [markdown]
# After a wrong formula everything on the way back is wrong too. So compare in the order in which backward walks, from
# the loss to the ids: the *first* value that differs stands right behind the mistake. That is how this
# tutorial went, and how a port is checked.
#
# A layer can be checked without any model. `mb.gradcheck` takes the pair of its functions: `forward` gives an output
# and what backward needs, `backward` gets the gradient of the output and that.


# %%
def forward(x):
    r = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
    n = (x - x.mean(axis=-1, keepdims=True)) * r
    return n, (n, r)


inputs = {"x": np.random.default_rng(1).normal(size=(4, 6))}

# %% [markdown]
# The right formula passes, the wrong one does not:


# %%
def check(formula):
    def backward(dy, cache):
        return {"x": formula(dy, *cache)}

    return mb.gradcheck((forward, backward), inputs, verbose=False)


right, wrong = check(layer_norm_backward), check(forgetful)

# %%
print(right.ok, wrong.ok)
print("largest error, relative to the largest gradient:", round(wrong.worst.relative_error, 2))
assert right.ok
assert not wrong.ok

# %% [markdown]
# One trap: which gradient comes from above? Somebody takes ones, as then the loss is the sum of the outputs. But the
# sum of a row of softmax is always 1. Its gradient is zero, and so a backward that gives zeros passes.

# %%
ones = np.ones((2, 5, 5))
np.testing.assert_allclose(softmax_backward(ones, shares), 0, atol=1e-12)

# %% [markdown]
# So the gradients from above must be random numbers. `mb.gradcheck` takes those, and refuses ones:

# %%
try:
    mb.gradcheck(model, batch, upstream={"logits": np.ones((1, 5, 7))})
except mb.InputError as error:
    print(error)

# %% [markdown]
# ## 11. How small is a small step?
#
# With a large $h$ the curve bends between the two points, and the error grows like $h^2$. With a tiny $h$ the two
# losses are nearly equal, and of their difference only rounding is left: the error grows like $1/h$. Between them lies
# a good choice.

# %%
steps = 10.0 ** np.arange(-12, 0)
exact = trace.grad["cls.predictions.transform"]
errors = [np.abs(numeric("cls.predictions.transform", h) - exact).max() for h in steps]
assert min(errors) < 1e-8 < min(errors[0], errors[-1])

# %% [markdown]
# Both axes are logarithmic, so powers of $h$ are straight lines:

# %%
plt.figure(figsize=(5, 3), constrained_layout=True)
plt.loglog(steps, errors, "o-")
plt.xlabel("step h")
plt.ylabel("largest error")
plt.show()

# %% [markdown]
# ## 12. One step of AdamW
#
# Gradients say which way the loss grows; the optimiser goes the other way. Adam (Kingma & Ba 2015, algorithm 1) keeps
# two running means for each number, of the gradient $g$ and of its square. AdamW (Loshchilov & Hutter 2019,
# algorithm 2) shrinks the weights besides, by the factor $1 - \eta\lambda$. In step $t$:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\,g \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\,g^2$$
# $$\theta \leftarrow (1 - \eta\lambda)\,\theta -
# \eta\,\frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}$$
#
# The divisions by $1 - \beta^t$ make up for the start at $m = v = 0$.


# %%
def adamw(theta, g, m, v, t, decay, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    update = (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return (1 - lr * decay) * theta - lr * update, m, v


# %% [markdown]
# Biases and the weights of LayerNorm are not shrunk, as in BERT's own optimiser.

# %%
before = {name: array.copy() for name, array in p.items()}
decay = {name: 0.0 if name.endswith("bias") or "LayerNorm" in name else 0.1 for name in p}
mine = {name: adamw(before[name], gradients[name], 0, 0, 1, decay[name]) for name in p}

# %% [markdown]
# The same step by minibert:

# %%
optimizer = mb.AdamW(model, lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
optimizer.step(gradients)
p = model.state_dict()
for name in p:
    np.testing.assert_allclose(p[name], mine[name][0], rtol=0, atol=1e-12)

# %% [markdown]
# How far did the numbers move? Gradient and movement of the head's bias:

# %%
name = "cls.predictions.bias"
show(gradients[name])
show(p[name] - before[name])

# %% [markdown]
# In the first step $m / (1 - \beta_1)$ is $g$ and $\sqrt{v / (1 - \beta_2)}$ is $|g|$: each number moves by the
# learning rate 0.01 against the sign of its gradient, however small that is (as long as it is far above $\epsilon$).
# The loss after the step is smaller.

# %%
after = float(model(**batch).loss)
print(round(float(loss), 4), "->", round(after, 4))
assert after < loss

# %% [markdown]
# ## Exercises
#
# 1. Print `gradients["bert.encoder.layer.0.attention.self.key.bias"]`. Why are these numbers zero, but for rounding?
# 2. BERT's pooler ends with $y = \tanh(x)$. Derive $dx$, code it with `y` alone, and check it with `mb.gradcheck`.
# 3. Do the second step of AdamW by hand, and show that it is minibert's.
#
# ## Answers
#
# **1.** A bias $b$ of the keys adds $q \cdot b / \sqrt K$ to all scores of a row, the same number for every key.
# Softmax does not change when a row is shifted. So this bias has no effect on anything.

# %%
size = np.abs(gradients["bert.encoder.layer.0.attention.self.key.bias"]).max()
assert size < 1e-14 < np.abs(gradients["bert.encoder.layer.0.attention.self.query.bias"]).max()

# %% [markdown]
# **2.** $\tanh'(x) = 1 - \tanh(x)^2$, so $dx = dy\,(1 - y^2)$.


# %%
def tanh_forward(x):
    y = np.tanh(x)
    return y, y


report = mb.gradcheck((tanh_forward, lambda dy, y: {"x": dy * (1 - y**2)}), inputs, verbose=False)
print(report.ok)
assert report.ok

# %% [markdown]
# **3.** New gradients, at the new place; $m$ and $v$ go on, and $t = 2$.

# %%
before = {name: array.copy() for name, array in p.items()}
second = mb.Trace()
model(**batch, trace=second)
gradients = model.backward(second)
mine = {name: adamw(before[name], gradients[name], *mine[name][1:], 2, decay[name]) for name in p}

# %%
optimizer.step(gradients)
p = model.state_dict()
for name in p:
    np.testing.assert_allclose(p[name], mine[name][0], rtol=0, atol=1e-12)

# %% [markdown]
# Next: [5. Training from nothing](05_training_from_nothing.ipynb), where such steps are done until a model knows
# something.
