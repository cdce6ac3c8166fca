"""Boxes in images: where they lie, how they are cut out, and how they are resized.

`images` is one image `(height, width, channels)`, with numbers for a box, or a batch of them,
with numbers or one vector of them. Sizes may be unknown until TensorFlow's graph runs.
"""

import keras
import numpy as np
from keras import ops

from keras_classics import backend


def sides(images):
    """Height and width: integers, or scalar tensors where they are unknown."""
    return ops.shape(images)[-3:-1]


def pair(size):
    """`(height, width)` of an integer or a pair."""
    return (size, size) if isinstance(size, int) else tuple(size)


def draw(batch, count, seeds, training):
    """Draws `count` numbers for each image: even from 0 to 1 in training, one half otherwise.

    `batch` is `()` for one image, and `(n,)` for a batch.
    """
    shape = (count, *batch)
    if training:
        return keras.random.uniform(shape, dtype="float32", seed=seeds)
    return ops.full(shape, 0.5, dtype="float32")


def offset(number, room):
    """Turns a number from 0 to 1 into an offset from 0 to `room`, and one half into its middle.

    Of even numbers, all offsets are equally likely.
    """
    room = ops.cast(room, "float32")
    return ops.cast(room - ops.floor(number * (room + 1)), "int32")


def refuse_smaller(images, size):
    """Refuses images that are smaller than the crop."""
    rows, columns = sides(images)
    return backend.refuse(
        images,
        (rows < size[0]) | (columns < size[1]),
        f"The image must be at least as large as the crop of {size[0]}x{size[1]}: rescale it first "
        "(`RescaleShortSide`), or take a smaller crop.",
        height=rows,
        width=columns,
    )


def cut(images, top, left, size):
    """Cuts out the box with its corner at `(top, left)`, the same in every image."""
    if isinstance(images, np.ndarray):
        return images[..., top : top + size[0], left : left + size[1], :]
    *batch, _, _, channels = ops.shape(images)
    zeros = [0] * len(batch)
    return ops.slice(images, (*zeros, top, left, 0), (*batch, *size, channels))


def cut_each(images, top, left, size, flip):
    """Cuts a box of its own out of each image, mirrored where `flip`."""
    if len(images.shape) == 3:
        crop = cut(images, top, left, size)
        return backend.either(flip, lambda: ops.flip(crop, axis=-2), lambda: crop)
    n, height, width, channels = ops.shape(images)
    across = ops.arange(size[1])
    across = ops.where(flip[:, None], size[1] - 1 - across, across) + left[:, None]
    down = ops.arange(size[0]) + top[:, None] + height * ops.arange(n)[:, None]
    pixels = down[:, :, None] * width + across[:, None, :]  # (n, height, width) of the boxes
    return ops.take(ops.reshape(images, (-1, channels)), pixels, axis=0)


def resize(images, box, size, flip=None, antialias=True, interpolation="bilinear"):
    """Resizes a box `(top, left, height, width)` to `size`, as float32.

    Nothing outside the box is read. With `antialias`, where the box shrinks, the triangle of the
    interpolation is as wide as an output pixel, as in Pillow. Without it, two neighbours count
    along each axis, however much the box shrinks. `"bicubic"` is Keys's cubic of a = -1/2 in
    place of the triangle, twice as wide.
    """
    if len(images.shape) == 3:
        if backend.resize_one():
            crop = cut(images, *box[:2], box[2:])
            crop = backend.resize_one()(crop, size, interpolation, antialias=antialias)
            if flip is None:
                return crop
            return backend.either(flip, lambda: ops.flip(crop, axis=-2), lambda: crop)
        if backend.eager(images):  # JAX would compile anew for each size
            return ops.convert_to_tensor(
                _resize_in_numpy(images, box, size, flip, antialias, interpolation)
            )
        flip = None if flip is None else ops.reshape(flip, (1,))
        box = [ops.reshape(number, (1,)) for number in box]
        return resize(images[None], box, size, flip, antialias, interpolation)[0]
    rows, columns = sides(images)
    down = weights(box[0], box[2], rows, size[0], antialias, interpolation)
    across = weights(box[1], box[3], columns, size[1], antialias, interpolation)
    if flip is not None:
        across = ops.where(flip[:, None, None], ops.flip(across, axis=-2), across)
    images = ops.cast(images, "float32")
    images = ops.einsum("nir,nrcd->nicd" if len(down.shape) == 3 else "ir,nrcd->nicd", down, images)
    return ops.einsum(
        "njc,nicd->nijd" if len(across.shape) == 3 else "jc,nicd->nijd", across, images
    )


def _resize_in_numpy(image, box, size, flip, antialias, interpolation):
    image = ops.convert_to_numpy(image).astype("float32")
    down = weights(box[0], box[2], image.shape[0], size[0], antialias, interpolation, np)
    across = weights(box[1], box[3], image.shape[1], size[1], antialias, interpolation, np)
    if flip is not None and flip:
        across = across[::-1]
    down, across = down.astype("float32"), across.astype("float32")
    image = np.tensordot(down, image, 1)  # (new height, width, channels)
    return np.tensordot(across, image, (1, 1)).swapaxes(0, 1)


def weights(start, length, side, count, antialias, interpolation, of=ops, most=None):
    """The weights of `side` pixels in each of the `count` pixels that a box becomes.

    Counts may be a vector of numbers, one for each image. Then there are the weights of `most`
    pixels, of which those after the `count` are 0.
    """
    # NumPy computes in float64; and axes are added by name: ONNX cannot do it by an ellipsis.
    cast, dtype = (ops.cast, "float32") if of is ops else (np.asarray, "float64")
    start, length = (of.expand_dims(cast(number, dtype), -1) for number in (start, length))
    pixels = of.arange(side, dtype=dtype)
    count, numbers = cast(count, dtype), of.arange(most or count, dtype=dtype)
    count = of.expand_dims(count, -1) if most else count
    scale = length / count
    centres = start + (numbers + 0.5) * scale - 0.5
    reach = of.maximum(scale, 1.0) if antialias else of.ones_like(scale)
    distance = of.abs(pixels - of.expand_dims(centres, -1)) / of.expand_dims(reach, -1)
    inside = of.expand_dims((pixels >= start) & (pixels < start + length), -2)
    if interpolation == "bicubic":
        near = (1.5 * distance - 2.5) * distance * distance + 1
        far = ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
        shape = of.where(distance < 1, near, of.where(distance < 2, far, 0.0))
    else:
        shape = of.maximum(1 - distance, 0.0)
    if most:
        inside = inside & of.expand_dims(numbers < count, -1)
    shares = of.where(inside, shape, 0.0)  # (..., count, side)
    total = of.sum(shares, axis=-1, keepdims=True)
    return shares / (of.where(total == 0, 1.0, total) if most else total)


def resize_in_levels(images, size, antialias, interpolation):
    """Resizes a batch as Pillow does images of bytes, to the same levels, as float32.

    The columns come first. After each axis, the values are rounded to whole grey levels, and
    clipped to those from 0 to 255. As in Pillow, weights are multiples of `2 ** -22`, and sums are
    exact: in float32 they are so of eleven bits of the weights at once.
    """
    rows, columns = sides(images)
    images = ops.cast(images, "float32")
    passes = ((columns, size[1], "jc,nrcd->nrjd"), (rows, size[0], "ir,nrjd->nijd"))
    for side, count, product in passes:
        # Where TensorFlow does not know the sides yet, a sum midway between levels may be one off.
        of = np if isinstance(side, int) and isinstance(count, int) else ops
        shares = weights(0, side, side, count, antialias, interpolation, of)
        shares = of.round(shares * 2**22)
        high = of.floor(shares / 2**11)
        high, low = (
            ops.cast(ops.einsum(product, ops.cast(bits, "float32"), images), "int32")
            for bits in (high, shares - 2**11 * high)
        )
        levels = ops.floor_divide(2**11 * high + low + 2**21, 2**22)
        images = ops.cast(ops.clip(levels, 0, 255), "float32")
    return images


def resize_with_pillow(image, size, part, interpolation, levels):
    """A part of a resized image of bytes, antialiased, as float32.

    Args:
        image: NumPy's `(height, width, channels)`, uint8.
        size: What the whole image becomes.
        part: `(top, left, height, width)` of the result, which is returned.
        interpolation: `"bilinear"` or `"bicubic"`.
        levels: Whether values are rounded to grey levels after each axis.
    """
    from PIL import Image

    top, left, rows, columns = part
    method = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    planes = [
        Image.fromarray(plane if levels else plane.astype("float32")).resize(
            size[::-1], method[interpolation]
        )
        for plane in np.moveaxis(image, -1, 0)
    ]
    planes = [np.asarray(plane)[top : top + rows, left : left + columns] for plane in planes]
    return np.stack(planes, axis=-1).astype("float32")


def rescale(images, short_side, antialias=True, interpolation="bilinear"):
    """Rescales images so that their shorter side is `short_side`, as float32."""
    rows, columns = sides(images)
    size = sides_for((rows, columns), short_side)
    return resize(images, (0, 0, rows, columns), size, None, antialias, interpolation)


def sides_for(sides, short_side, truncates=False):
    """Height and width in proportion, rounded or truncated, for a shorter side of `short_side`."""
    rows, columns = sides
    known = isinstance(rows, int) and isinstance(columns, int)
    shorter = min(rows, columns) if known else ops.minimum(rows, columns)
    more = 0 if truncates else shorter // 2
    return [(side * short_side + more) // shorter for side in (rows, columns)]
