"""How the same weights lie in memory in other libraries.

A `Layout` makes a weight of this library of the arrays of a file (`load`), and arrays for a file
of the weight (`save`). Where it can, the result is a view of the same numbers.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Layout(NamedTuple):
    """Two functions: from their arrays to ours, and from ours to a list of theirs."""

    load: Callable
    save: Callable | None


def empty(shape, dtype):
    """`numpy.empty` at an address that is a multiple of 64: `backend.adopt` then needs no copy."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + 64, "uint8")
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)


def contiguous(array):
    """`numpy.ascontiguousarray` by blocks, four times as fast where axes were reversed."""
    if array.ndim < 2 or array.flags.c_contiguous or 0 in array.strides:
        return array
    found = empty(array.shape, array.dtype)
    rows = max(512 // math.prod(array.shape[:-2]), 1)  # of 64 outputs, a block fits into the cache
    for row in range(0, array.shape[-2], rows):
        for output in range(0, array.shape[-1], 64):
            block = (..., slice(row, row + rows), slice(output, output + 64))
            found[block] = array[block]
    return found


def oihw_to_hwio(kernel):
    """A convolution's kernel from PyTorch and Caffe: outputs first, inputs, rows, columns.

    A grouped kernel has the inputs of one group, there as here.
    """
    return kernel.transpose(2, 3, 1, 0)


def hwio_to_oihw(kernel):
    """The way back from `oihw_to_hwio`."""
    return kernel.transpose(3, 2, 0, 1)


def transposed(matrix):
    """A dense layer's matrix from PyTorch and Caffe (outputs, then inputs), or back."""
    return matrix.T


def rows_to_hwc(matrix, maps):
    """The matrix of a dense layer after maps that were flattened in the order C, H, W.

    From `(outputs, C * H * W)` to `(H * W * C, outputs)`. `maps` is `(H, W, C)`.
    """
    height, width, channels = maps
    kernel = matrix.reshape(-1, channels, height, width)
    return contiguous(kernel.transpose(2, 3, 1, 0)).reshape(height * width * channels, -1)


def rows_to_chw(matrix, maps):
    """The way back from `rows_to_hwc`."""
    height, width, channels = maps
    kernel = matrix.reshape(height, width, channels, -1)
    return kernel.transpose(3, 2, 0, 1).reshape(-1, channels * height * width)


def fused(queries, keys, values):
    """Three kernels `(D, heads, D_h)` as one `(D, 3D)`, or biases `(heads, D_h)` as `(3D,)`."""
    return np.concatenate(
        [part.reshape(*part.shape[:-2], -1) for part in (queries, keys, values)], axis=-1
    )


def unfused(qkv, heads):
    """The way back from `fused`."""
    parts = np.split(qkv, 3, axis=-1)
    return [part.reshape(*part.shape[:-1], heads, -1) for part in parts]


def of_heads(kernel):
    """The kernel of attention's output, `(heads, D_h, D)`, as `(D, D)`."""
    return kernel.reshape(-1, kernel.shape[-1])


def to_heads(kernel, heads):
    """The way back from `of_heads`."""
    return kernel.reshape(heads, -1, kernel.shape[-1])


def reversed_channels(kernel):
    """The first kernel for RGB from one for BGR, or back."""
    return kernel[..., ::-1, :]


def without_bias(mean, bias=None):
    """The mean of a batch normalization from which the bias of the convolution is subtracted.

    With `y = w * x`, `(y + bias) - mean = y - (mean - bias)`. It is computed in float64.
    """
    return mean if bias is None else (mean.astype("float64") - bias).astype("float32")


def unscaled(sums, factor):
    """Caffe's mean or variance: a sum, divided by a factor, or 0 if the factor is 0."""
    factor = float(factor.reshape(-1)[0])
    return sums * np.float32(0.0 if factor == 0 else 1.0 / factor)


def more_epsilon(variance, difference):
    """The variance with a difference of two `epsilon`s added: variance + epsilon stays the same."""
    if not difference:
        return variance
    return (variance.astype("float64") + difference).astype("float32")


def other_channels(kernel, channels):
    """A first kernel `(..., old, outputs)` for another number of channels.

    An image with equal channels gives the same outputs as before. If there are more channels
    than before, each takes an old one in turn, divided by the number of its copies. If there
    are fewer, each has the same share of the sum.
    """
    old = kernel.shape[-2]
    if channels < old:
        share = kernel.sum(axis=-2, keepdims=True, dtype="float64") / channels
        return np.repeat(share.astype(kernel.dtype), channels, axis=-2)
    takes = np.arange(channels) % old
    return kernel[..., takes, :] / np.bincount(takes)[takes][:, None].astype(kernel.dtype)


def _one(function):
    return lambda array: [function(array)]


SAME = Layout(lambda array: array, lambda array: [array])
CONVOLUTION = Layout(oihw_to_hwio, _one(hwio_to_oihw))
DENSE = Layout(transposed, _one(transposed))


def flattened(maps):
    """The layout of `rows_to_hwc`, for maps `(H, W, C)`."""
    return Layout(
        functools.partial(rows_to_hwc, maps=maps), _one(functools.partial(rows_to_chw, maps=maps))
    )


def as_convolution(maps):
    """The layout of a dense layer after maps `(H, W, C)` that is a convolution in the file."""
    return Layout(
        lambda kernel: oihw_to_hwio(kernel).reshape(math.prod(maps), -1),
        lambda matrix: [hwio_to_oihw(matrix.reshape(*maps, -1))],
    )


def heads_apart(heads):
    """The layout of `fused`."""
    return Layout(fused, functools.partial(unfused, heads=heads))


def side_by_side(count):
    """The layout of matrices, outputs first, or vectors, each of a share of our outputs."""
    return Layout(
        lambda *parts: np.concatenate([part.T for part in parts], axis=-1),
        lambda array: [part.T for part in np.split(array, count, axis=-1)],
    )


def heads_joined(heads):
    """The layout of `of_heads`."""
    return Layout(of_heads, _one(functools.partial(to_heads, heads=heads)))


def chained(inner, outer):
    """A layout of two: the arrays of a file go through `inner`, the result through `outer`."""
    return Layout(
        lambda *arrays: outer.load(inner.load(*arrays)),
        lambda array: inner.save(outer.save(array)[0]),
    )


def reordered(order, axis):
    """The layout of maps in another order along an axis, `ours[k] = theirs[order[k]]`."""
    return Layout(
        lambda array: array.take(order, axis),
        _one(lambda array: array.take(np.argsort(order), axis)),
    )


REVERSED = Layout(reversed_channels, _one(reversed_channels))


def same_numbers(found, expected):
    """Whether two shapes are the same, except that neighbouring axes can be merged in one.

    `(1, 1, 4096)` is `(4096,)`, and `(4096, 512, 7, 7)` is `(4096, 25088)`.
    """
    if math.prod(found) != math.prod(expected):
        return False
    if 0 in found:
        return found == expected
    short, long = sorted((found, expected), key=len)
    long = iter(long)
    for side in short:
        merged = 1
        while merged < side:
            merged *= next(long)
        if merged != side:
            return False
    return True
