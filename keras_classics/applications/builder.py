"""What all builders do alike, whatever their paper."""

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import TypeVar, cast

import keras
from keras import layers

from keras_classics.weights.catalogue import resolve
from keras_classics.weights.loading import ALL, load_file

Function = TypeVar("Function", bound=Callable[..., object])
Builder = TypeVar("Builder", bound=Callable[..., keras.Model])

# What other libraries call an argument, and how it is written here.
ELSEWHERE = {
    **dict.fromkeys(
        ("num_classes", "n_classes", "nb_classes", "class_num", "num_labels", "out_features"),
        "classes={value!r}",
    ),
    **dict.fromkeys(("pretrained", "checkpoint", "preset"), 'weights="imagenet"'),
    **dict.fromkeys(
        ("img_size", "image_size", "input_size", "image_shape", "img_shape", "size", "shape"),
        "input_shape=(height, width, channels)",
    ),
    **dict.fromkeys(
        ("in_chans", "in_channels", "num_channels", "channels", "input_tensor"),
        "input_shape=(height, width, channels)",
    ),
    **dict.fromkeys(("global_pool", "pool"), 'pooling="avg"'),
    **dict.fromkeys(
        ("drop_rate", "dropout_rate", "proj_drop_rate", "hidden_dropout_prob"), "dropout={value!r}"
    ),
    **dict.fromkeys(("drop_path_rate", "drop_path"), "stochastic_depth={value!r}"),
    "top": "include_top={value!r}",
    "notop": "include_top=False",
    **dict.fromkeys(("head_activation", "output_activation"), "classifier_activation={value!r}"),
}


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
    return layers.GlobalMaxPooling2D("channels_last", name="max_pool")(x)


def own_words(more: str = "") -> Callable[[Function], Function]:
    """Decorates a function, which then names the right word for an argument that it has not.

    Args:
        more: The end of the message of the `TypeError`.
    """

    def decorate(function):
        known = list(inspect.signature(function).parameters)

        @functools.wraps(function)
        def call(*args, **kwargs):
            for word, value in kwargs.items():
                if word not in known:
                    raise TypeError(
                        f"{function.__name__}() got an unexpected keyword argument: "
                        f"{_meant(word, value, known)}.{more} Received: {word}={value!r}"
                    )
            return function(*args, **kwargs)

        return call

    return decorate


def _meant(word, value, known):
    """What to do about an argument that is none of the known ones."""
    near = difflib.get_close_matches(word, known, 1)
    similar = near[0] + "={value!r}" if near else ""
    for call in (ELSEWHERE.get(word, ""), similar):
        if call.partition("=")[0] in known:
            return f"give `{call.format(value=value)}` in its place"
    return f"it has {', '.join(known)}"


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

    @own_words()
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
