"""What the first layers ask of a photograph, told before it is decoded.

Resizing and cropping need the size of an image and no pixels to say where they look. So of an
encoded photograph only the rows and columns that count need be decoded, and a large one in small.
"""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_classics import backend

# A box is decoded in small if at least this many of its pixels, along each axis, still become one.
# Pillow's `thumbnail` keeps as many.
GAP = 1.5


@dataclasses.dataclass(frozen=True)
class Window:
    """A box of an image that is resized, bilinearly and antialiased, and a part of the result.

    Args:
        box: `(top, left, height, width)` in the image. Pixels outside of it do not count.
        size: `(height, width)` that the box becomes.
        part: `(top, left, height, width)` of the resized box, which is left in the end.
        flip: Whether the part is mirrored; `None`: never.
        short: A length that both sides of `size` are known to have.
    """

    box: tuple
    size: tuple
    part: tuple
    flip: Any = None
    short: int = 0

    def cut(self, top, left, size, flip=None):
        """The window of a patch of this one's part, at `(top, left)`."""
        part = (self.part[0] + top, self.part[1] + left, *size)
        return dataclasses.replace(self, part=part, flip=flip, short=min(size))

    def along(self, axis):
        """Start and length of the box, its new length, start and length of the part."""
        return (*self.box[axis::2], self.size[axis], *self.part[axis::2])


def first(layers, sides, training):
    """The window that the first layers ask for.

    A layer that begins has a method `window(sides, training)`, and one that goes on
    `narrow(window, training)`; both return a `Window`, or `None` where they need all pixels.

    Args:
        layers: Layers of a recipe, called in turn.
        sides: `(height, width)` of an image.
        training: Whether they draw at random.

    Returns:
        The window, or `None`, and the layers that are left.
    """
    layers = list(layers)
    asks = layers and hasattr(layers[0], "window")
    window = following = layers[0].window(sides, training) if asks else None
    while following is not None:
        window = following
        layers.pop(0)
        may_go_on = layers and window.flip is None
        following = _narrow(layers[0], window, training) if may_go_on else None
    return window, layers


def _narrow(layer, window, training):
    if hasattr(layer, "narrow"):
        return layer.narrow(window, training)
    if isinstance(layer, keras.layers.CenterCrop):
        size = (layer.height, layer.width)
        if max(size) <= window.short:  # else it resizes
            start = ((side - new) // 2 for side, new in zip(window.part[2:], size, strict=True))
            return window.cut(*start, size)
    return None


def read(window, sides, halvings, pixels):
    """The pixels of a window, float32.

    Args:
        window: The window.
        sides: `(height, width)` of the image.
        halvings: How often these may be halved while it is decoded, where that is enough.
        pixels: Function from a box `(top, left, height, width)` in the image with sides halved
            so many times, and this number, to the pixels in it.
    """
    axes = [window.along(axis) for axis in (0, 1)]
    shrinks = [_ratio(length, new) for _, length, new, *_ in axes]
    enough = [ops.minimum(*shrinks) >= GAP * 2**times for times in (1, 2, 3)]
    halvings = ops.minimum(sum(ops.cast(each, "int32") for each in enough), halvings)
    factor = 2**halvings
    spans = [_span(*axis, side, factor) for axis, side in zip(axes, sides, strict=True)]
    box = [*(low for low, _ in spans), *(high - low for low, high in spans)]
    places = []
    for (start, length, new, begin, _), (low, _) in zip(axes, spans, strict=True):
        scale = _ratio(new, length)
        shift = ops.cast(low * factor - start, "float32") * scale - ops.cast(begin, "float32")
        places.append((ops.cast(factor, "float32") * scale, shift))
    scale, shift = zip(*places, strict=True)
    return backend.place(pixels(box, halvings), window.part[2:], scale, shift, window.flip)


def read_with_pillow(window, image, training):
    """The pixels of a window of an image of Pillow, which may be undecoded.

    In training, in small where the image is large, and rounded to whole levels after each axis,
    as Pillow does: in half the time.
    """
    from PIL import Image

    axes = [tuple(map(int, window.along(axis))) for axis in (1, 0)]  # columns first
    shrink = min(length / new for _, length, new, *_ in axes)
    factors = [factor for factor in (2, 4, 8) if training and shrink >= GAP * factor]
    factor = max([1, *factors])
    sides = image.size
    image.draft("RGB", tuple(-(-side // factor) for side in sides))  # of a JPEG
    image = image.convert("RGB")
    factor = round(sides[0] / image.width)
    edges = []  # where the box begins and ends in what has been decoded, and the part
    for (start, length, new, begin, count), side in zip(axes, image.size, strict=True):
        low, high = start // factor, min(-(-(start + length) // factor), side)
        first, last = ((start + edge * length / new) / factor for edge in (begin, begin + count))
        edges.append((low, high, max(first - low, 0), min(last, high) - low))
    if any(
        (low, high) != (0, side) for (low, high, *_), side in zip(edges, image.size, strict=True)
    ):
        image = image.crop([edge[end] for end in (0, 1) for edge in edges])
    part = [edge[end] for end in (2, 3) for edge in edges]
    resized = ([axis[-1] for axis in axes], Image.Resampling.BILINEAR, part)
    if training:
        image = np.asarray(image.resize(*resized))
    else:
        planes = [plane.convert("F").resize(*resized) for plane in image.split()]
        image = np.stack(planes, axis=-1)
    return image[:, ::-1] if window.flip is not None and window.flip else image


def _ratio(one, other):
    return ops.cast(one, "float32") / ops.cast(other, "float32")


def _span(start, length, new, begin, count, side, factor):
    """First and last pixel, along an axis, that count for a part of a resized box."""
    length, start = ops.cast(length, "float32"), ops.cast(start, "int32")
    scale = length / ops.cast(new, "float32")
    reach = ops.maximum(scale, 1.0) + 0.5
    middle = (ops.cast(begin, "float32") + 0.5) * scale
    low = ops.floor(ops.clip(middle - reach, 0.0, length))
    middle = (ops.cast(begin + count, "float32") - 0.5) * scale
    high = ops.ceil(ops.clip(middle + reach, 0.0, length))
    low, high = (start + ops.cast(end, "int32") for end in (low, high))
    return low // factor, ops.minimum((high - 1) // factor + 1, (side - 1) // factor + 1)
