"""What a training can be made of: arguments, data for the recipe, a network for its loss."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_classics import datasets, graphs, losses
from keras_classics.checks import BOOL, COUNT, PATH, SEED, Rule, either, one_of, optional, shown
from keras_classics.training.engine import Recipe

if TYPE_CHECKING:
    from keras_classics.datasets import Images

RECIPE = Rule("a recipe, as training.recipe(NAME) gives one", lambda x: isinstance(x, Recipe))
DATA = Rule(
    "a data set: datasets.load(NAME), or datasets.wrap(TRAIN, VALIDATION) of your own images",
    lambda x: isinstance(x, datasets.Images),
)
ARGUMENTS = {  # of `train`
    "recipe": RECIPE,
    "data": DATA,
    "run_dir": PATH,
    "seed": SEED,
    "builder": optional(Rule("a function of input_shape and classes", callable)),
    "verbose": either(BOOL, one_of(2, "auto")),
    "strategy": Rule(
        "the name of a strategy, or what training.strategy gives",
        lambda x: isinstance(x, str) or hasattr(x, "scope"),
    ),
    "resume": BOOL,
    "callbacks": Rule(
        "a list of Keras callbacks",
        lambda x: (
            isinstance(x, (list, tuple))
            and all(isinstance(each, keras.callbacks.Callback) for each in x)
        ),
    ),
    "best": BOOL,
    "early_stopping": optional(COUNT),
}
# Activations whose values can be probabilities, and the losses that take them.
PROBABILITIES = {"softmax", "sigmoid", "hard_sigmoid"}
OF_PROBABILITIES = ("sparse_categorical_crossentropy", "categorical_crossentropy")


def refuse_data(recipe: Recipe, data: "Images", classes: Sequence[str] | None = None) -> None:
    """Refuses data of another kind than the recipe's.

    Args:
        recipe: The recipe.
        data: The data.
        classes: The classes of a trained network. Default: any.

    Raises:
        ValueError: If the data are none, have other channels or another size, or other classes.
    """
    DATA.check("data", data)
    if reason := recipe.refusal(data.name, data.channels, data.side):
        raise ValueError(reason)
    if classes is not None and list(classes) != list(data.classes):
        raise ValueError(
            f"The network knows {len(classes)} classes, {shown(list(classes))}: give data of the "
            f"same, in the same order. Received: {data.name} with {len(data.classes)} classes, "
            f"{shown(list(data.classes))}"
        )


def refuse_network(network: Any, recipe: Recipe, classes: int) -> None:
    """Refuses a network that the recipe cannot train.

    Of a network that is neither functional nor sequential, Keras does not know the outputs, and
    the weights alone are looked at.

    Args:
        network: What a builder has returned.
        recipe: The recipe.
        classes: Number of classes.

    Raises:
        ValueError: If it is no network, takes other images, has other outputs or another last
            activation than the loss needs, or a weight is not finite.
    """
    if not isinstance(network, keras.Model):
        raise ValueError(f"`builder` must return a keras.Model. Received: {shown(network)}")
    if getattr(network, "inputs", None):
        _refuse_shapes(network, recipe, classes)
        for output in network.outputs:
            _refuse_activation(output, recipe.loss_function())
    for weight in network.weights:
        finite = keras.ops.isfinite(weight)  # there, where they are: NumPy takes ten times as long
        if not keras.ops.convert_to_numpy(keras.ops.all(finite)):
            count = int(np.sum(~keras.ops.convert_to_numpy(finite)))
            raise ValueError(
                f"The weights must be finite before a training. Received: {weight.path} of "
                f"{network.name} with {count} that are not"
            )


def _refuse_shapes(network, recipe, classes):
    takes, gives = ([tuple(x.shape) for x in xs] for xs in (network.inputs, network.outputs))
    image = (None, *recipe.input_shape)
    fits = len(takes) == 1 and len(takes[0]) == len(image)
    if not (fits and all(a in (None, b) for a, b in zip(takes[0][1:], image[1:], strict=True))):
        raise ValueError(
            f"The network must take one image of the shape {recipe.input_shape}. Received: "
            f"{network.name} with inputs of the shapes {takes}"
        )
    by_name = isinstance(getattr(network, "output", None), dict)  # a Sequential model may lack it
    several = len(gives) > 1 and not by_name
    if several or any(shape != (None, classes) for shape in gives):
        raise ValueError(
            f"The network must have one output of the shape (None, {classes}), a score for each "
            "class, or several such by their names, a dictionary. Received: "
            f"{network.name} with outputs of the shapes {gives}"
        )


def _refuse_activation(output, loss):
    """Refuses a last activation that is known to give no probabilities, where the loss needs them.

    Of a layer without an attribute `activation`, or with a function of one's own, it is not known.
    """
    layer = graphs.maker(output)
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", None)
    library = getattr(activation, "__module__", "").partition(".")[0]
    if not name or library not in ("keras", "keras_classics"):
        return
    takes_scores = loss not in OF_PROBABILITIES and getattr(loss, "from_logits", None)
    takes_scores = False if isinstance(loss, losses.SigmoidCrossentropy) else takes_scores
    if takes_scores is False and name not in PROBABILITIES:
        needed = "probabilities: an activation such as softmax"
    elif takes_scores and name == "softmax":
        needed = "scores, and makes probabilities of them itself: no activation"
    else:
        return
    raise ValueError(
        f"The loss takes {needed}. Received: the output layer {layer.name!r} with the activation "
        f"{name}"
    )
