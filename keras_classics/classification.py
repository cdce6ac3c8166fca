"""A network with published weights, from uint8 images of any size to named classes."""

import importlib.resources

import keras
import numpy as np

from keras_classics import applications, weights
from keras_classics.datasets import cifar10
from keras_classics.preprocessing.pixels import check_pixels


def classifier(network, weights="imagenet"):
    """A classifier of images, by published weights and with the preprocessing that they want.

        model = classifier("resnet50")
        model.decode_predictions(model.predict(images))

    Args:
        network: Name of a network, `"alexnet"`, `"vgg16"`, `"resnet50"`, `"vit_b16"`; case,
            `_`, `/` and `-` do not matter.
        weights: Name of a release: `"imagenet"`, `"cifar10"`, or one that
            `keras_classics.weights.cards()` lists.

    Returns:
        A `Classifier`.

    Raises:
        ValueError: If there are no such weights; the message lists those that are.
        OSError: If they cannot be downloaded.
    """
    card = find(network, weights)
    if card.headless or not card.arguments.get("include_top", True):
        raise ValueError(
            f"{card.name} was published without its output layer, to fine-tune: take "
            f"applications.{card.network}(weights={card.name!r}, classes=...)."
        )
    model = getattr(applications, card.network)(**card.fill({}), weights=card.name)
    return Classifier(model, card.preprocessing(), class_names(card.classes), name=model.name)


def find(network, source):
    """The card of a network's weights, both by name."""
    wanted = "".join(sign for sign in network.lower() if sign not in "_/-+ ")
    every = weights.cards()
    cards = [card for card in every if wanted in weights.card.builders(card)]
    if not cards:
        known = sorted({weights.card.builders(card)[0] for card in every})
        raise ValueError(
            f"No weights are published for {network!r}; there are of {', '.join(known)}."
        )
    named = weights.card.named(source)
    found = [named] if named in cards else [card for card in cards if source in card.aliases]
    if not found:
        raise ValueError(
            f"There are no weights {source!r} of {network}; there are "
            f"{', '.join(card.name for card in cards)}."
        )
    return found[0]


def class_names(classes):
    """Pairs `(identifier, name)`: of ImageNet's 1,000 classes their WordNet synsets, in order."""
    if classes == 1000:
        text = importlib.resources.files("keras_classics.weights").joinpath("imagenet.txt")
        return [tuple(line.split(" ", 1)) for line in text.read_text().splitlines()]
    if classes == len(cifar10.CLASSES):
        return [(name, name) for name in cifar10.CLASSES]
    return [(str(k), f"class {k}") for k in range(classes)]


@keras.saving.register_keras_serializable(package="keras_classics")
class Classifier(keras.Model):
    """A network behind its preprocessing.

    `predict`, `evaluate` and so on take RGB images from 0 to 255 of any one size; images that
    were scaled before are an error.

    Args:
        network: The network.
        preprocessing: A layer from images to what the network takes.
        classes: Pairs `(identifier, name)`, one for each class.

    Input shape: `(batch, height, width, 3)`.

    Output shape: that of the network.
    """

    def __init__(self, network, preprocessing, classes, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.preprocessing = preprocessing
        self.classes = [tuple(each) for each in classes]
        self.built = True

    def call(self, images):  # (batch, height, width, 3)
        return self.network(self.preprocessing(images), training=False)  # (batch, classes)

    def predict(self, x, *args, **kwargs):
        if isinstance(x, np.ndarray):  # what is compiled by XLA is not checked within
            check_pixels(x[:1], slack=0.5)
        return super().predict(x, *args, **kwargs)

    def decode_predictions(self, predictions, top=5):
        """The best classes of each image, `[[(identifier, name, score), ...], ...]`.

        Args:
            predictions: Array `(batch, classes)`, as `predict` returns it.
            top: How many, the best first.
        """
        predictions = np.asarray(predictions)
        if predictions.ndim != 2 or predictions.shape[1] != len(self.classes):
            raise ValueError(
                f"`predictions` must have the shape (batch, {len(self.classes)}). "
                f"Received: {predictions.shape}"
            )
        best = np.argsort(-predictions, axis=1, kind="stable")[:, :top]
        return [
            [(*self.classes[k], float(scores[k])) for k in row]
            for row, scores in zip(best, predictions, strict=True)
        ]

    def positions(self, names):
        """Where the classes of a data set are among the outputs, by identifier or by name.

        Args:
            names: Names of the data set's classes, such as ImageNet's folders, `"n01440764"`;
                a thousand of other names are taken to be in order.
        """
        known = {name: k for k, pair in enumerate(self.classes) for name in reversed(pair)}
        unknown = [name for name in names if name not in known]
        if unknown and len(names) == len(self.classes) == len(unknown):
            return list(range(len(names)))
        if unknown:
            raise ValueError(
                f"The classes of the data must be among the network's {len(self.classes)}, such as "
                f"{self.classes[0][0]} ({self.classes[0][1]}). Received: {', '.join(unknown[:10])}"
            )
        return [known[name] for name in names]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.network.output_shape[1:])

    def get_config(self):
        return {
            "name": self.name,
            "network": keras.saving.serialize_keras_object(self.network),
            "preprocessing": keras.saving.serialize_keras_object(self.preprocessing),
            "classes": self.classes,
        }

    @classmethod
    def from_config(cls, config):
        revived = {
            key: keras.saving.deserialize_keras_object(config[key])
            for key in ("network", "preprocessing")
        }
        return cls(**{**config, **revived})
