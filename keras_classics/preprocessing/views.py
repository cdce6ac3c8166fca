"""How the papers read the answer at test time: the softmax, averaged over views of an image.

A protocol is a function from images `(batch, height, width, channels)` of one size, before the
mean is subtracted or after, to views `(batch, views, height, width, channels)`, or to a list of
such tensors where their sizes differ. `AverageOverViews` is a model that averages another's
answers over them.
"""

import keras
from keras import ops

from keras_classics.preprocessing import boxes


@keras.saving.register_keras_serializable(package="keras_classics")
def ten_crop(images, size=224):
    """Four corners and the centre, then their reflections (Krizhevsky et al., 2012, 4.1).

    Args:
        images: Images `(batch, height, width, channels)`. Paper: 256x256.
        size: Size of the crops, an integer or a pair `(height, width)`. Paper: 224.

    Returns:
        `(batch, 10, *size, channels)`: top left, top right, bottom left, bottom right,
        centre, and the same five mirrored.
    """
    return _with_reflections(_five_crops(images, boxes.pair(size)))


@keras.saving.register_keras_serializable(package="keras_classics")
def googlenet_crops(images, short_sides=(256, 288, 320, 352), size=224):
    """The 144 crops of GoogLeNet (Szegedy et al., 2015, section 7).

    The image at four scales; of each the left, central and right square (the top, central
    and bottom one of a tall image); of each the four corners, the centre and the whole
    square resized; and all mirrored: 4 * 3 * 6 * 2. The interpolation is bilinear,
    antialiased; the paper is silent.

    Args:
        images: Images `(batch, height, width, channels)` of any one size.
        short_sides: Lengths of the shorter side, in pixels. Paper: 256, 288, 320, 352.
        size: Side of the crops. Paper: 224.

    Returns:
        `(batch, 36 * len(short_sides), size, size, channels)`, first all crops in the order
        above, then all mirrored.
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
def whole_images(images, short_sides=(256, 384, 512)):
    """The whole image at several scales, and mirrored (Simonyan & Zisserman, 2015, 3.2).

    For VGG's dense evaluation, with a network that takes images of any size
    (`applications.vgg.dense`).

    Args:
        images: Images `(batch, height, width, channels)` of any one size.
        short_sides: `Q`, lengths of the shorter side in pixels. Paper: `(S,)`;
            `(S - 32, S, S + 32)` after training at one scale `S`; `(256, 384, 512)` after
            scale jitter from 256 to 512.

    Returns:
        A list with one tensor `(batch, 2, height, width, channels)` for each scale: the
        image and its reflection.
    """
    return [_with_reflections([boxes.rescale(images, side)]) for side in short_sides]


def _five_crops(images, size):
    images = boxes.refuse_smaller(images, size)
    down, across = (side - new for side, new in zip(boxes.sides(images), size, strict=True))
    corners = [(0, 0), (0, across), (down, 0), (down, across), (down // 2, across // 2)]
    return [boxes.cut(images, top, left, size) for top, left in corners]


def _with_reflections(crops):
    return ops.stack([*crops, *(ops.flip(crop, axis=2) for crop in crops)], axis=1)


@keras.saving.register_keras_serializable(package="keras_classics")
class AverageOverViews(keras.Model):
    """A model whose answer is another's, averaged over views of each image.

        y = 1 / V * sum_v model(view_v(x))

    `predict` and `evaluate` work as with the model itself, after `compile(metrics=...)`:

        tested = AverageOverViews(model, ten_crop)
        tested.compile(metrics=["sparse_categorical_accuracy"])
        tested.evaluate(images_of_256x256)

    All views of a batch go through the model at once: 144 crops need small batches.

    Args:
        model: A classifier from images to one tensor of probabilities, `(batch, classes)`,
            such as a softmax; not of scores before it.
        views: A protocol: `ten_crop`, `googlenet_crops`, `whole_images` or a function of
            your own, which must be registered with Keras if this model is to be saved.
        arguments: A dictionary of further arguments for `views`, such as `{"size": 227}`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, classes)`, float32.
    """

    def __init__(self, model, views, arguments=None, **kwargs):
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
        answers = ops.concatenate([self._answers(v) for v in views], axis=1)
        return ops.mean(ops.cast(answers, "float32"), axis=1)

    def _answers(self, views):  # (batch, views, height, width, channels)
        count = views.shape[1]
        answers = self.model(ops.reshape(views, (-1, *ops.shape(views)[2:])), training=False)
        return ops.reshape(answers, (-1, count, answers.shape[-1]))  # (batch, views, classes)

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
