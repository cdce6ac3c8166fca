"""Size normalisation of digits (LeCun et al., 1998, section III.A)."""

import os
from typing import Any

import numpy as np

from keras_classics.checks import ARRAY, COUNT, arguments, optional, whole

# This library's choices; the paper is silent.
INK = 0.2  # a pixel with more belongs to the digit's bounding box
FAINT = 16  # grey levels; an image of smaller differences shows no digit
# Of a pixel, in which the centre of mass is counted. That of a symmetric digit lies at the edge or
# the middle of a pixel: how a sum is rounded, which differs between machines, shall not move it.
STEPS = 1024


@arguments()
def normalize_digit(ink: np.ndarray, box: int, plane: int, centre: str = "mass") -> np.ndarray:
    """Fits one digit into a box, and the box into the middle of an empty plane.

    MNIST's digits were made of NIST's so: the bounding box of the digit is scaled to fit into
    `box` x `box` pixels, with its aspect ratio kept. Then the centre of mass is placed at the
    centre of the plane, or as near as the plane's edge allows.

    Args:
        ink: Array `(height, width)` from 0 (background) to 1 (ink).
        box: Side of the box in pixels. LeNet-5: 20; the 1989 network: 16.
        plane: Side of the plane in pixels. MNIST: 28; the 1989 network: 16.
        centre: Where the centre of mass is placed, to the nearest whole pixel.

            - `"mass"`: at the centre of the plane.
            - `"mnist"`: in the middle of the pixel below and to the right of it, where it is in
              nearly all images of MNIST.
            - `"box"`: at the centre of the plane, but no further than a box in the middle of the
              plane allows. So are digits that came in boxes, such as USPS's of 16x16, and were
              put on a larger plane.

    Returns:
        A float32 array `(plane, plane)` from 0 to 1; all 0 if there is no ink.

    Raises:
        ValueError: If the box is larger than the plane.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import normalize_digit

    one = np.zeros((40, 30))
    one[5:35, 12:16] = 1
    print(normalize_digit(one, box=20, plane=28).shape)  # (28, 28)
    ```
    """
    from PIL import Image

    if box > plane:
        raise ValueError(f"The box must fit into the plane. Received: box={box} and plane={plane}")
    ink = np.asarray(ink, "float32")
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > INK) for axis in (1, 0))
    result = np.zeros((plane, plane), "float32")
    if not len(rows):
        return result
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(side * box / max(digit.shape))) for side in digit.shape)
    resized = Image.fromarray(digit).resize((width, height), Image.Resampling.BICUBIC)
    digit = np.clip(np.asarray(resized), 0, 1)
    low, high, middle = room(box, plane, centre)
    top, left = (
        int(np.clip(round(middle - round(mass * STEPS) / STEPS), low, high - side))
        for mass, side in zip(_centre_of_mass(digit), digit.shape, strict=True)
    )
    result[top : top + height, left : left + width] = digit
    return result


@arguments()
def read_ink(path: str | os.PathLike) -> np.ndarray:
    """Reads the ink of a drawn or scanned digit, on a background of one grey.

    The background is the median along the edge of the image. Ink is the difference from it,
    divided by the largest difference: dark ink on light and light ink on dark both work. A
    photograph is turned upright, as its EXIF says.

    Args:
        path: Path of a PNG, JPEG or other image file that Pillow reads.

    Returns:
        A float32 array `(height, width)` from 0 (background) to 1 (ink).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not an image, or shows no digit.

    Example:

    ```python
    from PIL import Image, ImageDraw

    from keras_classics.preprocessing import read_ink

    image = Image.new("L", (40, 40), "white")
    ImageDraw.Draw(image).line([(10, 5), (10, 35)], "black", 4)
    image.save("one.png")
    print(read_ink("one.png").max())  # 1.0
    ```
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no file {os.fspath(path)}.")
    try:
        with Image.open(path) as image:
            grey = grey_over_white(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{path} is not an image that Pillow can read: save it as PNG or JPEG."
        ) from error
    except Exception as error:  # decoders raise nearly anything
        raise ValueError(
            f"{path} cannot be decoded: {error}. Take a whole image file, such as a PNG."
        ) from error
    return ink_of(grey, os.fspath(path))


def grey_over_white(image: Any) -> np.ndarray:
    """The grey levels of an image of Pillow, `(height, width)`; what is transparent is white."""
    from PIL import Image

    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("L"))


def ink_of(grey: np.ndarray, name: str = "The image") -> np.ndarray:
    """The ink of a digit in an array: see `read_ink`.

    Args:
        grey: Array `(height, width)` of grey levels, from 0 to 255.
        name: What the image is called in errors.

    Returns:
        A float32 array `(height, width)` from 0 (background) to 1 (ink).

    Raises:
        ValueError: If the image shows no digit.
    """
    grey = np.asarray(grey, "float32")
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    difference = np.abs(grey - np.median(edge))
    if difference.max() < FAINT:
        raise ValueError(f"{name} shows no digit: all of it has nearly one grey level.")
    return difference / difference.max()


def room(box: int, plane: int, centre: str) -> tuple[int, int, float]:
    """Between which edges of pixels a digit is placed, and where its centre of mass."""
    if centre == "box":
        low = (plane - box) // 2
        return low, low + box, low + box / 2
    return 0, plane, plane / 2 + (0.5 if centre == "mnist" else 0.0)


def _centre_of_mass(ink):
    total = ink.sum()
    return [
        ((np.arange(side) + 0.5) * ink.sum(axis=1 - axis)).sum() / total
        for axis, side in enumerate(ink.shape)
    ]


@arguments(have_box=optional(COUNT))
def place_digits(
    images: np.ndarray, box: int, plane: int, have_box: int | None, centre: str = "mass"
) -> np.ndarray:
    """Brings digits from the box of their data set to that of a network.

    If the boxes are equal, the pixels stay as they are, and the plane grows around its centre.
    Otherwise `normalize_digit` fits each digit anew.

    Args:
        images: Array `(n, height, width, 1)` from 0 (background) to 1 (ink).
        box: Side of the digit's box that the network expects, in pixels.
        plane: Side of the plane that the network expects, in pixels.
        have_box: Side of the box that the digits have; `None` if they have none.
        centre: As of `normalize_digit`.

    Returns:
        A float32 array `(n, plane, plane, 1)` from 0 to 1.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import place_digits

    mnist = np.random.uniform(0, 1, (2, 28, 28, 1))  # boxes of 20 in planes of 28
    print(place_digits(mnist, box=20, plane=32, have_box=20).shape)  # (2, 32, 32, 1)
    ```
    """
    side = images.shape[1]
    if have_box == box and images.shape[1] == images.shape[2] and side <= plane:
        before = (plane - side) // 2
        around = (before, plane - side - before)
        return np.pad(images, ((0, 0), around, around, (0, 0))).astype("float32")
    placed = [normalize_digit(image[..., 0], box, plane, centre) for image in images]
    return np.stack(placed)[..., None]


@arguments(images=ARRAY, gap=whole())
def digit_string(images: np.ndarray, gap: int = 4) -> np.ndarray:
    """Puts digits side by side on a plane, as LeNet-5's paper does for strings (section VII.B).

    A digit keeps its size and its height on the plane. The plane is four pixels higher than the
    images, and half of its height is empty on the left and on the right.

    Args:
        images: Array `(n, height, width, 1)` from 0 (background) to 1 (ink), the digits from left
            to right.
        gap: Pixels between the bounding box of a digit and that of the next. Below 0 they overlap,
            and the darker pixel counts. The paper trains with -1 to 4.

    Returns:
        A float32 array `(height + 4, width of the string, 1)` from 0 to 1.

    Raises:
        ValueError: If `images` are of another shape or range, an image shows no digit, or `gap`
            turns the order of two digits round.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    digits = kc.datasets.load("digits").train.images
    chosen = np.random.default_rng(0).choice(len(digits), 4, replace=False)
    print(kc.preprocessing.digit_string(digits[chosen]).shape)  # (32, ..., 1)
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, section VII.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 1 or not len(images):
        raise ValueError(
            "`images` must be digits, (n, height, width, 1), one at least. Received: an array of "
            f"the shape {images.shape}"
        )
    if images.min() < 0 or images.max() > 1:
        raise ValueError(
            "`images` must be from 0 (background) to 1 (ink), as those of `datasets.Digits`. "
            f"Received: {images.min()} to {images.max()}"
        )
    inked = [np.flatnonzero(image[..., 0].max(axis=0) > INK) for image in images]
    if not all(map(len, inked)):
        raise ValueError("Each image must show a digit. Received: one without ink")
    cut = [image[:, at[0] : at[-1] + 1] for image, at in zip(images, inked, strict=True)]
    height = images.shape[1] + 4
    starts = height // 2 + np.cumsum([0, *(part.shape[1] + gap for part in cut[:-1])])
    if (np.diff(starts) < 1).any():
        raise ValueError(
            f"`gap` must leave each digit to the right of the one before. Received: gap={gap}"
        )
    end = max(start + part.shape[1] for start, part in zip(starts, cut, strict=True))
    plane = np.zeros((height, end + height // 2, 1), "float32")
    for start, part in zip(starts, cut, strict=True):
        place = plane[2:-2, start : start + part.shape[1]]
        np.maximum(place, part, out=place)
    return plane
