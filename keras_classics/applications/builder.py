"""What all builders do alike, whatever their paper."""

import functools
import inspect

import keras
from keras import layers

from keras_classics import weights


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


def pretrained(network=None, **variant):
    """Decorates a builder, which then need not know its argument `weights`.

    `None` leaves the model as it starts. The path of a file, or the name of a release
    (`keras_classics.weights.cards()`), loads it: a release also sets those arguments that its
    network needs and that the builder was not given; others that were given are an error. The
    classes, the channels of the image and the patches of a Vision Transformer may be others
    than the file's: see `keras_classics.weights.load`.

    Args:
        network: Name of the paper's builder that the decorated one calls. Default: its own.
        **variant: The arguments that it calls that builder with.
    """

    def decorate(builder):
        signature = inspect.signature(builder)

        @functools.wraps(builder)
        def build(*args, **kwargs):
            given = dict(signature.bind(*args, **kwargs).arguments)
            source = given.pop("weights", None)
            if source is None:
                return builder(*args, **kwargs)
            release = weights.card.choose(network or builder.__name__, source, {**variant, **given})
            if release is None:
                return weights.load(builder(**given), source, adapt=True)
            needed = {k: v for k, v in release.fill(given).items() if k not in variant}
            path = release.path()
            return weights.load(builder(**needed), path, adapt=True)

        if network is None:
            weights.card.BUILDERS[builder.__name__] = build
        return build

    return decorate
