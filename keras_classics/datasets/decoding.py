"""Decodes one image file: JPEG, PNG, GIF, BMP, WebP or TIFF."""

import functools
import io
import os
import pathlib
import re
from typing import Any

import numpy as np

from keras_classics import backend
from keras_classics.checks import PATH, Rule, arguments, either
from keras_classics.preprocessing.digit_plane import grey_over_white

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
ORIENTATION = 0x0112  # the tag of EXIF
LARGEST = 178_956_970  # pixels of an image, 0.5 GB: what Pillow decodes
TURNED = range(2, 9)  # its values for an image that is not upright as it is stored


@arguments(path=either(PATH, Rule("the content of a file", lambda x: isinstance(x, bytes))))
def read_image(
    path: str | os.PathLike | bytes, upright: bool = False, grey: bool = False
) -> np.ndarray:
    """Reads one image file.

    Formats are JPEG, PNG, GIF and TIFF (the first image of each), BMP and WebP. Grey, palette and
    CMYK images become RGB. Of 16 bits the upper 8 remain. Alpha is dropped, so that a transparent
    pixel shows the colour that is stored for it. TensorFlow decodes JPEG and PNG where it is the
    backend, and Pillow the rest; the pixels are the same. Images of more than 178,956,970 pixels
    are refused by what their header says, before memory is taken.

    Args:
        path: Path of the file, or its content, bytes, such as a web server receives it.
        upright: Whether the image is turned or mirrored as its EXIF says, as cameras and phones
            note it. Default: as it is stored; TIFF is upright all the same.
        grey: Whether grey levels are returned, as Pillow computes them. Then what is transparent
            is white.

    Returns:
        A uint8 array `(height, width, 3)`, RGB; or `(height, width, 1)`, grey.

    Raises:
        FileNotFoundError: If there is no such file, or it is not a regular one.
        ValueError: If the file cannot be decoded, or is too large; the message says why.

    Example:

    ```python
    import tempfile

    import numpy as np
    from PIL import Image

    from keras_classics import datasets

    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(np.zeros((4, 5), "uint8")).save(f"{folder}/black.png")
        print(datasets.read_image(f"{folder}/black.png").shape)  # (4, 5, 3)
    ```
    """
    if isinstance(path, bytes):
        content, name = path, "The content"
    else:
        refuse_no_file(path)
        content, name = None, os.fspath(path)
    try:
        content = pathlib.Path(name).read_bytes() if content is None else content
        return decoded(content, upright, grey)
    except Exception as error:  # decoders raise nearly anything
        raise ValueError(
            f"{name} cannot be decoded: {reason(error)}. Save it as JPEG or PNG."
        ) from error


def decoded(content: bytes, upright: bool = False, grey: bool = False) -> np.ndarray:
    """Decodes the content of a file, as `read_image` does; decoders raise nearly anything."""
    refuse_huge(content)
    if content.startswith(b"\x89PNG") and b"IEND" not in content:  # Pillow may not miss it
        raise ValueError("it is cut off")
    if grey or not backend.has_tf_data() or not _is_jpeg_or_png(content):  # no need of a graph
        return decode_with_pillow(io.BytesIO(content), upright, grey)
    return decode(content, upright).numpy()


def refuse_no_file(path: str | os.PathLike) -> None:
    """Refuses a path of no regular file; a pipe would wait for someone who writes.

    Args:
        path: The path.

    Raises:
        FileNotFoundError: If there is nothing, or something else.
    """
    if not os.path.isfile(path):
        other = " that is a regular one" if os.path.exists(path) else ""
        raise FileNotFoundError(f"There is no file {os.fspath(path)}{other}.")


def refuse_huge(content: bytes) -> None:
    """Refuses an image by the size that its header declares, before it is decoded.

    Args:
        content: Content of the file.

    Raises:
        ValueError: If it has too many pixels, or no header of an image.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
    except UnidentifiedImageError as error:
        raise ValueError("not a JPEG, PNG, GIF, BMP, WebP or TIFF image") from error
    refuse_large(width, height)


def refuse_large(width: int, height: int) -> None:
    """Refuses an image of too many pixels.

    Args:
        width: Its width.
        height: Its height.

    Raises:
        ValueError: If it has too many.
    """
    if width * height > LARGEST:
        raise ValueError(
            f"its header declares {width}x{height} pixels, more than {LARGEST:,}: make it smaller"
        )


def decode(content: Any, upright: bool = False) -> Any:
    """Decodes the content of a file in a TensorFlow graph, as `read_image` does.

    Args:
        content: A string tensor.
        upright: As of `read_image`.

    Returns:
        A uint8 tensor `(height, width, 3)`, RGB.
    """
    sides, _, pixels = open_encoded(content, upright)
    return pixels((0, 0, *sides), 0)


def open_encoded(content: Any, upright: bool = False) -> tuple:
    """Opens the content of a file in a TensorFlow graph, to decode a part of it later.

    Args:
        content: A string tensor.
        upright: As of `read_image`.

    Returns:
        The image's `(height, width)`; how often its sides can be halved while it is decoded; and
        a function from a box `(top, left, height, width)` in the image with sides halved
        `halvings` times, and `halvings`, to the uint8 pixels in it. Of a JPEG little more is
        decoded than the box; other images are decoded as they are opened.
    """
    import tensorflow as tf

    is_jpeg, is_png = tf.io.is_jpeg(content), tf.strings.substr(content, 0, 4) == b"\x89PNG"
    if upright:  # TensorFlow does not know EXIF
        as_stored = ~tf.ensure_shape(tf.numpy_function(_is_turned, [content], tf.bool), ())
        is_jpeg, is_png = is_jpeg & as_stored, is_png & as_stored

    def jpeg():
        sides = tf.io.extract_jpeg_shape(content)[:2]
        return _refuse_huge_sides(sides), tf.zeros((1, 1, 3), "uint8")

    def png():
        width_and_height = tf.strings.substr(content, 16, 8)
        sides = tf.io.decode_raw(width_and_height, tf.int32, little_endian=False)[::-1]
        with tf.control_dependencies([_refuse_huge_sides(sides)]):
            return sides, tf.io.decode_png(content, channels=3)

    def other():
        image = tf.py_function(
            lambda content: decode_with_pillow(io.BytesIO(content.numpy()), upright),
            [content],
            tf.uint8,
        )
        return tf.shape(image)[:2], image

    sides, image = tf.cond(is_jpeg, jpeg, lambda: tf.cond(is_png, png, other))
    sides = tuple(tf.unstack(tf.ensure_shape(sides, (2,))))

    def pixels(box, halvings):
        top, left, height, width = box

        def decoded(ratio):
            # A pixel's colour comes from its neighbours', too: those of the box are there as well.
            low = [tf.maximum(start - 2, 0) for start in (top, left)]
            ends = (top + height, left + width)
            high = [
                tf.minimum(end + 2, -(-side // ratio))
                for end, side in zip(ends, sides, strict=True)
            ]
            grown = tf.stack([*low, high[0] - low[0], high[1] - low[1]])
            # The faster DCT differs from Pillow's by up to 8 grey levels.
            image = tf.io.decode_and_crop_jpeg(
                content, grown, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE"
            )
            return tf.slice(image, (top - low[0], left - low[1], 0), (height, width, 3))

        def cut():
            return tf.slice(image, (top, left, 0), (height, width, 3))

        choices = [functools.partial(decoded, ratio) for ratio in (1, 2, 4, 8)]
        if isinstance(halvings, int):
            part = tf.cond(is_jpeg, choices[halvings], cut)
        else:
            part = tf.cond(is_jpeg, lambda: tf.switch_case(halvings, choices), cut)
        return tf.ensure_shape(part, (None, None, 3))

    return sides, tf.where(is_jpeg, 3, 0), pixels


def _refuse_huge_sides(sides):
    """Refuses an image in a graph by the `(height, width)` that its header declares."""
    import tensorflow as tf

    count = tf.reduce_prod(tf.cast(sides, tf.float64))
    words = f"its header declares more than {LARGEST:,} pixels: make it smaller. Received:"
    with tf.control_dependencies([tf.debugging.Assert(count <= LARGEST, [words, sides])]):
        return tf.identity(sides)


def decode_with_pillow(file: Any, upright: bool = False, grey: bool = False) -> np.ndarray:
    """Decodes a file, given by its path or opened, as `read_image` does."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ValueError("not a JPEG, PNG, GIF, BMP, WebP or TIFF image") from error
    with image:
        if image.mode == "F" or (image.mode == "I" and image.getextrema()[1] >= 2**16):
            raise ValueError("its pixels have more than 16 bits")
        image.load()  # which turns TIFF, and takes the note away
        orientation = _orientation(image) if upright else 1
        if image.mode.startswith("I"):  # grey of 16 bits, which `convert` would clip at 255
            pixels = (np.asarray(image) >> 8).astype("uint8")[..., None]
            pixels = pixels if grey else np.repeat(pixels, 3, axis=-1)
        elif grey:
            pixels = grey_over_white(image)[..., None]
        else:
            image.info.pop("transparency", None)
            pixels = np.array(image.convert("RGB"))
    return _turned(pixels, orientation)


def open_photograph(path: str | os.PathLike, upright: bool = False) -> Any:
    """Opens a JPEG file with Pillow, to decode a part of it or a smaller one.

    Args:
        path: Path of the file.
        upright: As of `read_image`.

    Returns:
        Pillow's image, not decoded yet.

    Raises:
        ValueError: If it is none, huge, or not stored upright: `read_image` has more to say.
    """
    from PIL import Image

    image = Image.open(path, formats=("JPEG",))
    if image.width * image.height > LARGEST or (upright and _orientation(image) in TURNED):
        raise ValueError("not a JPEG file that can be read in part")
    return image


def as_photograph(image: np.ndarray) -> Any:
    """An array `(height, width, 3)` as Pillow's image."""
    from PIL import Image

    return Image.fromarray(image)


def _is_jpeg_or_png(content):
    return content.startswith((b"\xff\xd8\xff", b"\x89PNG"))


def _is_turned(content):
    """Whether EXIF says of a JPEG or PNG that it is not upright. Of a damaged one: `False`."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            return _orientation(image) in TURNED
    except Exception:  # which TensorFlow says again, as it decodes the file
        return False


def _orientation(image):
    """The orientation that is noted in the EXIF of an image of Pillow; 1 if there is none."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # of a damaged EXIF, whose image may be whole
        return 1


def orientation(content: bytes) -> int:
    """The orientation in which the content of a file is decoded, as EXIF numbers it; 1 is upright.

    Args:
        content: Content of a file that can be decoded.
    """
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        # Pillow turns TIFF as it decodes it.
        return 1 if image.format == "TIFF" else _orientation(image)


def _turned(pixels, orientation):
    """Pixels `(height, width, channels)` that are stored in an orientation, upright."""
    if orientation not in TURNED:
        return pixels
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[:: -1 if rows else 1, :: -1 if columns else 1])


def reason(error: BaseException | None) -> str:
    """The first line of a decoder's error, without TensorFlow's names of its operations."""
    first_line = str(error).split("\n")[0].rstrip(".")
    return re.sub(r"\{\{.*?\}\} |ValueError: | \[Op:\w+\]", "", first_line)
