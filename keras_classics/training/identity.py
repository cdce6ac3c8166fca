"""What a run states of its data and of its network, so that it is not resumed with others."""

import collections
import hashlib
import json
import math
import re

import keras
import numpy as np


def of_data(data, splits):
    """What a run states of its data.

    Of images in memory a digest of all values and labels, in their order; of image files one of
    their names, sizes and labels, without a look into them; of packed shards the digests of their
    manifest; of a `tf.data.Dataset` and of
    TensorFlow Datasets the kind of its examples, its version and the name of the split.

    Args:
        data: The data set.
        splits: Its parts, as the recipe gives them.

    Returns:
        Its name, its classes, how many images each part has, and of each split what tells it
        from another.
    """
    counts = {name: len(split) for name, split in splits.items()}
    stated = {"name": data.name, "classes": list(data.classes), **counts}
    if hasattr(data.train, "box"):
        stated["box"] = data.train.box
    if getattr(data.train, "upright", False):
        stated["upright"] = True
    return stated | {"splits": {part: of_split(split) for part, split in data.parts.items()}}


def number_of(stated):
    """A number for what is stated, which a float64 holds."""
    text = json.dumps(stated, sort_keys=True).encode()
    return float(int.from_bytes(hashlib.sha256(text).digest()[:6]))


def of_split(split):
    """What tells a split from another, as far as that is known without reading files."""
    digest = hashlib.sha256()
    if hasattr(split, "images"):
        for array in (split.images, split.labels):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
        return f"values and labels, sha256 {digest.hexdigest()}"
    if hasattr(split, "paths"):
        return f"names, sizes and labels of files, sha256 {split.digest}"
    if hasattr(split, "digest"):
        return f"shards and labels, sha256 {split.digest}"
    if hasattr(split, "builder"):
        return f"{split.builder.info.full_name}, {split.split}"
    return str(getattr(getattr(split, "data", None), "element_spec", type(split).__name__))


def of_network(network, builder=None):
    """What a run states of its network.

    Args:
        network: The network, as it was built.
        builder: The function that built it, if it is not the recipe's.

    Returns:
        Its name, the number of its parameters, how many layers of each class it has, and a hash
        of all their settings, how they are connected, and the shapes of the weights; of a
        `builder`, its name. The hash does not depend on the numbers by which Keras tells names
        apart.
    """
    try:
        config = keras.saving.serialize_keras_object(network)
    except NotImplementedError:  # of a class without a config
        config = type(network).__qualname__
    shapes = [tuple(map(int, variable.shape)) for variable in network.variables]
    stated = {"config": renumbered_config(config, {}), "shapes": shapes}
    text = json.dumps(stated, default=lambda value: type(value).__name__)
    return {
        **({"builder": path_of(builder)} if builder else {}),
        "name": network.name,
        "parameters": sum(map(math.prod, shapes)),
        "layers": dict(collections.Counter(type(layer).__name__ for layer in network.layers)),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def renumbered_config(value, names):
    """A config with the names of its layers numbered in the order in which they come."""

    def numbered(name):
        return names.setdefault(name, f"{re.sub('_[0-9]+$', '', name)} {len(names)}")

    if isinstance(value, dict):
        return {
            key: numbered(part)
            if key == "name" and isinstance(part, str)
            else renumbered_config(part, names)
            for key, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
            return [numbered(value[0]), *value[1:]]  # the layer of a tensor
        return [renumbered_config(part, names) for part in value]
    return value


def path_of(cls):
    """Where a class or a function stands: `"module:name"`."""
    named = cls if hasattr(cls, "__qualname__") else type(cls)
    return f"{named.__module__}:{named.__qualname__}"
