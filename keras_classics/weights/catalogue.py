"""The published weights by their names. This module needs no Keras to list them."""

import os
import pathlib
from typing import TYPE_CHECKING, Any

from keras_classics import names
from keras_classics.checks import TEXT, arguments, optional
from keras_classics.weights.card import Card, Cards
from keras_classics.weights.releases import CARDS

if TYPE_CHECKING:
    import keras


@arguments(network=optional(TEXT))
def cards(network: str | None = None) -> Cards:
    """The cards of the published files. They print as a table.

    Args:
        network: A name, a builder, a paper or a pattern, as `names.select` takes it:
            `"resnet50"`, `"ViT-B/16"`, `"VGG"`, `"resnet*"`. Default: all.

    Returns:
        A tuple of `Card`.

    Raises:
        ValueError: If there is no such network, or no weights are published for it.

    Example:

    ```python
    from keras_classics import weights

    print(weights.cards("vgg16"))
    [card.name for card in weights.cards("alexnet") if not card.refused]  # ["caffe/bvlc_alexnet"]
    ```
    """
    if network is None:
        return Cards(CARDS)
    chosen = {each.name for each in names.select(network)}
    found = Cards(card for card in CARDS if card.network in chosen)
    if not found:
        known = sorted({names.find(card.network).builder for card in CARDS})
        raise ValueError(
            f"No weights are published for {network!r}; there are of {', '.join(known)}."
        )
    return found


def usual(network: str) -> str:
    """The weights that a network has where none are named: the short name of its paper's data.

    Args:
        network: What `names.select` takes.

    Raises:
        ValueError: As of `cards`.
    """
    offered = [card for card in cards(network) if not card.refused]
    known = [alias for card in offered for alias in card.aliases]
    # Of networks that have several: LeNet-1, whose paper reads zip codes, has MNIST as well.
    papers = [alias for alias in ("imagenet", "usps", "cifar10", "mnist") if alias in known]
    return (papers or known or [offered[0].name])[0]


def resolve(
    source: str | os.PathLike | Card,
    network: str | None = None,
    given: dict[str, Any] | None = None,
    model: "keras.Model | None" = None,
) -> Card | None:
    """The release that a name of weights means.

    A short name, such as `"imagenet"`, means the first release that fits. It takes a network or
    a model.

    Args:
        source: A card; the name of a release, its last part or the name of its file; a short
            name; or a path.
        network: The network or builder for which it is: what `names.select` takes.
        given: The arguments that the builder is called with.
        model: In place of both, a network that is finished.

    Returns:
        A `Card`, or `None` if `source` is a path.

    Raises:
        ValueError: If there is no such release, or it does not go with the network.
    """
    card: Card | None
    if isinstance(source, Card):
        card, candidates = source, [source]
    elif not isinstance(source, str) or os.path.exists(source):
        return None
    else:
        card = _named(source)
        candidates = [card] if card else [each for each in CARDS if source in each.aliases]
    if model is not None:
        return card or _of_model(source, candidates, model)
    if network is not None:
        known = {each.name for each in names.select(network)}
        if card and card.network not in known:
            raise ValueError(f"{card.name} is of {card.network}, and not of {network}.")
        candidates = [each for each in candidates if each.network in known]
    if candidates:
        return _of_arguments(source, candidates, given or {})
    if network is None or any(sign in str(source) for sign in (os.sep, "/", ".")):
        return None  # a path; the error on opening it says more
    listed = ", ".join(each.name for each in CARDS if each.network in known)
    raise ValueError(
        f"There are no weights {source!r} for {network}. Give the path of a file, or one of: "
        f"{listed or 'none'}."
    )


def _named(name):
    """The card of a name, of its last part or of the file at its address; `None` without one."""
    for of in (
        lambda card: card.name,
        lambda card: card.name.rpartition("/")[2],
        lambda card: pathlib.PurePosixPath(card.url).stem,
    ):
        found = [card for card in CARDS if of(card) == name]
        if found:
            break
    if len(found) > 1:
        raise ValueError(
            f"{name!r} is the name of several releases: {', '.join(c.name for c in found)}."
        )
    return found[0] if found else None


def _of_model(source, candidates, model):
    """The first card whose network a model is, or `None` if the name is none of a card."""
    from keras_classics.weights import fitting

    found = next((card for card in candidates if fitting.fits(card, model)), None)
    if candidates and found is None:
        raise ValueError(
            f"No weights {source!r} are published for the network {model.name}, or not for "
            "its arguments: see keras_classics.weights.cards()."
        )
    return found


def _of_arguments(source, candidates, given):
    """The card that has most of the given arguments, and none that contradicts them."""
    if not given:
        return candidates[0]
    from keras_classics.weights import fitting

    conflicts = {card.name: fitting.conflicts(card, given) for card in candidates}
    fitting_cards = [card for card in candidates if not conflicts[card.name]]
    if not fitting_cards:
        name = source.name if isinstance(source, Card) else source
        needed = (f"{', '.join(words)} for {card}" for card, words in conflicts.items())
        raise ValueError(
            f"The weights {name!r} do not go with these arguments. Needed: {'; or '.join(needed)}"
        )
    return max(fitting_cards, key=lambda card: fitting.matches(card, given))
