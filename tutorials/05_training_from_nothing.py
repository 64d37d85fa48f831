# %% [markdown]
# # 5. Training from nothing
#
# A model with random weights knows nothing. This page makes a small world of sentences and a model that learns it, on
# one core in seconds. At its end you can
#
# * learn a vocabulary from your own sentences, and build a small BERT for it;
# * say what masking does, and what happens without it;
# * write the loss and a step of AdamW by hand, and find minibert's to be the same;
# * train with `mb.Trainer`, and say how good the result is: against a count of words, and against the best that is
#   possible;
# * recognise a model that has learned its sentences by heart.

# %%
import itertools
import random
import tempfile
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minibert as mb

# %% [markdown]
# ## A small world
#
# In this world eight people lose things and find them again. Every text has two sentences, and the second repeats much
# of the first: the colour, the thing, and who it was (*he* or *she*).

# %%
MEN, WOMEN = ["tom", "ben", "max", "leo"], ["anna", "kate", "rose", "lucy"]
COLOURS, THINGS = ["red", "blue", "green", "white"], ["key", "ball", "book", "cup", "hat"]
PLACES = ["garden", "kitchen", "park", "school"]

# %% [markdown]
# One text:


# %%
def tell(name, colour, thing, place):
    he, his = ("he", "his") if name in MEN else ("she", "her")
    what = f"{colour} {thing}"
    return f"{name} has lost {his} {what}. {he} finds the {what} in the {place}."


tell("anna", "red", "cup", "park")


# %% [markdown]
# All texts of the world are shuffled, and a tenth is *held out*: the model never sees these in training, so they show
# what it has learned beyond them.

# %%
world = [tell(*words) for words in itertools.product(MEN + WOMEN, COLOURS, THINGS, PLACES)]
random.Random(0).shuffle(world)
held_out, train_texts = world[:64], world[64:]
print(f"{len(train_texts)} texts to learn from, such as", *train_texts[:2], sep="\n")

# %% [markdown]
# ## A vocabulary
#
# `train_wordpiece` learns one from the texts that we train on (see [02_text_to_ids](02_text_to_ids.ipynb)). There are
# 30 different words in this world and the full stop, and each becomes one piece. The other pieces are special tokens,
# letters, and parts of words that the trainer joined on its way to the whole ones.

# %%
tokenizer = mb.BertTokenizer(vocab=mb.train_wordpiece(train_texts, 200, progress=False).vocab)
used = {token for text in world for token in tokenizer.tokenize(text)}
print(len(tokenizer), "pieces,", len(used), "of them used")
print(*tokenizer.tokenize(world[0]))

# %% [markdown]
# Every text has 16 tokens, 18 with `[CLS]` and `[SEP]`. So no padding is needed.

# %%
ids = np.array(tokenizer(train_texts)["input_ids"])
print(ids.shape)
assert not (ids == tokenizer.pad_token_id).any()

# %% [markdown]
# ## What the model is asked: masking
#
# BERT learns by filling gaps (Devlin et al. 2018, arXiv:1810.04805, section 3.1, "Task #1: Masked LM"). Some tokens are
# chosen at random, 15 % in the paper. They are hidden behind `[MASK]`, and the model has to say what stood there. The
# *labels* are the right answers; where nothing is asked stands -100, which the loss leaves out. By hand:

# %%
rng = np.random.default_rng(1)
special = np.isin(ids, tokenizer.all_special_ids)
chosen = (rng.random(ids.shape) < 0.15) & ~special
hidden = np.where(chosen, tokenizer.mask_token_id, ids)
labels = np.where(chosen, ids, -100)

# %% [markdown]
# The first text as the model sees it, and what it has to say:

# %%
print(tokenizer.decode(hidden[0]))
print([tokenizer.convert_ids_to_tokens(int(label)) for label in labels[0] if label != -100])
assert (hidden[~chosen] == ids[~chosen]).all()

# %% [markdown]
# The paper does one thing more. When the model is used later, for other tasks, there is no `[MASK]` in its input. So of
# the chosen tokens only 80 % become `[MASK]`; 10 % become a random token, and 10 % stay as they are. The model is asked
# for all of them, and cannot tell which of the words that it sees are the true ones. minibert's collator does this, for
# each batch anew, and also tells which rule hit:

# %%
collator = mb.DataCollatorForLanguageModeling(tokenizer, seed=0)
batch, rules = collator.collate_with_rules([{"input_ids": row} for row in ids.tolist()])
words = rules[~special]
for rule, name in enumerate(["left alone", "masked", "random", "kept"]):
    print(f"{name:11} {np.mean(words == rule):.3f}")

# %% [markdown]
# ## A model that knows nothing
#
# A BERT as in the paper, only small: 2 layers, 2 heads, vectors of 32 numbers, and no dropout. It computes in float64,
# so that rounding, which differs from one computer to the next, does not show in the numbers of this page. Large models
# are trained in float32, or with still fewer digits.


# %%
def new_model():
    config = mb.BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=24, initializer_range=0.06,
        num_hidden_layers=2, num_attention_heads=2, hidden_size=32, intermediate_size=64,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return mb.BertForMaskedLM(config, seed=0, dtype="float64")


# %%
model = new_model()
print(model.num_parameters(), "parameters")

# %% [markdown]
# The loss is the mean of $-\log p$ over the asked places, where $p$ is the probability that the model gives to the
# right token. A softmax makes the probabilities from the model's scores, the `logits`:

# %%
small = {name: array[:4] for name, array in batch.items()}
output = model(**small)
exponentials = np.exp(output.logits)
probabilities = exponentials / exponentials.sum(axis=-1, keepdims=True)

# %% [markdown]
# A model that knows nothing gives each of the $V$ tokens about $1/V$, so its loss is about $\log V$. Ours, by hand, is
# the one that the model computed:

# %%
row, place = np.nonzero(small["labels"] != -100)
right = probabilities[row, place, small["labels"][row, place]]
np.testing.assert_allclose(-np.log(right).mean(), output.loss, rtol=1e-12)
print(f"loss {output.loss:.2f}, log V {np.log(len(tokenizer)):.2f}")

# %% [markdown]
# ## One step of AdamW
#
# Training repeats three things: a forward pass, a backward pass, which gives the gradient $g$ of the loss for every
# parameter (see [04_backward_by_hand](04_backward_by_hand.ipynb)), and a small step of every parameter $\theta$ against
# its gradient. AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2) keeps running means of $g$ and $g^2$.
# They begin at 0, which the divisions by $1 - \beta^t$ make up for:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2$$
#
# $$\theta \leftarrow \theta - \eta \left( \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}
# + \lambda \theta \right)$$
#
# $t$ counts the steps, $\eta$ is the learning rate, and $\lambda$ the weight decay, which pulls every parameter a
# little towards 0.


# %%
def adamw(theta, g, m, v, t, lr=0.005, betas=(0.9, 0.999), epsilon=1e-8, decay=0.01):
    m = betas[0] * m + (1 - betas[0]) * g
    v = betas[1] * v + (1 - betas[1]) * g**2
    step = (m / (1 - betas[0] ** t)) / (np.sqrt(v / (1 - betas[1] ** t)) + epsilon)
    return theta - lr * (step + decay * theta), m, v


# %% [markdown]
# Three steps with minibert's optimiser on four sentences, and ours beside it for one of the parameters:

# %%
name = "bert.encoder.layer.0.attention.self.query.weight"
theta, m, v = model.state_dict()[name].copy(), 0.0, 0.0
optimizer = mb.AdamW(model, lr=0.005, weight_decay=0.01)

# %% [markdown]
# `backward` takes the trace that the forward pass has filled, and gives a gradient for each parameter, by name:

# %%
for t in (1, 2, 3):
    trace = mb.Trace("backward")
    print(f"{model(**small, trace=trace).loss:.3f}")
    gradients = model.backward(trace)
    theta, m, v = adamw(theta, gradients[name], m, v, t)
    optimizer.step(gradients)

# %% [markdown]
# The loss falls. And our parameter is the same as the model's:

# %%
np.testing.assert_allclose(model.state_dict()[name], theta, rtol=1e-12)

# %% [markdown]
# The rest of training is repetition.
#
# ## Training
#
# `mb.Trainer` repeats it: it shuffles the texts, makes batches of 32, hides tokens anew in each, and after every 50
# steps computes the loss on the held-out texts. The learning rate rises for the first tenth of the steps and then falls
# to 0.

# %%
folder = tempfile.TemporaryDirectory()
settings = {
    "output_dir": Path(folder.name) / "run", "save_strategy": "no", "disable_tqdm": True,
    "per_device_train_batch_size": 32, "learning_rate": 5e-3, "warmup_ratio": 0.1, "seed": 0,
    "logging_steps": 50, "eval_strategy": "steps", "eval_steps": 50,
}  # fmt: skip


# %% [markdown]
# We shall train four models, so here is a function. A trainer wants texts as a list of rows, and a collator that makes
# batches of rows. `masking` is for later:


# %%
def rows(texts):
    return [{"input_ids": row} for row in tokenizer(texts)["input_ids"]]


# %%
def train(model, texts, steps, **masking):
    arguments = mb.TrainingArguments(max_steps=steps, **settings)
    collator = mb.DataCollatorForLanguageModeling(tokenizer, seed=0, **masking)
    trainer = mb.Trainer(model, arguments, rows(texts), rows(held_out), collator, tokenizer)
    trainer.train()
    return trainer


# %%
model = new_model()
trainer = train(model, train_texts, 400)

# %% [markdown]
# The trainer keeps records, each of them a dictionary. From these we take a curve, as `{step: value}`:


# %%
def curve(trainer, key):
    return {row["step"]: row[key] for row in trainer.log_history if key in row}


# %%
on_held_out = curve(trainer, "eval_loss")
for step, loss in curve(trainer, "loss").items():
    print(f"step {step:3}  training {loss:.3f}  held out {on_held_out[step]:.3f}")

# %% [markdown]
# ## How good is that?
#
# A number alone says little; two comparisons help. The first is a *unigram* reader, who looks at no sentence. All that
# it knows is how often each token occurs in the training texts, and these shares are its probabilities. Its first
# choice is always the most frequent token:

# %%
counts = Counter(ids[~special].tolist())
total = counts.total()
held_out_ids = np.array(tokenizer(held_out)["input_ids"])[:, 1:-1]
unigram_loss = -np.mean([np.log(counts[id_] / total) for id_ in held_out_ids.flat])
print(f"unigram: loss {unigram_loss:.3f}, accuracy {max(counts.values()) / total:.3f}")

# %% [markdown]
# Here are the losses, and that of the unigram reader as a line:


# %%
def plot(trainer, title):
    plt.figure(figsize=(6, 3))
    plt.gca().set(xlabel="step", ylabel="loss", title=title, ylim=(0, 4))
    for key, label in (("loss", "training"), ("eval_loss", "held out")):
        plt.plot(*zip(*curve(trainer, key).items()), "o-", label=label)
    plt.axhline(unigram_loss, color="gray", linestyle="--", label="unigram")
    plt.legend()
    plt.show()


# %%
plot(trainer, "576 texts")

# %% [markdown]
# (Each point of the training curve is a mean over the 50 steps before it, so at first it stands above the other.)
#
# The second comparison is the best reader that there can be. Let us set an exam: in every held-out text hide each token
# in turn, and look at the model's first choice. Of the 16 tokens 14 can be told from the rest of the text. The name
# cannot: *he* or *she* leaves four names. Nor can the last word, one of four places. So the best accuracy that a reader
# can expect is $(14 + \frac14 + \frac14) / 16 = 0.906$.


# %%
def exam(model, texts):
    ids, right = tokenizer(texts, return_tensors="np")["input_ids"], []
    for place in range(1, 17):
        asked = ids.copy()
        asked[:, place] = tokenizer.mask_token_id
        right.append(np.mean(model(asked).logits[:, place].argmax(axis=-1) == ids[:, place]))
    return np.array(right)  # for each place


# %% [markdown]
# The result place by place, with the tokens of the first text beside it:

# %%
right = exam(model, held_out)
for token, share in zip(tokenizer.tokenize(held_out[0]), right):
    print(f"{token:8} {share:.3f}")
print(f"all: {right.mean():.3f}")

# %% [markdown]
# Everything that can be known is known, in texts that were never seen. The other two are guessed about as well as one
# can guess among four, in 64 texts.

# %%
knowable = np.delete(right, [0, 14])
assert (knowable == 1).all()
assert right[[0, 14]].max() < 0.35

# %% [markdown]
# ## What it predicts
#
# The model copies the colour from the other sentence. If both are hidden it has nothing to copy, and gives the four
# colours about equal chances; it knows what may stand there:

# %%
fill = mb.pipeline("fill-mask", model=model, tokenizer=tokenizer, top_k=4)


def show(answers):
    print("  ".join(f"{answer['token_str']} {answer['score']:.2f}" for answer in answers))


# %%
show(fill("anna has lost her [MASK] cup. she finds the red cup in the park."))
show(fill("anna has lost her [MASK] cup. she finds the [MASK] cup in the park.")[0])

# %% [markdown]
# But has it understood the text? Exchange the two sentences. Every reader can still tell the colour:

# %%
show(fill("she finds the red cup in the park. anna has lost her [MASK] cup."))

# %% [markdown]
# It says *the*, and is sure of it: in all texts that it has seen, token 14 is *the* (`[CLS]` is token 0). The model has
# learned positions, something like "token 5 is the same as token 11". That was enough for the exam, because every
# held-out text has the same form. An exam shows what is in it, and no more. Exercise 3 mends this.
#
# ## What masking is for
#
# What if nothing is hidden? Let all chosen tokens stay as they are. Then the right answer to each question stands in
# the question. The loss nearly vanishes:

# %%
parrot = new_model()
trainer = train(parrot, train_texts, 300, mask_replace_prob=0.0, random_replace_prob=0.0)
print(f"held-out loss {trainer.log_history[-1]['eval_loss']:.3f}")
print(f"exam {exam(parrot, held_out).mean():.3f}")
assert exam(parrot, held_out).mean() < 0.2

# %% [markdown]
# A much lower loss than before, and worth nothing: in the exam, where tokens are hidden, it is hardly better than the
# unigram reader. It has learned to repeat its input. Losses of different tasks cannot be compared.
#
# ## Overfitting: learned by heart
#
# Now 12 texts instead of 576, and somewhat longer training.

# %%
few = train_texts[:12]
by_heart = new_model()
trainer = train(by_heart, few, 600)
plot(trainer, "12 texts")

# %% [markdown]
# The training loss falls as before, even lower. The held-out loss falls at first, is least after 150 steps, and then
# rises, with ups and downs. By now the model learns these 12 texts and no longer the world. It gets better at them than
# is possible by reading: it knows who lost the green hat, which nobody can tell from the sentence.

# %%
on_held_out = curve(trainer, "eval_loss")
assert min(on_held_out, key=on_held_out.get) == 150
assert on_held_out[600] > on_held_out[150] + 0.1

# %% [markdown]
# In the exam:

# %%
own, other = exam(by_heart, few).mean(), exam(by_heart, held_out).mean()
print(f"exam on its own texts {own:.3f}, on held-out ones {other:.3f}")
assert own > 14.5 / 16 > other

# %% [markdown]
# This is why texts are held out: the training loss alone shows nothing of it. What helps: more texts; stopping at the
# least held-out loss (`early_stopping_patience` and `load_best_model_at_end` of `TrainingArguments`); dropout.
#
# ## Save and load
#
# A folder with the model and its tokenizer is a checkpoint like any other:

# %%
checkpoint = Path(folder.name) / "lost-and-found"
model.save_pretrained(checkpoint)
tokenizer.save_pretrained(checkpoint)
print(*sorted(path.name for path in checkpoint.iterdir()), sep="\n")

# %% [markdown]
# Loaded again, it is the same to the last bit. (Without `dtype`, a model is loaded in float32.)

# %%
again = mb.AutoModelForMaskedLM.from_pretrained(checkpoint, dtype="float64")
for name, array in model.state_dict().items():
    assert (again.state_dict()[name] == array).all()

# %% [markdown]
# And a pipeline needs the folder only:

# %%
fill = mb.pipeline("fill-mask", model=str(checkpoint), top_k=4)
show(fill("tom has lost [MASK] blue hat. he finds the blue hat in the school."))

# %% [markdown]
# ## Exercises
#
# 1. The best possible accuracy is 0.906. What is the best possible *loss* of the exam, where one token is hidden at a
#    time? Compare it with the model's.
# 2. The name, *his* or *her*, and *he* or *she* say the same thing three times. What does the model say for one of them
#    if the other two contradict each other?
# 3. Train a new model for 800 steps on the training texts and, beside them, the same texts with their sentences
#    exchanged. Does it find the colour now? In an exchanged text two tokens cannot be known. Which?

# %%
best = 2 * np.log(4) / 16
ids = tokenizer(held_out, return_tensors="np")["input_ids"]
losses = []
for place in range(1, 17):
    asked, labels = ids.copy(), np.full_like(ids, -100)
    asked[:, place], labels[:, place] = tokenizer.mask_token_id, ids[:, place]
    losses.append(model(asked, labels=labels).loss)
print(f"best {best:.3f}, the model {np.mean(losses):.3f}")

# %%
for trio in (("[MASK]", "his", "she"), ("tom", "[MASK]", "she"), ("tom", "her", "[MASK]")):
    show(fill("{} has lost {} red key. {} finds the red key in the park.".format(*trio)))
# Where the name contradicts the small word, the small word wins; "she" also wins against "his".


# %%
def exchange(text):
    first, second, _ = text.split(".")
    return f"{second.strip()}. {first}."


# %%
reader = new_model()
train(reader, [*train_texts, *map(exchange, train_texts)], 800)
fill = mb.pipeline("fill-mask", model=reader, tokenizer=tokenizer, top_k=4)
show(fill("she finds the red cup in the park. anna has lost her [MASK] cup."))

# %%
right = exam(reader, [exchange(text) for text in held_out])
tokens = tokenizer.tokenize(exchange(held_out[0]))
print([token for token, share in zip(tokens, right) if share < 0.5])

# %%
folder.cleanup()

# %% [markdown]
# Next: [06_looking_inside](06_looking_inside.ipynb), how to find out what a model's answer depends on.
