"""What all builders do alike, whatever their paper."""

import functools
import inspect
from collections.abc import Callable
from typing import TypeVar, cast

import keras
from keras import layers

from keras_classics.weights.catalogue import resolve
from keras_classics.weights.loading import ALL, load_file

Builder = TypeVar("Builder", bound=Callable[..., keras.Model])


def fresh(initializer):
    """A copy of an initializer for one weight: one instance draws the same values twice."""
    initializer = keras.initializers.get(initializer)
    return initializer.clone() if hasattr(initializer, "clone") else initializer


def pool(x, pooling):
    """The end of a network without its top: the maps, or their mean or maximum."""
    if pooling is None:
        return x
    if pooling == "avg":
        return layers.GlobalAveragePooling2D("channels_last", name="avg_pool")(x)
    if pooling == "max":
        return layers.GlobalMaxPooling2D("channels_last", name="max_pool")(x)
    raise ValueError(f'`pooling` must be None, "avg" or "max". Received: pooling={pooling!r}')


def follows_caffe(convention):
    """Whether a network follows Caffe, and not this library, where its paper is silent."""
    if convention not in ("paper", "caffe"):
        raise ValueError(
            f'`convention` must be "paper" or "caffe". Received: convention={convention!r}'
        )
    return convention == "caffe"


def pretrained(builder: Builder) -> Builder:
    """Decorates a builder, which then need not know its argument `weights`.

    `None` leaves the model with its initial weights. The path of a file, or a release by its name
    or card (`keras_classics.weights.cards()`), loads it. A release also sets the arguments that
    its network needs and that the builder was not given; an argument that contradicts it is an
    error. The classes, the channels of the image and the patches of a Vision Transformer may be
    others than the file's, and with `classes` the file may have no top: see
    `keras_classics.weights.load`.
    """
    signature = inspect.signature(builder)

    @functools.wraps(builder)
    def build(*args, **kwargs):
        given = dict(signature.bind(*args, **kwargs).arguments)
        source = given.pop("weights", None)
        if source is None:
            return builder(*args, **kwargs)
        card = resolve(source, builder.__name__, given)
        # A new top, with its initial weights, takes a word of the user.
        whole = given.get("include_top", True) and "classes" not in given
        adapts = ALL[:-1] if whole else ALL
        if card is None:
            return load_file(builder(**given), source, adapts)
        path = card.path()
        return load_file(builder(**card.fill(given)), path, adapts, convention=card.library)

    return cast(Builder, build)
