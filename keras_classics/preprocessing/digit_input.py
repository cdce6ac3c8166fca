"""The input that networks of digits expect, from a drawing or a photograph of one digit."""

import keras
import numpy as np
from keras import ops

from keras_classics import backend
from keras_classics.checks import COUNT, NUMBER, arguments
from keras_classics.preprocessing import boxes
from keras_classics.preprocessing.digit_plane import (
    FAINT,
    INK,
    STEPS,
    ink_of,
    normalize_digit,
    room,
)
from keras_classics.preprocessing.pixels import check_pixels


@keras.saving.register_keras_serializable(package="keras_classics")
class DigitInput(keras.layers.Layer):
    """Finds the digit in an image, fits it into a box and places it on a plane.

        i = |x - b| / max |x - b|
        y = paper + (ink - paper) * n(i)

    Of the grey levels `x`, `b` is the background: their median along the edge of the image. So dark
    digits on light and light ones on dark are the same. `n` is `normalize_digit`: the part of the
    image that has ink `i` is scaled to fit into the box, and its centre of mass placed at the
    centre of the plane. This is what `read_ink` and the digit recipes do to a file.

    An image of nearly one grey level shows no digit. It is an error where values can be checked;
    in what XLA or JAX compiles it becomes an empty plane.

    Args:
        box: Side of the box in pixels. LeNet-5: 20; LeNet-1 and the 1989 network: 16.
        plane: Side of the plane in pixels. LeNet-5: 32; LeNet-1: 28; the 1989 network: 16.
        paper: Value of the background. LeNet-5: -0.1; LeNet-1 and the 1989 network: -1.
        ink: Value of the ink. LeNet-5: 1.175; LeNet-1 and the 1989 network: 1.
        centre: What is placed where: see `normalize_digit`. A network that was trained on MNIST
            expects `"mnist"`; one trained on USPS, on a plane larger than the box, `"box"`.

    Input shape: `(height, width, 1)` or `(batch, height, width, 1)`, of any size and type, grey
    levels from 0 to 255.

    Output shape: the same with `plane` as height and width.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import DigitInput

    photograph = np.full((1, 300, 400, 1), 200, "uint8")
    photograph[:, 80:240, 190:215] = 30  # a one
    layer = DigitInput(box=20, plane=32, paper=-0.1, ink=1.175)
    print(layer(photograph).shape)  # (1, 32, 32, 1)
    ```

    Reference: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998,
    section III.A, of the box and the plane.
    """

    @arguments(box=COUNT, plane=COUNT, paper=NUMBER, ink=NUMBER)
    def __init__(
        self,
        box: int = 20,
        plane: int = 28,
        paper: float = 0.0,
        ink: float = 1.0,
        centre: str = "mass",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if box > plane:
            raise ValueError(f"The box must fit into the plane. Received: {box=} and {plane=}")
        if paper == ink:
            raise ValueError(f"`paper` and `ink` must differ. Received: {paper=} and {ink=}")
        self.box = box
        self.plane = plane
        self.paper = paper
        self.ink = ink
        self.centre = centre
        self.input_spec = keras.layers.InputSpec(min_ndim=3, max_ndim=4, axes={-1: 1})
        self.built = True  # Keras quantizes no model with a layer that was never called

    def call(self, images):  # (..., height, width, 1)
        batch = len(images.shape) == 4
        placed = self._placed(self.check(images if batch else images[None]))
        placed = self.paper + (self.ink - self.paper) * placed
        placed = ops.cast(placed[..., None], self.compute_dtype)  # (batch, plane, plane, 1)
        return placed if batch else placed[0]

    def check(self, images):
        """Refuses images of other pixels than 0 to 255, and those that show no digit.

        Args:
            images: `(batch, height, width, 1)`.

        Returns:
            The difference of each pixel from the background, `(batch, height, width)`, float32;
            the checks are part of its graph: see `backend.refuse`.
        """
        grey = ops.cast(check_pixels(images, slack=0.5), "float32")[..., 0]
        rows, columns = ops.shape(grey)[1:]
        edge = [grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]]
        edge = ops.sort(ops.concatenate(edge, axis=1), axis=1)  # 2 * (rows + columns) levels
        middle = [ops.take(edge, rows + columns - k, axis=1) for k in (1, 0)]
        background = (middle[0] + middle[1]) / 2
        difference = ops.abs(grey - background[:, None, None])
        smallest = ops.min(ops.max(difference, axis=(1, 2)))
        return backend.refuse(
            difference,
            smallest < FAINT,
            "An image shows no digit: all of it has nearly one grey level of 0 to 255.",
            difference=smallest,
        )

    def _placed(self, difference):
        """What `normalize_digit` makes of each image, `(batch, plane, plane)`."""
        largest = ops.max(difference, axis=(1, 2))
        seen = largest >= FAINT
        largest = ops.where(seen, largest, 1.0)
        has_ink = difference > INK * largest[:, None, None]
        extents = [_extent(ops.any(has_ink, axis=axis)) for axis in (2, 1)]
        starts, lengths = zip(*extents, strict=True)
        longest = ops.maximum(*lengths)
        counts = [ops.maximum(_rounded(self.box * side, longest), 1) for side in lengths]
        down, across = (
            boxes.weights(start, length, side, count, True, "bicubic", most=self.box)
            for start, length, side, count in zip(
                starts, lengths, ops.shape(difference)[1:], counts, strict=True
            )
        )
        ink = ops.where(seen, 1.0, 0.0)[:, None, None] * difference / largest[:, None, None]
        digit = ops.einsum("njc,nrc->nrj", across, ink)
        digit = ops.clip(ops.einsum("nir,nrj->nij", down, digit), 0.0, 1.0)  # (batch, box, box)
        down, across = (
            self._shift(ops.sum(digit, axis=axis), count)
            for axis, count in zip((2, 1), counts, strict=True)
        )
        return ops.einsum("nqj,nij,npi->npq", across, digit, down)

    def _shift(self, profile, count):
        """Which of the digit's pixels each pixel of the plane shows, `(batch, plane, box)`."""
        pixels = ops.arange(self.box, dtype="float32")
        total = ops.sum(profile, axis=1, keepdims=True)
        # Divided before it is multiplied: otherwise OpenVINO 2026.4 multiplies along another axis.
        share = profile / ops.where(total > 0, total, 1.0)
        mass = ops.sum((pixels + 0.5) * share, axis=1)
        low, high, middle = room(self.box, self.plane, self.centre)
        start = ops.cast(ops.round(middle - ops.round(mass * STEPS) / STEPS), "int32")
        start = ops.clip(start, low, high - count)
        shown = ops.arange(self.plane)[:, None] - ops.arange(self.box)
        return ops.cast(shown == start[:, None, None], "float32")

    def of_array(self, image: np.ndarray) -> np.ndarray:
        """The same of one NumPy image, on the processor, by `normalize_digit` and Pillow.

        Args:
            image: `(height, width, 1)`, from 0 to 255.

        Returns:
            An array `(plane, plane, 1)`, float32.

        Raises:
            ValueError: If the image shows no digit, or was scaled before.
        """
        ink = ink_of(check_pixels(image, slack=0.5)[..., 0])
        placed = normalize_digit(ink, self.box, self.plane, self.centre)[..., None]
        return self.paper + (self.ink - self.paper) * placed

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], self.plane, self.plane, input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "box": self.box,
            "plane": self.plane,
            "paper": self.paper,
            "ink": self.ink,
            "centre": self.centre,
        }


def _extent(has_ink):
    """The first of the rows with ink, and how many there are from it to the last, `(batch,)`."""
    has_ink = ops.cast(has_ink, "int32")
    first = ops.argmax(has_ink, axis=1)
    after = ops.argmax(ops.flip(has_ink, axis=1), axis=1)
    first, after = ops.cast(first, "int32"), ops.cast(after, "int32")
    return first, ops.shape(has_ink)[1] - first - after


def _rounded(number, by):
    """`round(number / by)` of whole numbers, where halves go to the even number, as in Python."""
    quotient = number // by
    twice = 2 * (number - quotient * by)
    up = (twice > by) | ((twice == by) & (quotient % 2 == 1))
    return quotient + ops.cast(up, "int32")
