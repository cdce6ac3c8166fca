"""Views of an image, over which the papers average the predictions at test time.

A view function takes images `(batch, height, width, channels)` of one size, before or after the
mean is subtracted. It returns views `(batch, views, height, width, channels)`, or a list of such
tensors if their sizes differ. `AverageOverViews` is a model that averages the predictions of
another one over them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_classics.checks import COUNT, Rule, arguments
from keras_classics.preprocessing import boxes


@keras.saving.register_keras_serializable(package="keras_classics")
@arguments()
def ten_crop(images: Any, size: int | tuple[int, int] = 224) -> Any:
    """Cuts out four corners and the centre, and mirrors them (Krizhevsky et al., 2012, 4.1).

    Args:
        images: Images `(batch, height, width, channels)`. Paper: 256x256.
        size: Size of the crops, an integer or a pair `(height, width)`. Paper: 224.

    Returns:
        `(batch, 10, *size, channels)`: top left, top right, bottom left, bottom right,
        centre, and the same five mirrored.

    Raises:
        ValueError: If the images are smaller than the crops.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import ten_crop

    print(ten_crop(np.zeros((2, 32, 40, 3), "float32"), size=28).shape)  # (2, 10, 28, 28, 3)
    ```
    """
    return _with_reflections(_five_crops(images, boxes.pair(size)))


@keras.saving.register_keras_serializable(package="keras_classics")
@arguments(size=COUNT)
def googlenet_crops(
    images: Any, short_sides: Sequence[int] = (256, 288, 320, 352), size: int = 224
) -> Any:
    """Cuts out the 144 crops of GoogLeNet (Szegedy et al., 2015, section 7).

    The image is rescaled to four scales. Each scale gives three squares: left, centre and right,
    or of a tall image top, centre and bottom. Each square gives six crops: the four corners, the
    centre, and the whole square resized. All are mirrored: 4 * 3 * 6 * 2. The interpolation is
    bilinear, antialiased; the paper is silent on it.

    Args:
        images: Images `(batch, height, width, channels)` of any one size.
        short_sides: Lengths of the shorter side, in pixels. Paper: 256, 288, 320, 352.
        size: Side of the crops. Paper: 224.

    Returns:
        `(batch, 36 * len(short_sides), size, size, channels)`, first all crops in the order
        above, then all mirrored.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import googlenet_crops

    images = np.zeros((1, 40, 48, 3), "float32")
    print(googlenet_crops(images, (32, 36, 40, 44), 28).shape)  # (1, 144, 28, 28, 3)
    ```
    """
    crops = []
    for side in short_sides:
        rescaled = boxes.rescale(images, side)
        down, across = (length - side for length in boxes.sides(rescaled))  # one of them is 0
        for third in (0, 1, 2):
            square = boxes.cut(rescaled, down * third // 2, across * third // 2, (side, side))
            crops += _five_crops(square, (size, size))
            crops.append(boxes.rescale(square, size))
    return _with_reflections(crops)


@keras.saving.register_keras_serializable(package="keras_classics")
@arguments()
def whole_images(images: Any, short_sides: Sequence[int] = (256, 384, 512)) -> list:
    """Rescales the whole image to several scales, and mirrors it (Simonyan & Zisserman, 2015, 3.2).

    VGG's dense evaluation takes them, with a network for images of any size
    (`applications.vgg.dense`).

    Args:
        images: Images `(batch, height, width, channels)` of any one size.
        short_sides: `Q`, lengths of the shorter side in pixels. Paper: `(S,)`;
            `(S - 32, S, S + 32)` after training at one scale `S`; `(256, 384, 512)` after
            scale jitter from 256 to 512.

    Returns:
        A list with one tensor `(batch, 2, height, width, channels)` for each scale: the
        image and its reflection.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import whole_images

    small, large = whole_images(np.zeros((1, 40, 48, 3), "float32"), short_sides=(20, 40))
    print(small.shape, large.shape)  # (1, 2, 20, 24, 3) (1, 2, 40, 48, 3)
    ```
    """
    return [_with_reflections([boxes.rescale(images, side)]) for side in short_sides]


@keras.saving.register_keras_serializable(package="keras_classics")
@arguments(size=COUNT, grid=COUNT)
def multi_crop(
    images: Any, short_sides: Sequence[int] = (256, 384, 512), size: int = 224, grid: int = 5
) -> list:
    """Cuts out a regular grid of crops at several scales (Simonyan & Zisserman, 2015, 3.2).

    With the image at a scale `h` pixels high, the crops of row `i` begin at

        top_i = round(i * (h - size) / (grid - 1)),  i = 0 ... grid - 1

    and the columns likewise: the first and the last crops reach the edges. The paper gives the
    grid, 5 x 5, and its source, Szegedy et al.; it is silent on the crops' places.

    Args:
        images: Images `(batch, height, width, channels)` of any one size.
        short_sides: `Q`, lengths of the shorter side in pixels. Paper: as of `whole_images`.
        size: Side of the crops. Paper: 224.
        grid: Crops in a row, and in a column; one is the centre. Paper: 5.

    Returns:
        A list with one tensor `(batch, 2 * grid ** 2, size, size, channels)` for each scale: the
        crops row by row, and the same mirrored.

    Example:

    ```python
    import numpy as np

    from keras_classics.preprocessing import multi_crop

    small, large = multi_crop(np.zeros((1, 40, 48, 3), "float32"), short_sides=(32, 40), size=28)
    print(small.shape, large.shape)  # (1, 50, 28, 28, 3) (1, 50, 28, 28, 3)
    ```
    """
    scales = []
    for side in short_sides:
        rescaled = boxes.refuse_smaller(boxes.rescale(images, side), (size, size))
        tops, lefts = (_places(length - size, grid) for length in boxes.sides(rescaled))
        crops = [boxes.cut(rescaled, top, left, (size, size)) for top in tops for left in lefts]
        scales.append(_with_reflections(crops))
    return scales


def _places(room, count):
    if count == 1:
        return [room // 2]
    return [(2 * i * room + count - 1) // (2 * (count - 1)) for i in range(count)]


def _five_crops(images, size):
    images = boxes.refuse_smaller(images, size)
    down, across = (side - new for side, new in zip(boxes.sides(images), size, strict=True))
    corners = [(0, 0), (0, across), (down, 0), (down, across), (down // 2, across // 2)]
    return [boxes.cut(images, top, left, size) for top, left in corners]


def _with_reflections(crops):
    return ops.stack([*crops, *(ops.flip(crop, axis=2) for crop in crops)], axis=1)


@keras.saving.register_keras_serializable(package="keras_classics")
class AverageOverViews(keras.Model):
    """Averages the predictions of a model over views of each image.

        y = 1 / V * sum_v model(view_v(x))

    `predict` works as with the model itself, and so does `evaluate` after
    `compile(metrics=...)`. All views of a batch go through the model at once: 144 crops need
    small batches.

    Args:
        model: A classifier from images to one tensor of probabilities, `(batch, classes)`,
            such as a softmax; not of scores before it.
        views: A view function: `ten_crop`, `googlenet_crops`, `whole_images`, `multi_crop` or a
            function of your own. To save this model, register your function with Keras.
        arguments: A dictionary of further arguments for `views`, such as `{"size": 227}`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, classes)`, float32.

    Raises:
        ValueError: If the model has several outputs.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc
    from keras_classics.preprocessing import AverageOverViews, ten_crop

    model = kc.build("resnet8_cifar", input_shape=(28, 28, 3))
    tested = AverageOverViews(model, ten_crop, {"size": 28})
    print(tested.predict(np.zeros((2, 32, 32, 3)), verbose=0).shape)  # (2, 10)
    ```
    """

    @arguments(views=Rule("a function of images", callable))
    def __init__(
        self,
        model: keras.Model,
        views: Callable,
        arguments: dict[str, Any] | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if isinstance(getattr(model, "output", None), (dict, list, tuple)):
            raise ValueError(
                "The model must have one output: give the network for testing, not one with the "
                f"auxiliary outputs of training. Received: model.output={model.output}"
            )
        self.model = model
        self.views = views
        self.arguments = arguments
        self.built = model.built

    def call(self, images):  # (batch, height, width, channels)
        views = self.views(images, **(self.arguments or {}))
        views = views if isinstance(views, (list, tuple)) else [views]
        predictions = ops.concatenate([self._predict(v) for v in views], axis=1)
        return ops.mean(ops.cast(predictions, "float32"), axis=1)

    def _predict(self, views):  # (batch, views, height, width, channels)
        count = views.shape[1]
        y = self.model(ops.reshape(views, (-1, *ops.shape(views)[2:])), training=False)
        return ops.reshape(y, (-1, count, y.shape[-1]))  # (batch, views, classes)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.model.output_shape[-1])

    def get_config(self):
        return {
            "name": self.name,
            "model": keras.saving.serialize_keras_object(self.model),
            "views": keras.saving.serialize_keras_object(self.views),
            "arguments": self.arguments,
        }

    @classmethod
    def from_config(cls, config):
        revived = {
            key: keras.saving.deserialize_keras_object(config[key]) for key in ("model", "views")
        }
        return cls(**{**config, **revived})
