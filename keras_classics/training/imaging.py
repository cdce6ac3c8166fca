"""An image's way through the layers of a recipe, with the mean of the training images in them."""

import hashlib
import json

import keras
import numpy as np

from keras_classics import __version__, backend, cache, datasets
from keras_classics.datasets.headers import LARGE
from keras_classics.preprocessing import ClassifierInput, SubtractMean
from keras_classics.training import identity
from keras_classics.training.inputs import apply, array_batches, image_batches, in_plain_words

SAMPLE = 20_000  # files at most of which the mean is computed
BATCH_SIZE = 500  # images in memory that are tested at once


def layers_of(recipe, training, mean=None):
    """The layers of `recipe.layers`, in float32, with the mean.

    Images have 256 levels, of which bfloat16 keeps few once they are shifted or scaled.
    """
    with keras.device("cpu"):  # where the images are prepared
        return _with_mean(recipe.layers(training), mean)


def device_layers_of(recipe, seed=0, mean=None):
    """The layers of `recipe.device_layers`, likewise."""
    return _with_mean(recipe.device_layers(seed), mean)


def _with_mean(layers, mean):
    for layer in layers:
        layer.dtype_policy = keras.DTypePolicy("float32")
        if mean is not None and _is_unknown(layer):
            layer.build((None, *mean.shape) if layer.per == "pixel" else (None, None, None, 3))
            layer.average.assign(mean)
    return layers


def _is_unknown(layer):
    return isinstance(layer, SubtractMean) and layer.mean is None


def mean_of(recipe, data, verbose=False):
    """The mean of the training images, as they come to the layer that subtracts it.

    Of more than 20,000 photographs it is the mean of 20,000, which are drawn, always the same. Of
    10,000 and more it is kept in Keras's cache.

    Args:
        recipe: The recipe.
        data: The data set.
        verbose: Whether it shows how far it is.

    Returns:
        The mean, and of files what is said of it: of how many images of how many it is, and its
        standard error, the root of the mean square over pixels and channels. Or `None` for both.
    """
    layers = layers_of(recipe, training=False)
    layers += device_layers_of(recipe)
    at = next((k for k, layer in enumerate(layers) if _is_unknown(layer)), None)
    if at is None:
        return None, None
    before, subtract = layers[:at], layers[at]
    if hasattr(data.train, "decoded"):
        return _mean_of_encoded(before, subtract, data.train, verbose)
    train = recipe.splits(data)["train"]
    if recipe.in_memory or (hasattr(train, "images") and not before):
        subtract.adapt(_through(before, train.images))
    else:
        subtract.adapt(x for x, _ in image_batches(train, before, recipe.batch_size))
    return keras.ops.convert_to_numpy(subtract.average), None


def _mean_of_encoded(before, subtract, split, verbose):
    config = [keras.saving.serialize_keras_object(layer) for layer in (*before, subtract)]
    config = identity.renumbered_config(config, {})
    paths = getattr(split, "paths", None)
    marks = hashlib.sha256(paths.marks()).hexdigest() if paths else split.digest
    key = json.dumps([marks, split.upright, config, SAMPLE, __version__, backend.name()])
    large = len(split) >= LARGE
    if large and (kept := cache.read("means", key)):
        return kept["mean"], json.loads(str(kept["stated"]))
    positions = np.random.default_rng(0).permutation(len(split))[:SAMPLE]
    then = backend.on_any_image(lambda image: apply(before, image))
    spread = Spread(subtract.per)
    subtract.adapt(spread.of(x for _, x in split.decoded(then, np.sort(positions), verbose)))
    mean = keras.ops.convert_to_numpy(subtract.average)
    stated = {"images": spread.count, "of": len(split)}
    if spread.count < len(split) - len(getattr(split, "damaged", ())):
        stated["standard error"] = spread.error(len(split))
    if large:
        cache.write("means", key, mean=mean, stated=json.dumps(stated))
    return mean, stated


class Spread:
    """How much the images differ from which a mean is computed.

    Args:
        per: `"pixel"` or `"channel"`, of which the mean is.
    """

    def __init__(self, per):
        self.axes = () if per == "pixel" else (0, 1)
        self.count, self.sum, self.squares = 0, 0.0, 0.0

    def of(self, images):
        """The same images, which are counted as they pass."""
        for image in images:
            value = image.mean(self.axes, dtype="float64") if self.axes else image
            self.count += 1
            self.sum, self.squares = self.sum + value, self.squares + np.square(value, dtype=float)
            yield image

    def error(self, total):
        """The standard error of the mean, of so many images in all."""
        variance = np.mean(self.squares / self.count - np.square(self.sum / self.count))
        return float(np.sqrt(variance / self.count * (1 - self.count / total)))


def _through(layers, images):
    """Images in memory through layers that take batches, as at test time."""
    if not layers:
        return images
    parts = (images[k : k + BATCH_SIZE] for k in range(0, len(images), BATCH_SIZE))
    return np.concatenate([keras.ops.convert_to_numpy(apply(layers, part)) for part in parts])


def reader(recipe, network, mean):
    """What reads an image at test time: layers for the image, and a model for their result."""
    layers, reads = recipe.reader(network, layers_of(recipe, training=False, mean=mean))
    device = device_layers_of(recipe, mean=mean)
    if device:
        reads = keras.Sequential([keras.Input(network.input_shape[1:]), *device, reads])
    return layers, reads


def predictions(recipe, network, mean, split):
    """The predictions for the images of a split, `(n, classes)`, and the labels.

    Files that cannot be decoded are left out.
    """
    layers, reads = reader(recipe, network, mean)
    (scores,), labels = read_by(recipe, layers, [reads], reads is network, split)
    return scores, labels


def read_by(recipe, layers, readers, of_one_size, split):
    """The predictions of several readers, whose images come through the same layers, likewise.

    Args:
        recipe: The recipe.
        layers: The layers for an image, as of `reader`.
        readers: The models for their result.
        of_one_size: Whether they cut all images to one size. Others come one by one.
        split: The images.

    Returns:
        The predictions of each reader, and the labels.
    """
    if recipe.in_memory:
        images = _through(layers, split.images)
        parts = [images[k : k + BATCH_SIZE] for k in range(0, len(images), BATCH_SIZE)]
        # `predict` takes twice to nine times as long for small networks.
        return [
            np.concatenate([reads.predict_on_batch(part) for part in parts]) for reads in readers
        ], split.labels
    batches = image_batches(split, layers, recipe.batch_size if of_one_size else 1)
    with in_plain_words(batches):
        rows = [
            (*(reads.predict_on_batch(images) for reads in readers), np.asarray(labels))
            for images, labels in batches
        ]
    replaced = [*getattr(split, "damaged", ())]
    *read, labels = (
        np.delete(np.concatenate(part), replaced, 0) for part in zip(*rows, strict=True)
    )
    return read, labels


def predictions_of_files(recipe, network, mean, paths):
    """The predictions for each image file, one by one."""
    layers, reads = reader(recipe, network, mean)
    for path in paths:
        image = recipe.read(path)
        image = _through(layers, image[None])[0] if recipe.in_memory else apply(layers, image)
        yield reads.predict_on_batch(keras.ops.expand_dims(image, 0))[0]


def read(recipe, mean, path):
    """An image file, as the network sees it at test time."""
    return preprocess(recipe, mean, recipe.read(path)[None])[0]


def preprocess(recipe, mean, images):
    """A batch of images of a split, as the network sees them at test time."""
    layers = layers_of(recipe, training=False, mean=mean)
    if recipe.in_memory:
        images = _through(layers, images)
    else:
        images = np.stack([keras.ops.convert_to_numpy(apply(layers, image)) for image in images])
    for layer in device_layers_of(recipe, mean=mean):
        images = layer(images)
    return keras.ops.convert_to_numpy(images)


def refuse_another_way(recipe, mean, layer):
    """Refuses a layer for a `Classifier` that prepares a photograph otherwise than the test."""
    if not isinstance(layer, ClassifierInput):
        return
    high, wide = layer.resize if isinstance(layer.resize, tuple) else (layer.resize, layer.resize)
    if not recipe.in_memory:  # whose images have one size
        high, wide = 3 * high // 2, 2 * wide
    shape = (4, 5, recipe.input_shape[-1])
    colours = np.random.default_rng(0).integers(0, 256, shape, "uint8")
    image = np.repeat(np.repeat(colours, -(-high // 4), axis=0), -(-wide // 5), axis=1)
    image = image[:high, :wide]
    expected, found = preprocess(recipe, mean, image[None])[0], layer.of_array(image)
    if np.abs(found - expected).mean() > 0.01 * np.ptp(expected):
        raise ValueError(
            f"{type(recipe).__name__} must prepare images as its `input_layer` does. Received: a "
            "recipe whose `layers` give something else for the same photograph. Override "
            "`test_side`, to which the shorter side is rescaled before the center is cut out, or "
            "`input_layer`, the layer from an image of any size to the network's input."
        )


def in_order(recipe, split, seed):
    """The training split in the order that all epochs have, of a recipe that draws it once."""
    if recipe.shuffles:
        return split
    order = np.random.default_rng(seed).permutation(len(split))
    return datasets.InMemory(split.images[order], split.labels[order])


def batches(recipe, split, classes, seed, mean, position, replicas, targets):
    """The training batches, and how many there are in an epoch."""
    layers = layers_of(recipe, training=True, mean=mean)
    n, size = len(split), recipe.batch_size
    shared = {"position": position, "replicas": replicas}
    if not recipe.in_memory:
        mix = recipe.mix((seed, replicas.worker))
        found = image_batches(split, layers, size, seed, targets=targets, mix=mix, **shared)
        return found, n // size
    images, labels = split.images, targets(split.labels)
    found = array_batches(images, labels, size, seed, recipe.shuffles, layers, **shared)
    return found, -(-n // size)


def test_batches(recipe, split, mean, replicas, targets):
    """The batches of the validation while training."""
    layers = layers_of(recipe, training=False, mean=mean)
    if recipe.in_memory:
        images, labels = _through(layers, split.images), targets(split.labels)
        return array_batches(images, labels, BATCH_SIZE, replicas=replicas)
    return image_batches(split, layers, recipe.batch_size, targets=targets, replicas=replicas)
