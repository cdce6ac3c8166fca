"""Networks by their names."""

from typing import Any

import keras

from keras_classics import applications, names
from keras_classics.checks import BOOL, TEXT, arguments, optional
from keras_classics.weights.catalogue import cards


@arguments(pattern=TEXT, weights=optional(BOOL))
def list_models(pattern: str = "*", weights: bool | None = None) -> list[str]:
    """The names of the networks, which `build`, `classifier` and the command line take.

    Args:
        pattern: A name, a builder, a paper, or a pattern with `*` and `?`: `"resnet*"`, `"VGG"`.
        weights: `True` for those with published weights, `False` for those without, `None`
            for all.

    Returns:
        A list of names, in the order of the papers.

    Raises:
        ValueError: If there is no such network.

    Example:

    ```python
    import keras_classics as kc

    kc.list_models("resnet*", weights=True)  # ["resnet18", "resnet34", "resnet50", ...]
    ```
    """
    found = [network.name for network in names.select(pattern)]
    if weights is None:
        return found
    published = {card.network for card in cards() if not card.refused}
    return [name for name in found if (name in published) is weights]


def build(name: str, **arguments: Any) -> keras.Model:
    """Builds a network by its name.

    Args:
        name: Such as `"resnet50"`; see `keras_classics.names.find`.
        **arguments: Those of the network's builder, such as `classes=5`.

    Returns:
        The network, a functional `keras.Model`.

    Raises:
        ValueError: If there is no such network; the message names similar ones.

    Example:

    ```python
    import keras_classics as kc

    model = kc.build("resnet18", classes=5, input_shape=(96, 96, 3))
    ```
    """
    network = names.find(name)
    builder = getattr(applications, network.builder)
    return builder(**(network.arguments | arguments))
