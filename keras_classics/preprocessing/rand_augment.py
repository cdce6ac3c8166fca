"""Random operations of one common strength on an image (Cubuk et al., 2020)."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_classics import backend
from keras_classics.checks import arguments, one_of, several
from keras_classics.preprocessing import boxes
from keras_classics.preprocessing.pixels import check_pixels

# By what they touch. The paper's section 3 lists all but the three that others added.
POINTS = "autocontrast equalize solarize posterize contrast brightness invert solarize_add".split()
STATISTICS = {"autocontrast", "equalize", "contrast"}  # look at all pixels
PLANE = "rotate shear_x shear_y translate_x translate_y".split()
NAMES = ("identity", *POINTS, "color", "sharpness", *PLANE, "cutout")

PAPER = (
    *("identity", "autocontrast", "equalize", "rotate", "solarize", "color", "posterize"),
    *("contrast", "brightness", "sharpness", "shear_x", "shear_y", "translate_x", "translate_y"),
)
AUGREG = (*PAPER[1:], "invert", "solarize_add", "cutout")
DEIT = (*AUGREG[:-1], *["identity"] * 15)  # each of the 15 is left out half of the time
GREY = 128.0  # what comes in from outside the image
LUMA = (19595, 38470, 7471)  # of red, green and blue, in 65536ths: ITU-R 601


@keras.saving.register_keras_serializable(package="keras_classics")
class RandAugment(keras.layers.Layer):
    """Changes each image by a few operations drawn at random, in training only.

    An operation is drawn `num_layers` times, all equally likely, and each time a level
    `m ~ N(magnitude, magnitude_std)`, clipped to 0..max(10, magnitude). With `f = m / 10`,
    pixels `x` from 0 to 255 and a random sign, the operations do as Pillow's of their names:

    - `rotate`: by ±30 f degrees about the centre; `shear_x`, `shear_y`: by ±0.3 f;
      `translate_x`, `translate_y`: by ±0.45 f of the side. Bilinear; grey (128) comes in.
    - `color`, `contrast`, `brightness`, `sharpness`: `d + s (x - d)` with `s = 0.1 + 1.8 f`;
      `d` is the image in grey, its mean grey, black, or the image smoothed.
    - `solarize`: `255 - x` from 256 f on; `posterize`: the upper 4 f bits of `x`,
      at least one.
    - `autocontrast` and `equalize`, of each channel; `identity`.
    - Not the paper's: `invert`; `solarize_add`: 110 f is added below 128; `cutout`: a grey
      rectangle, of 0.36 f of each side, about a random point.

    Levels of more than 10 go on along the same lines. Solarize and posterize weaken as the
    level rises, and the four blends change nothing at 5. With `increasing` all strengthen with
    it: `s = max(0.1, 1 ± 0.9 f)`, `256 - 256 f` and `4 - 4 f` bits.

    The paper gives operations and levels, but not their ranges. The ranges are those of the
    authors' code, with these differences: that code translates by 100 f and cuts out 80 f of
    224 pixels, posterize can leave no bit at all, contrast takes the number of pixels for their
    mean, and the transforms take the nearest pixel. The recipes of ViT:

    - AugReg: `operations=AUGREG`, a magnitude of 10 (light), 15 (medium) or 20 (strong).
    - DeiT (`rand-m9-mstd0.5-inc1`): `operations=DEIT, magnitude_std=0.5, increasing=True`. It
      interpolates bicubically, and its grey is ImageNet's mean.

    The operations drawn for an image are composed in a fixed order: operations on single pixels
    in the order drawn, as one table of 256 values for each channel; then one blend with grey
    and one sharpening (`s` of two is their product); then one affine transform, in the order
    drawn; then cutout. In the paper, an operation works on the result of the one drawn before.
    Therefore two things differ here: grey that came in is never brightened, nor counted by
    `equalize`; and what one transform moved out of the image, the next may bring back. A single
    operation, and several of one kind, are as in the paper, except for the interpolation
    between two transforms.

    Args:
        num_layers: `N`. Paper: 2 on ImageNet.
        magnitude: `M`, out of 10. Paper: 9 for ResNet-50.
        magnitude_std: Standard deviation of the level. Paper: 0.
        increasing: Whether every operation strengthens with the level.
        operations: Their names; one that comes twice is twice as likely. Paper: the 14 of
            `PAPER`.
        seed: Seed of the draws.

    Input and output shape: `(height, width, 3)` or `(batch, height, width, 3)`, RGB from 0
    to 255, of any size, which `tf.data` need not know. In training, pixels are first rounded
    to whole grey levels; an image plainly in another range is an error.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import RandAugment

    images = np.random.uniform(0, 255, (2, 32, 32, 3))
    print(RandAugment(num_layers=2, magnitude=9)(images, training=True).shape)
    ```

    Reference: Cubuk, Zoph, Shlens & Le, "RandAugment: Practical Automated Data Augmentation
    with a Reduced Search Space", NeurIPS 2020 (arXiv:1909.13719). The recipes: Steiner et
    al., arXiv:2106.10270 (AugReg); Touvron et al., arXiv:2012.12877 (DeiT).
    """

    @arguments(operations=several(one_of(*NAMES)))
    def __init__(
        self,
        num_layers: int = 2,
        magnitude: float = 9,
        magnitude_std: float = 0.0,
        increasing: bool = False,
        operations: Sequence[str] = PAPER,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.magnitude = magnitude
        self.magnitude_std = magnitude_std
        self.increasing = increasing
        self.operations = operations
        self.seed = seed
        self.supports_jit = False  # TensorFlow's affine transform does not compile with XLA
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=4, axes={-1: 3})
        self._seeds = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):  # (..., height, width, 3)
        if not training:
            return ops.cast(images, self.compute_dtype)
        images = check_pixels(images)
        if len(images.shape) == 3 and backend.has_host(images):
            drawn = (x[:, 0] for x in self.draw(images))
            image = backend.on_host(self.augment_one, images, *drawn)
            return ops.cast(image, self.compute_dtype)
        batch = images if len(images.shape) == 4 else images[None]
        batch = ops.clip(ops.round(ops.cast(batch, "float32")), 0, 255)
        batch = self.augment(batch, *self.draw(batch))
        return ops.cast(ops.reshape(batch, ops.shape(images)), self.compute_dtype)

    def draw(self, images):
        """Draws for each layer and image; all results have the shape `(num_layers, batch)`.

        Returns:
            The operation as its index in `NAMES`, `f`, the sign, and the centre of cutout, two
            shares of the sides.
        """
        numbers = boxes.draw(ops.shape(images)[:-3], 5 * self.num_layers, self._seeds, True)
        drawn, level, sign, *center = ops.unstack(ops.reshape(numbers, (5, self.num_layers, -1)), 5)
        codes = ops.convert_to_tensor([NAMES.index(name) for name in self.operations], "int32")
        operation = ops.take(codes, ops.cast(drawn * len(self.operations), "int32"))
        if self.magnitude_std:
            normal = math.sqrt(2) * ops.erfinv(2 * level - 1)
            level = self.magnitude + self.magnitude_std * normal
            level = ops.clip(level, 0.0, max(10.0, self.magnitude))
        else:
            level = ops.full_like(level, self.magnitude)
        return operation, level / 10, ops.where(sign < 0.5, -1.0, 1.0), *center

    def augment(self, images, operation, f, sign, *center):
        """Applies to a batch of images what was drawn."""

        def any_of(*names):
            return ops.any(ops.take([name in names for name in NAMES], operation))

        def amount(name, value, otherwise):
            return ops.where(operation == NAMES.index(name), value, otherwise)

        strength = self._strength(f, sign)
        color, sharpness = (
            ops.prod(amount(name, strength, 1.0), axis=0)[:, None, None, None]
            for name in ("color", "sharpness")
        )
        images = backend.either(
            any_of(*POINTS),
            lambda: self._look_up(images, operation, f, strength, any_of),
            lambda: images,
        )
        colored = backend.either(
            any_of("color"), lambda: _blend(_grey(images), images, color), lambda: images
        )
        sharp = backend.either(
            any_of("sharpness"), lambda: _sharpen(colored, sharpness), lambda: colored
        )
        moved = backend.either(
            any_of(*PLANE), lambda: _transform(sharp, amount, f * sign), lambda: sharp
        )
        half = amount("cutout", 0.18 * f, 0.0)
        return backend.either(
            any_of("cutout"), lambda: _cut_out(moved, half, center), lambda: moved
        )

    def augment_one(self, image, operation, f, sign, *center):
        """Does the same to one image, in NumPy and Pillow on the processor: only what was drawn.

        Args:
            image: Array `(height, width, 3)`.
            operation, f, sign, *center: What was drawn, arrays `(num_layers,)`.

        Returns:
            A float32 array.
        """
        from PIL import Image

        image = np.clip(np.rint(image), 0, 255).astype("uint8")
        names = [NAMES[code] for code in operation]
        strength = self._strength(f, sign, np)
        if set(names) & set(POINTS):
            picture = Image.fromarray(image)
            counts = np.reshape(picture.histogram(), (3, 256))
            table = np.tile(np.arange(256), (3, 1))
            for name, level, s in zip(names, f, strength, strict=True):
                if name in POINTS:
                    step = self._tables(counts, level, s, np)[name]()
                    step = np.broadcast_to(np.clip(step, 0, 255), (3, 256)).astype("int32")
                    table = np.take_along_axis(step, table, axis=1)
                    if STATISTICS & set(names[1:]):
                        pairs = zip(step, counts, strict=True)
                        counts = np.stack([np.bincount(to, many, 256) for to, many in pairs])
            image = np.asarray(picture.point(table.ravel().tolist()))

        def amount(name, value, otherwise):
            return np.where([each == name for each in names], value, otherwise)

        if "color" in names:
            grey = np.asarray(Image.fromarray(image).convert("L"), "float32")[..., None]
            image = _blend(grey, image, np.prod(amount("color", strength, 1.0)), np)
        image = image.astype("float32")
        if "sharpness" in names:
            image = _sharpen(image[None], np.prod(amount("sharpness", strength, 1.0)), np)[0]
        if set(names) & set(PLANE):
            # Grey comes in by degrees at the rim, as from a frame of one pixel.
            height, width, _ = image.shape
            framed = np.full((3, height + 2, width + 2), GREY, "float32")
            framed[:, 1:-1, 1:-1] = image.transpose(2, 0, 1)
            matrix = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 1]], "float64")
            for step in _matrices((height, width), amount, (f * sign).astype("float64"), np):
                matrix = matrix @ step
            how = (Image.Transform.AFFINE, matrix.ravel()[:6], Image.Resampling.BILINEAR)
            for channel, plane in enumerate(framed):
                plane = Image.fromarray(plane).transform((width, height), *how, fillcolor=GREY)
                image[..., channel] = plane
        if "cutout" in names:
            half = amount("cutout", 0.18 * f, 0.0)
            image = _cut_out(image, half, center, np)
        return image

    def _strength(self, f, sign, of=ops):
        return of.maximum(0.1, 1 + 0.9 * sign * f) if self.increasing else 0.1 + 1.8 * f

    def _look_up(self, images, operation, f, strength, any_of):
        """Applies all operations on single pixels, by one table for each image and channel."""
        n, height, width, _ = shape = ops.shape(images)
        first = 256 * ops.arange(3 * n, dtype="int32")  # where each table starts
        # TensorFlow adds rows of pixels three times as fast as single pixels.
        rows = ops.reshape(ops.cast(images, "int32"), (n, height, 3 * width))
        pixels = rows + ops.tile(ops.reshape(first, (n, 1, 3)), (1, 1, width))
        first = ops.reshape(first, (n, 3, 1))

        def count(numbers, places):
            numbers, places = ops.reshape(numbers, (-1,)), ops.reshape(places, (-1,))
            return ops.reshape(ops.segment_sum(numbers, places, 768 * n), (n, 3, 256))

        table = ops.broadcast_to(ops.arange(256, dtype="int32"), (n, 3, 256))
        counts = backend.either(
            any_of(*STATISTICS),
            lambda: count(ops.ones_like(pixels), pixels),
            lambda: ops.zeros_like(table),
        )
        for layer in range(self.num_layers):
            drawn, level, s = (x[layer][:, None, None] for x in (operation, f, strength))
            step = first + ops.cast(self._table(counts, drawn, level, s), "int32")
            table = ops.take(step - first, first + table)
            counts = count(counts, step)
        return ops.reshape(ops.cast(ops.take(table, pixels), "float32"), shape)

    def _table(self, counts, operation, f, strength):
        """The values that one operation of each image gives to 0 to 255."""
        result = ops.arange(256, dtype="float32")
        for name, table in self._tables(counts, f, strength).items():
            result = ops.where(operation == NAMES.index(name), table(), result)
        return ops.clip(result, 0, 255)

    def _tables(self, counts, f, strength, of=ops):
        """By name, functions to the values that the operations on single pixels give to 0 to 255.

        `counts` are the numbers of pixels of each value, by image and channel. `of` is the module
        that computes, `keras.ops` or NumPy.
        """
        x = of.arange(256, dtype="float32")

        def autocontrast():
            low = of.min(of.where(counts > 0, x, 255.0), axis=-1, keepdims=True)
            high = of.max(of.where(counts > 0, x, 0.0), axis=-1, keepdims=True)
            wide = of.floor((x - low) * 255 / of.maximum(high - low, 1))
            return of.where(high > low, wide, x)

        def equalize():
            high = of.max(of.where(counts > 0, x, 0.0), axis=-1, keepdims=True)
            total = of.sum(counts, axis=-1, keepdims=True)
            step = (total - of.sum(of.where(x == high, counts, 0), axis=-1, keepdims=True)) // 255
            below = of.cumsum(counts, axis=-1) - counts
            equal = of.minimum((step // 2 + below) // of.maximum(step, 1), 255)
            return of.where(step > 0, _cast(equal, "float32", of), x)

        def contrast():
            luma = of.expand_dims(of.array(LUMA, "float32"), -1) / 65536 * x
            total = _cast(of.sum(counts[..., :1, :], axis=-1, keepdims=True), "float32", of)
            mean = of.sum(luma * _cast(counts, "float32", of), axis=(-2, -1), keepdims=True)
            mean = of.floor(mean / of.maximum(total, 1) + 0.5)
            return _blend(mean, x, strength, of)

        def solarize():
            threshold = of.floor(256 * f)
            threshold = 256 - threshold if self.increasing else threshold
            return of.where(x < threshold, x, 255 - x)

        def posterize():
            bits = of.floor(4 * f)
            bits = 4 - bits if self.increasing else bits
            return x - x % 2 ** (8 - of.clip(bits, 1, 8))

        return {
            "autocontrast": autocontrast,
            "equalize": equalize,
            "solarize": solarize,
            "posterize": posterize,
            "contrast": contrast,
            "brightness": lambda: _blend(0.0, x, strength, of),
            "invert": lambda: 255 - x,
            "solarize_add": lambda: of.where(x < 128, of.minimum(x + 110 * f, 255), x),
        }

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "magnitude": self.magnitude,
            "magnitude_std": self.magnitude_std,
            "increasing": self.increasing,
            "operations": self.operations,
            "seed": self.seed,
        }


def _cast(numbers, dtype, of):
    return ops.cast(numbers, dtype) if of is ops else np.asarray(numbers, dtype)


def _blend(other, images, strength, of=ops):
    blend = of.clip(other + strength * (images - other), 0, 255)
    return of.floor(blend + 1e-4)  # as if float32 were exact where levels are whole


def _grey(images):
    red, green, blue = (images[..., c] * LUMA[c] for c in range(3))
    grey = ops.floor((red + green + blue) / 65536 + 0.5)  # exact, as its products are
    return ops.tile(grey[..., None], (1, 1, 1, 3))


def _sharpen(images, strength, of=ops):
    """Blends with a smooth image, of weights 5 for a pixel and 1 for its eight neighbours.

    The pixels of the rim stay.
    """
    inner = images[:, 1:-1, 1:-1]
    smooth = images[:, :-2] + images[:, 1:-1] + images[:, 2:]
    smooth = smooth[:, :, :-2] + smooth[:, :, 1:-1] + smooth[:, :, 2:]
    smooth = of.floor((smooth + 4 * inner) / 13 + 0.5)
    change = _blend(smooth, inner, strength, of) - inner
    return images + of.pad(change, ((0, 0), (1, 1), (1, 1), (0, 0)))


def _matrices(sides, amount, f, of=ops):
    """The affine matrix of each layer, `(..., 3, 3)`, which the identity has if it moves nothing.

    It says where in the image each pixel of the result comes from.
    """
    height, width = sides
    angle = amount("rotate", -math.pi / 6 * f, 0.0)
    cos, sin, zero = of.cos(angle), of.sin(angle), of.zeros_like(angle)
    across = [
        cos,
        sin + amount("shear_x", 0.3 * f, 0.0),
        (width - cos * width - sin * height) / 2 + amount("translate_x", 0.45 * f * width, 0.0),
    ]
    down = [
        amount("shear_y", 0.3 * f, 0.0) - sin,
        cos,
        (height - cos * height + sin * width) / 2 + amount("translate_y", 0.45 * f * height, 0.0),
    ]
    matrices = of.stack([*across, *down, zero, zero, zero + 1], axis=-1)
    return of.reshape(matrices, (*f.shape[:1], *(-1,) * (len(f.shape) - 1), 3, 3))


def _transform(images, amount, f):
    """Moves the pixels of each image by one affine transform."""
    sides = (ops.cast(side, "float32") for side in boxes.sides(images))
    matrices = _matrices(sides, amount, f)
    # The operations have their origin at the corner of the image, `affine_transform` in the
    # middle of its first pixel.
    corner = ops.convert_to_tensor([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], "float32")
    matrix = ops.convert_to_tensor([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]], "float32")
    for layer in range(f.shape[0]):
        matrix = ops.matmul(matrix, matrices[layer])
    matrix = ops.reshape(ops.matmul(matrix, corner), (-1, 9))
    return ops.image.affine_transform(
        images,
        matrix[:, :8],
        interpolation="bilinear",
        fill_mode="constant",
        fill_value=GREY,
        data_format="channels_last",
    )


def _cut_out(images, half, center, of=ops):
    """Covers rectangles in each image, of given centres and halves of their sides."""

    def covered(side, share):
        position, length = of.arange(side, dtype="float32"), _cast(side, "float32", of)
        middle, reach = (of.floor(x * length)[..., None] for x in (share, half))
        inside = (position >= middle - reach) & (position < middle + reach)
        return inside  # (layers, batch, side)

    sides = boxes.sides(images) if of is ops else images.shape[:2]
    down, across = map(covered, sides, center)
    inside = of.any(down[..., :, None] & across[..., None, :], axis=0)
    return of.where(inside[..., None], np.float32(GREY), images)
