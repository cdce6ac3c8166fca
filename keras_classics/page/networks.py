"""The networks that a page shows, by what people call them."""

import math
import os
import pathlib
from typing import NamedTuple

from keras_classics import classification, names, training
from keras_classics.checks import PATH, Rule, arguments
from keras_classics.weights.card import OWN, Card
from keras_classics.weights.catalogue import cards, resolve, usual

WORD = Rule(
    "the name of a network or a release, a run folder, or a Classifier",
    lambda x: PATH.holds(x) or isinstance(x, classification.Classifier),
)


class Shown(NamedTuple):
    """A network on a page: what it is called there, the classifier, and a line about it.

    Example:

    ```python
    import keras_classics as kc

    shown = kc.page.Shown("mine", kc.classifier("lenet1"), "as it came")
    ```
    """

    name: str
    model: classification.Classifier
    about: str


@arguments(word=WORD)
def shown(word: str | os.PathLike | classification.Classifier) -> Shown:
    """The network of a word, for a page.

    Args:
        word: The name of a network, which means the weights that it has in the package,
            `"lenet5"`; of a release, `"lenet5-mnist-softmax"`; the path of a run folder; or a
            `Classifier` of one's own.

    Returns:
        A `Shown`.

    Raises:
        FileNotFoundError: If the run did not finish.
        ValueError: If there is no such network or release, it has no weights in the package, or
            the run is not of digits.

    Example:

    ```python
    import keras_classics as kc

    print(kc.page.shown("lenet1").name)  # lenet1-usps
    ```
    """
    if isinstance(word, classification.Classifier):
        return Shown(word.name, word, _parameters(word.network))
    if os.path.lexists(word):
        return _of_run(pathlib.Path(word))
    return _of_card(_card(os.fspath(word)))


def releases() -> list[Shown]:
    """The package's networks of digits that learned their papers' data, the newest paper's first.

    Returns:
        A list of `Shown`.

    Example:

    ```python
    import keras_classics as kc

    print([each.name for each in kc.page.releases()])  # ["lenet5-mnist", ...
    ```
    """
    order = list(names.NETWORKS)
    found = [card for card in cards() if _is_of_digits(card) and _learned(card) == _usual(card)]
    found.sort(key=lambda card: order.index(card.network), reverse=True)
    return [_of_card(card) for card in found]


def _learned(card):
    return card.training["data"]["name"]


def _usual(card):
    """The data of a network's paper."""
    return _learned(resolve(usual(card.network), card.network))


def _is_of_digits(card):
    return card.library == OWN and "box" in card.training["recipe"]


def _card(word):
    """The release of a word."""
    try:
        network = names.find(word).name
    except ValueError:
        card = resolve(word)
    else:
        card = resolve(usual(network), network)
    if card and _is_of_digits(card):
        return card
    known = ", ".join(card.name.rpartition("/")[2] for card in cards() if _is_of_digits(card))
    raise ValueError(
        f"A page shows networks of digits: the folder of a run that trained one, or {known}. "
        f"Received: {word}"
    )


def _of_card(card: Card) -> Shown:
    model = classification.classifier(card.network, card)
    about = (
        f"{card.call}, {_parameters(model.network)}; misreads {card.top1:.2f} % ({card.protocol})"
    )
    return Shown(card.name.rpartition("/")[2], model, about)


def _of_run(folder):
    """The network of a run folder, with the preprocessing of its recipe."""
    run = training.Run(folder)
    recipe = run.recipe
    if not all(hasattr(recipe, name) for name in ("box", "centre", "paper", "ink")):
        raise ValueError(
            f"A page shows networks of digits, and {folder} is the run of {recipe.network}, which "
            "reads photographs: take the run of a network whose recipe has a digit's `box`."
        )
    data = run.manifest["data"]["name"]
    about = f"{recipe.network}, trained on {data}, {_parameters(run.network)}"
    return Shown(folder.resolve().name, run.classifier(), about)


def _parameters(network):
    """How many weights are trained, in words. The codes of the classes are not."""
    count = sum(math.prod(weight.shape) for weight in network.trainable_weights)
    return f"{count:,} parameters"
