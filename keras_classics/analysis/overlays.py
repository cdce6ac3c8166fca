"""Maps of an image's places drawn over the image: what a network looks at."""

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from keras import ops

from keras_classics.analysis.page import light, new_page, rgb, show, write
from keras_classics.checks import NAMES, TEXT, Rule, arguments

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS = 3  # images side by side, each with its map
COVER = 0.85  # opacity of the largest value
PALE = 0.35  # grey level of black pixels under a map


@arguments(
    images=Rule("images, an array or a list of arrays", lambda x: hasattr(x, "__len__")),
    maps=Rule("maps, an array or a list of arrays", lambda x: hasattr(x, "__len__")),
    captions=NAMES,
    title=TEXT,
)
def overlay(
    images: Sequence[np.ndarray] | np.ndarray,
    maps: Sequence[np.ndarray] | np.ndarray,
    captions: Sequence[str] | None = None,
    title: str = "where the network looks",
) -> "Figure":
    """Draws images, and beside each the same in grey under the colours of its map.

    The colour is opaque where the map is large. Each map has a scale of its own, from 0 to its
    largest value, or from minus to plus this value if any map is negative somewhere. Between the
    centres of its places a map is interpolated.

    Args:
        images: Images, `(height, width, channels)` each, grey or RGB, of any range and size: inputs
            of the network, or what `Classifier.seen` gives of photographs.
        maps: For each a map `(rows, columns)`, whose places cover the image, as `grad_cam`,
            `saliency`, `occlusion` and `attention_rollout` with a grid return them; or
            `(rows, columns, channels)`, which are summed, as of `integrated_gradients`.
        captions: A text for each image, such as its class. Default: none.
        title: What stands above.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there are not as many maps or captions as images.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    model = kc.build("resnet20_cifar")
    images = np.random.normal(size=(2, 32, 32, 3))
    figure = kc.analysis.overlay(images, kc.analysis.grad_cam(model, images), ["one", "two"])
    figure.savefig("grad_cam.png")
    ```
    """
    captions = [""] * len(images) if captions is None else captions
    if not len(images) == len(maps) == len(captions):
        raise ValueError(
            "`images`, `maps` and `captions` must be equally long. "
            f"Received: {len(images)}, {len(maps)} and {len(captions)}"
        )
    found = [np.asarray(each, "float32") for each in maps]
    found = [each.sum(axis=-1) if each.ndim == 3 else each for each in found]
    signed = any((each < 0).any() for each in found)
    across = min(len(images), ACROSS)
    pitch = 8.7 / max(across, 1)
    side = min(pitch / 2 - 0.1, 3)
    tall = [side * image.shape[0] / image.shape[1] for image in images]
    head = 0.3 if any(captions) else 0.1
    y = 0.75
    page = new_page(y)
    for start in range(0, len(images), across):
        row = range(start, min(start + across, len(images)))
        for i in row:
            x = 0.3 + pitch * (i - start)
            write(page, x, y + head / 2, captions[i], 11)
            picture, seen = rgb(light(images[i])), coloured(images[i], found[i], signed)
            for left, each in [(x, picture), (x + side + 0.06, seen)]:
                show(page, each, (left, y + head, side, tall[i]), (0, 1))
        y += head + max(tall[i] for i in row) + 0.05
    page.figure.set_size_inches(page.figure.get_figwidth(), y + 0.1)
    page.set_ylim(y + 0.1, 0)
    write(page, 0.3, 0.35, title)
    _legend(page, signed)
    return page.figure


def coloured(image, values, signed=False):
    """An image in pale grey under the colours of a map.

    Args:
        image: Array `(height, width, channels)`.
        values: Map `(rows, columns)`.
        signed: Whether the scale has a negative half.

    Returns:
        An array `(height, width, 3)` from 0 to 1.
    """
    values = values / (np.abs(values).max() or 1)
    sides = image.shape[:2]
    if values.shape != sides:
        values = ops.image.resize(values[..., None], sides, "bilinear", data_format="channels_last")
        values = ops.convert_to_numpy(values)[..., 0]
    grey = light(image) @ np.full((image.shape[-1], 1), 1 / image.shape[-1])
    return _blend(PALE + (1 - PALE) * grey, values, signed)


def _blend(grey, values, signed):
    """Pale grey `(..., 1)` under values from -1 or 0 to 1."""
    colours = importlib.import_module("matplotlib").colormaps
    tint = colours["RdBu_r"]((values + 1) / 2) if signed else colours["YlOrRd"](values)
    cover = COVER * np.abs(values)[..., None]
    return np.clip((1 - cover) * grey + cover * tint[..., :3], 0, 1)


def _legend(page, signed):
    """The scale, right of the title and the first images."""
    values = np.linspace(1, -1 if signed else 0, 200)[:, None]
    bar = _blend(np.full((200, 1, 1), 0.85), values, signed)
    x, top, tall = 9.1, 0.95, 1.2
    show(page, bar, (x, top, 0.14, tall), (0, 1))
    for share, text in (
        [(0, "largest"), (0.5, "0"), (1, "-largest")]
        if signed
        else [
            (0, "largest"),
            (1, "0"),
        ]
    ):
        write(page, x + 0.2, top + share * tall, text, 9)
