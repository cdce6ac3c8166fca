"""Decodes one image file: JPEG, PNG, GIF or BMP."""

import io
import os
import re
from typing import Any

import numpy as np

from keras_classics import backend

FORMATS = ("BMP", "GIF", "JPEG", "PNG")


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Reads one image file.

    Formats are JPEG, PNG, GIF (its first frame) and BMP. Grey, palette and CMYK images become
    RGB. Of 16 bits the upper 8 remain. Alpha is dropped, so that a transparent pixel shows the
    colour that is stored for it. A rotation noted in EXIF is not applied. TensorFlow decodes
    JPEG and PNG where it is the backend, and Pillow the rest; the pixels are the same.

    Args:
        path: Path of the file.

    Returns:
        A uint8 array `(height, width, 3)`, RGB.

    Raises:
        ValueError: If the file cannot be decoded; the message says why.

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
    try:
        if not backend.has_tf_data():
            return decode_with_pillow(path)
        import tensorflow as tf

        return decode(tf.io.read_file(os.fsencode(path))).numpy()
    except Exception as error:  # decoders raise nearly anything
        raise ValueError(f"{path} cannot be decoded: {reason(error)}") from error


def decode(content: Any) -> Any:
    """Decodes the content of a file in a TensorFlow graph, as `read_image` does.

    Args:
        content: A string tensor.

    Returns:
        A uint8 tensor `(height, width, 3)`, RGB.
    """
    import tensorflow as tf

    jpeg_or_png = tf.io.is_jpeg(content) | (tf.strings.substr(content, 0, 4) == b"\x89PNG")
    image = tf.cond(
        jpeg_or_png,
        # Reads PNG as well. Its faster DCT differs from Pillow's by up to 8 grey levels.
        lambda: tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.py_function(
            lambda content: decode_with_pillow(io.BytesIO(content.numpy())), [content], tf.uint8
        ),
    )
    return tf.ensure_shape(image, (None, None, 3))


def decode_with_pillow(file: Any) -> np.ndarray:
    """Decodes a file, given by its path or opened, as `read_image` does."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ValueError("not a JPEG, PNG, GIF or BMP image") from error
    with image:
        if image.mode.startswith("I"):  # grey of 16 bits, which `convert` would clip at 255
            return np.repeat((np.asarray(image) >> 8).astype("uint8")[..., None], 3, axis=-1)
        image.info.pop("transparency", None)
        return np.array(image.convert("RGB"))


def reason(error: BaseException | None) -> str:
    """The first line of a decoder's error, without TensorFlow's names of its operations."""
    first_line = str(error).split("\n")[0]
    return re.sub(r"\{\{.*?\}\} |ValueError: | \[Op:\w+\]", "", first_line)
