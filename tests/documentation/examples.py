"""The examples of the documentation pages, each a function of the library that it is run with.

`lib` is minibert, or in tests/reference transformers behind a door that takes and gives NumPy arrays. What the pages
write with PyTorch, TensorFlow or JAX is written with NumPy: `return_tensors="np"`, `np.where` for `torch.where`,
`v[None]` for `v.unsqueeze(0)`; `torch.no_grad()` has no counterpart, since nothing is kept without a trace. The
TensorFlow and Flax classes are the same models: `RobertaModel` stands for `TFRobertaModel` and `FlaxRobertaModel`.

Every function gives back what its example names, for the tests to look at.
"""

from typing import Any

import numpy as np

BERT, ROBERTA, REMBERT = "google-bert/bert-base-uncased", "FacebookAI/roberta-base", "google/rembert"
PROMPT = "In Italy, pizza served in formal settings, such as at a restaurant, is presented unsliced."
CHOICES = ("It is eaten with a fork and a knife.", "It is eaten while held in the hand.")
CUTE = "Hello, my dog is cute"
Found = dict[str, Any]


def fill_mask_pipeline(lib: Any, name: str, mask: str) -> Found:
    """On a GPU the pages say `device=0`; without one that is an error, see test_devices.py."""
    pipeline = lib.pipeline(task="fill-mask", model=name, dtype="float16", device=-1)
    text = f"Plants create {mask} through a process known as photosynthesis."
    return {"pipeline": pipeline, "text": text, "answers": pipeline(text)}


def fill_mask_auto_model(lib: Any, name: str, mask: str) -> Found:
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = lib.AutoModelForMaskedLM.from_pretrained(
        name, dtype="float16", device_map="auto", attn_implementation="sdpa"
    )
    text = f"Plants create {mask} through a process known as photosynthesis."
    inputs = tokenizer(text, return_tensors="np").to(model.device)
    outputs = model(**inputs)
    predictions = outputs.logits
    masked_index = np.where(inputs["input_ids"] == tokenizer.mask_token_id)[1]
    predicted_token_id = predictions[0, masked_index].argmax(axis=-1)
    predicted_token = tokenizer.decode(predicted_token_id)
    return {"predictions": predictions, "id": predicted_token_id, "token": predicted_token, "text": text}


def configuration(lib: Any, family: str, **smaller: Any) -> Found:
    configuration = getattr(lib, f"{family}Config")(**smaller)
    model = getattr(lib, f"{family}Model")(configuration)
    return {"given": configuration, "model": model, "read": model.config}


def hello_world(lib: Any, tokenizer_class: str, name: str) -> Found:
    tokenizer = getattr(lib, tokenizer_class).from_pretrained(name)
    return {"plain": tokenizer("Hello world")["input_ids"], "blank": tokenizer(" Hello world")["input_ids"]}


def bare_model(lib: Any, class_name: str, name: str, form: str = "keywords") -> Found:
    """TensorFlow's examples give the model the whole encoding as one argument."""
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    inputs = tokenizer(CUTE, return_tensors="np")
    outputs = model(inputs) if form == "one argument" else model(**inputs)
    return {"inputs": inputs, "model": model, "last_hidden_states": outputs.last_hidden_state, "outputs": outputs}


def pretraining(lib: Any, class_name: str, name: str) -> Found:
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    inputs = tokenizer(CUTE, return_tensors="np")
    outputs = model(**inputs)
    return {
        "inputs": inputs,
        "model": model,
        "prediction_logits": outputs.prediction_logits,
        "seq_relationship_logits": outputs.seq_relationship_logits,
    }


def language_model_with_labels(lib: Any, class_name: str, name: str) -> Found:
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    inputs = tokenizer(CUTE, return_tensors="np")
    outputs = model(**inputs, labels=inputs["input_ids"])
    return {"inputs": inputs, "loss": outputs.loss, "logits": outputs.logits}


def causal_decoder(lib: Any, class_name: str, name: str, config_class: str) -> Found:
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    config = getattr(lib, config_class).from_pretrained(name)
    config.is_decoder = True
    model = getattr(lib, class_name).from_pretrained(name, config=config)
    inputs = tokenizer(CUTE, return_tensors="np")
    outputs = model(**inputs)
    return {"inputs": inputs, "model": model, "logits": outputs.logits}


def causal_as_it_is(lib: Any, class_name: str, name: str, form: str = "keywords") -> Found:
    """The TensorFlow and Flax pages use the encoder's own configuration, in which every token sees all others."""
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    inputs = tokenizer(CUTE, return_tensors="np")
    outputs = model(inputs) if form == "one argument" else model(**inputs)
    next_token_logits = outputs.logits[:, -1]
    return {"inputs": inputs, "model": model, "logits": outputs.logits, "next_token_logits": next_token_logits}


def masked_lm(lib: Any, class_name: str, name: str, mask: str) -> Found:
    """The BERT page writes <mask> and the RemBERT 5.8 page nothing where their tokenizers have [MASK]."""
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    inputs = tokenizer(f"The capital of France is {mask}.", return_tensors="np")
    logits = model(**inputs).logits
    mask_token_index = (inputs.input_ids == tokenizer.mask_token_id)[0].nonzero()[0]
    predicted_token_id = logits[0, mask_token_index].argmax(axis=-1)
    predicted = tokenizer.decode(predicted_token_id)
    labels = tokenizer("The capital of France is Paris.", return_tensors="np")["input_ids"]
    labels = np.where(inputs.input_ids == tokenizer.mask_token_id, labels, -100)
    outputs = model(**inputs, labels=labels)
    return {
        "tokenizer": tokenizer,
        "logits": logits,
        "place": mask_token_index,
        "id": predicted_token_id,
        "predicted": predicted,
        "labels": labels,
        "loss": outputs.loss,
        "rounded": round(outputs.loss.item(), 2),
    }


def masked_lm_logits(lib: Any, class_name: str, name: str) -> Found:
    """Flax's page writes [MASK], which RoBERTa reads as any other text."""
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    inputs = tokenizer("The capital of France is [MASK].", return_tensors="np")
    outputs = model(**inputs)
    return {"tokenizer": tokenizer, "inputs": inputs, "logits": outputs.logits}


def next_sentence(lib: Any, class_name: str, name: str) -> Found:
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    next_sentence = "The sky is blue due to the shorter wavelength of blue light."
    encoding = tokenizer(PROMPT, next_sentence, return_tensors="np")
    outputs = model(**encoding, labels=np.array([1]))
    logits = outputs.logits
    assert logits[0, 0] < logits[0, 1]  # the next sentence is a random one
    return {"inputs": encoding, "logits": logits, "loss": outputs.loss}


def sequence_classification(lib: Any, class_name: str, name: str, label: Any = (1,)) -> Found:
    """PyTorch's pages label with [1], TensorFlow's with the number 1."""
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    inputs = tokenizer(CUTE, return_tensors="np")
    logits = model(**inputs).logits
    predicted_class_id = logits.argmax().item()
    predicted_class = model.config.id2label[predicted_class_id]
    num_labels = len(model.config.id2label)
    model = getattr(lib, class_name).from_pretrained(name, num_labels=num_labels)
    labels = np.array(label)
    loss = model(**inputs, labels=labels).loss
    return {
        "logits": logits,
        "id": predicted_class_id,
        "class": predicted_class,
        "labels": labels,
        "loss": loss,
        "rounded": round(loss.item(), 2),
    }


def multi_label_classification(lib: Any, class_name: str, name: str) -> Found:
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name, problem_type="multi_label_classification")
    inputs = tokenizer(CUTE, return_tensors="np")
    logits = model(**inputs).logits
    probabilities = 1 / (1 + np.exp(-logits))
    predicted_class_ids = np.arange(0, logits.shape[-1])[probabilities.squeeze(axis=0) > 0.5]
    num_labels = len(model.config.id2label)
    model = getattr(lib, class_name).from_pretrained(
        name, num_labels=num_labels, problem_type="multi_label_classification"
    )
    one_hot = np.eye(num_labels)[predicted_class_ids[None, :]]
    labels = one_hot.sum(axis=1).astype(np.float32)
    loss = model(**inputs, labels=labels).loss
    return {"logits": logits, "ids": predicted_class_ids, "labels": labels, "loss": loss}


def multiple_choice(lib: Any, class_name: str, name: str, form: str = "labels") -> Found:
    """PyTorch's pages give a label; TensorFlow's give all inputs as one argument."""
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    encoding = tokenizer([PROMPT, PROMPT], list(CHOICES), return_tensors="np", padding=True)
    inputs = {k: np.expand_dims(v, 0) for k, v in encoding.items()}  # batch size 1
    if form == "one argument":
        outputs = model(inputs)
    elif form == "keywords":
        outputs = model(**inputs)
    else:
        outputs = model(**inputs, labels=np.array(0)[None])
    return {"inputs": inputs, "model": model, "logits": outputs.logits, "loss": outputs.loss}


def token_classification(lib: Any, class_name: str, name: str) -> Found:
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    inputs = tokenizer(
        "HuggingFace is a company based in Paris and New York", add_special_tokens=False, return_tensors="np"
    )
    logits = model(**inputs).logits
    predicted_token_class_ids = logits.argmax(-1)
    predicted_tokens_classes = [model.config.id2label[t.item()] for t in predicted_token_class_ids[0]]
    also = [model.config.id2label[t] for t in predicted_token_class_ids[0].tolist()]
    assert also == predicted_tokens_classes
    labels = predicted_token_class_ids
    loss = model(**inputs, labels=labels).loss
    return {
        "inputs": inputs,
        "logits": logits,
        "ids": predicted_token_class_ids,
        "classes": predicted_tokens_classes,
        "labels": labels,
        "loss": loss,
        "mean": np.mean(loss),
        "rounded": round(loss.item(), 2),
    }


def head_logits(lib: Any, class_name: str, name: str) -> Found:
    """Flax's shortest examples."""
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    inputs = tokenizer(CUTE, return_tensors="np")
    outputs = model(**inputs)
    return {"inputs": inputs, "logits": outputs.logits}


def question_answering(lib: Any, class_name: str, name: str) -> Found:
    tokenizer = lib.AutoTokenizer.from_pretrained(name)
    model = getattr(lib, class_name).from_pretrained(name)
    question, text = "Who was Jim Henson?", "Jim Henson was a nice puppet"
    inputs = tokenizer(question, text, return_tensors="np")
    outputs = model(**inputs)
    start_logits, end_logits = outputs.start_logits, outputs.end_logits
    answer_start_index = start_logits.argmax()
    answer_end_index = end_logits.argmax()
    predict_answer_tokens = inputs.input_ids[0, answer_start_index : answer_end_index + 1]
    answer = tokenizer.decode(predict_answer_tokens, skip_special_tokens=True)
    # the places of "nice puppet" in the pages' own tokenization
    target_start_index = np.array([14])
    target_end_index = np.array([15])
    outputs = model(**inputs, start_positions=target_start_index, end_positions=target_end_index)
    return {
        "tokenizer": tokenizer,
        "inputs": inputs,
        "start_logits": start_logits,
        "end_logits": end_logits,
        "tokens": predict_answer_tokens,
        "answer": answer,
        "loss": outputs.loss,
        "mean": np.mean(outputs.loss),
    }
