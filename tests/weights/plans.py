"""Names and shapes of a small checkpoint, and what is planned for them."""

from minibert.weights import plan_loading

ENCODER = {
    "embeddings.word_embeddings.weight": (30, 8),
    "embeddings.LayerNorm.weight": (8,),
    "embeddings.LayerNorm.bias": (8,),
    "encoder.layer.0.output.dense.weight": (8, 32),
    "encoder.layer.1.output.dense.weight": (8, 32),
}
POOLER = {"pooler.dense.weight": (8, 8), "pooler.dense.bias": (8,)}
CLASSIFIER = {"classifier.weight": (2, 8), "classifier.bias": (2,)}
PREDICTIONS = {"cls.predictions.transform.dense.weight": (8, 8), "cls.predictions.bias": (30,)}
TIED = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


def prefixed(shapes, prefix="bert"):
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


BARE = ENCODER | POOLER
TASK = prefixed(ENCODER) | CLASSIFIER
MASKED = prefixed(ENCODER) | PREDICTIONS


def plan(model, checkpoint, tied=None, prefix="bert", **options):
    return plan_loading(model, checkpoint, tied, prefix, **options)
