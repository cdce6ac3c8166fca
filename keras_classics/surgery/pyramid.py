"""The feature maps inside a network, as a model: for detection, segmentation and pictures."""

import difflib
import math
from collections.abc import Sequence

import keras
from keras import layers

from keras_classics import graphs
from keras_classics.layers import ConstantPadding2D

LEVELS = 4  # detection and segmentation heads read strides 4, 8, 16 and 32


@graphs.deep_recursion()
def features(model: keras.Model, names: Sequence[str] | None = None) -> keras.Model:
    """Makes a model of a network's pyramid: the last feature maps at its four largest strides.

    For the networks for ImageNet, the strides are 4, 8, 16 and 32. A level is the output of the
    last layer at that stride through which every path from the image leads: the end of a stage,
    not the inside of a block. The sizes of the feature maps give the strides, as powers of two.
    Layers that only pad are left out, and so are auxiliary classifiers. For example

    | network   | stride 4  | 8              | 16             | 32             |
    |-----------|-----------|----------------|----------------|----------------|
    | ResNet    | `conv2_x` | `conv3_x`      | `conv4_x`      | `conv5_x`      |
    | VGG("D")  | `conv3_3` | `conv4_3`      | `conv5_3`      | `pool5`        |
    | GoogLeNet | `lrn2`    | `inception_3b` | `inception_4e` | `inception_5b` |

    A network of fewer strides has fewer levels: `ResNetCIFAR` has `conv2_x`, `conv3_x` and
    `conv4_x`, at strides 1, 2 and 4. A ViT has tokens and no feature maps: take `names`, such as
    `["encoder_block_12"]`. The levels of a hybrid are those of its ResNet, to stride 16 or 32.

    Args:
        model: A functional or sequential `keras.Model` of images, channels last, of known
            size or not. A model within it counts as one layer: for the feature maps inside, take
            `features(model.get_layer(its_name))`. Of a `Classifier` the levels are those of its
            network, and the images those that it takes.
        names: Names of layers whose outputs are taken instead, of any shape. A layer that is
            applied several times gives its last output.

    Returns:
        A `keras.Model` from the same input to a dict from the layers' names to their
        outputs. Layers and weights are those of `model`: training one trains both.

    Raises:
        ValueError: If `model` is neither functional nor sequential or was not built, or if it has
            no layer of a name, or no feature maps.

    Example:

    ```python
    import numpy as np

    import keras_classics as kc

    network = kc.build("resnet18", input_shape=(64, 64, 3), include_top=False)
    pyramid = kc.features(network)
    for name, maps in pyramid(np.zeros((1, 64, 64, 3))).items():
        print(name, maps.shape)  # conv2_x (1, 16, 16, 64), conv3_x (1, 8, 8, 128), ...
    ```
    """
    graphs.check_connected(model)
    if hasattr(model, "with_network"):  # a classifier, whose room is above this one
        within = features(model.network, names)
        outputs = within(model.preprocessing(model.input))
        return keras.Model(model.input, outputs, name=f"{model.name}_features")
    outputs = {node.operation.name: node.outputs[0] for node in graphs.nodes(model.outputs)}
    if names is None:
        names = _pyramid(model)
    for name in names:
        if name not in outputs:
            near = difflib.get_close_matches(name, outputs, n=5, cutoff=0.4)
            raise ValueError(
                f"The model has no layer of this name; near ones: {', '.join(near) or 'none'}."
                f"{graphs.models_within(model)} Received: {name!r} in names={names}"
            )
    chosen = {name: outputs[name] for name in names}
    return keras.Model(_input(model), chosen, name=f"{model.name}_features")


def _input(model):
    """The input of a model in its structure; a sequential model may have no `input` yet."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def _pyramid(model):
    """The names of the last bottlenecks at each of the largest strides."""
    depth = graphs.nodes(model.outputs)
    maps = [node for node in depth if len(node.outputs[0].shape) == 4]
    image = model.inputs[0].shape
    if len(image) != 4:
        raise ValueError(
            "The model must take images, (batch, height, width, channels)."
            f"{graphs.models_within(model)} "
            f"Received: model={model.name!r} with inputs of shape {image}"
        )
    deepest = max(maps, key=depth.get)
    way = [node for node in _bottlenecks(deepest) if node in maps and not _passes(node)]
    if not way:
        raise ValueError(
            "The model must have maps, (batch, height, width, channels), between layers; take "
            f"`names` for other outputs.{graphs.models_within(model)} "
            f"Received: model={model.name!r}"
        )

    # If the size of the images is unknown, an image of 512 pixels shows the strides.
    size = keras.tree.map_structure(lambda x: tuple(d or 512 for d in x.shape), _input(model))
    network = keras.Model(_input(model), [node.outputs[0] for node in way])
    shapes = network.compute_output_shape(size)
    # Step by step: convolutions without padding lose a border, too, and all of them together
    # might look like a stride.
    area, stride = math.prod(keras.tree.flatten(size)[1:3]), 1
    levels = {}  # the last of each stride
    for node, (_, height, width, _) in zip(way, shapes, strict=True):
        stride *= 2.0 ** round(math.log2(area / (height * width)) / 2)
        area = height * width
        levels[stride] = node.operation.name
    return [levels[stride] for stride in sorted(levels)[-LEVELS:]]


def _bottlenecks(end):
    """The nodes through which every path to `end` leads, in order."""
    nodes = list(graphs.nodes(end.outputs))
    last_use = {parent: i for i, node in enumerate(nodes) for parent in node.parent_nodes}
    reach = 0
    for i, node in enumerate(nodes):
        if reach <= i:
            yield node
        reach = max(reach, last_use.get(node, i))


def _passes(node):
    """Whether a layer adds nothing: it is the input, or only pads."""
    return isinstance(node.operation, layers.InputLayer | layers.ZeroPadding2D | ConstantPadding2D)
