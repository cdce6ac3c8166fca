"""A card for each published file: what it is, what it needs, what it reaches, where it is."""

import dataclasses
import hashlib
import inspect
import logging
import os
import pathlib

import keras

from keras_classics import activations
from keras_classics.preprocessing import ClassifierInput

log = logging.getLogger("keras_classics")
# Arguments of a builder that leave the weights as they are.
FREE = ("input_shape", "classes")
BUILDERS = {}  # by name; `applications.builder.pretrained` enters them


@dataclasses.dataclass(frozen=True)
class Card:
    """A published file of weights.

    Args:
        name: The library or program that it comes from, and the file's name there.
        network: Name of the builder.
        arguments: The arguments that the builder needs for it.
        library: Whose names the weights have there; a key of the family's conventions.
        url: Address of the file.
        checksum: As published: `"md5:..."`, `"sha1:..."` or `"sha256:..."`, of which PyTorch
            publishes the beginning; `None` if nothing is.
        licence: Of the weights.
        top1, top5: Published error of the one best and of the five best classes on
            ImageNet's validation set, in %, or `None`.
        protocol: How that was measured.
        source: Where it is published.
        prepare: Arguments of `preprocessing.ClassifierInput`.
        aliases: Short names, such as `"imagenet"`.
        classes: Number of classes.
        top: Further arguments that the builder needs with the top for these classes.
        headless: Whether the output layer was published with all its weights at 0.
        refused: Why the file is no network of a paper, or `None`.
    """

    name: str
    network: str
    arguments: dict
    library: str
    url: str
    checksum: object
    licence: str
    top1: object
    top5: object
    protocol: str
    source: str
    prepare: dict
    aliases: tuple = ()
    classes: int = 1000
    top: dict = dataclasses.field(default_factory=dict)
    headless: bool = False
    refused: object = None

    def preprocessing(self):
        """The layer from uint8 RGB images of any size to what the weights were trained with."""
        return ClassifierInput(**self.prepare, name="preprocessing")

    def conflicts(self, given):
        """Why the arguments that a builder was given do not go with these weights."""
        return [
            f"{name}={value!r} (given: {given[name]!r})"
            for name, value in self.arguments.items()
            if name not in FREE and name in given and not _same(given[name], value)
        ]

    def fill(self, given):
        """The arguments that a builder was given, and those that these weights need beside."""
        own_top = given.get("include_top", True) and given.get("classes", self.classes) == (
            self.classes
        )
        classes = {"classes": self.classes} if own_top else {}
        return {**self.arguments, **classes, **(self.top if own_top else {}), **given}

    @property
    def cached(self):
        """Where the file is after the download, or can be placed by hand."""
        return pathlib.Path(_cache()) / self._folder / pathlib.PurePosixPath(self.url).name

    @property
    def _folder(self):
        if self.library == "keras":
            return pathlib.Path("models")  # where keras.applications keeps them, too
        return pathlib.Path("models", "keras_classics", *self.name.split("/"))

    def path(self):
        """The path of the file, which is downloaded unless it is there; its checksum is checked.

        Raises:
            OSError: If it cannot be downloaded.
            ValueError: If its checksum is another, or if it is no network of a paper.
        """
        if self.refused:
            raise ValueError(f"{self.name} is not offered: {self.refused}.")
        algorithm, _, expected = (self.checksum or "").partition(":")
        whole = len(expected) == {"md5": 32, "sha256": 64}.get(algorithm, -1)
        by_hand = (
            f"Its address is {self.url}; placed by hand, it is found at {self.cached}; its "
            f"checksum is {self.checksum or 'not published'}."
        )
        try:
            path = keras.utils.get_file(
                self.cached.name,
                self.url,
                file_hash=expected if whole else None,
                hash_algorithm=algorithm if whole else "auto",
                cache_subdir=str(self._folder),
                cache_dir=_cache(),
            )
        except Exception as error:  # Keras raises nothing narrower
            raise OSError(f"{self.name} could not be downloaded: {error}. {by_hand}") from error
        if not whole:
            self._check(pathlib.Path(path), algorithm or "sha256", expected, by_hand)
        return path

    def _check(self, path, algorithm, expected, by_hand):
        """Compares a checksum that Keras knows no algorithm for, or of which only the beginning."""
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, algorithm).hexdigest()
        if not expected:
            log.warning("%s has the sha256 %s; no checksum is published", path, found)
        elif not found.startswith(expected):
            raise ValueError(
                f"{path} is damaged or another file: its {algorithm} is {found}. Remove it. "
                f"{by_hand}"
            )


def _cache():
    return os.path.expanduser(os.environ.get("KERAS_HOME", os.path.join("~", ".keras")))


def _same(given, value):
    if value in ("gelu", "gelu_tanh"):  # an activation, by its name or itself
        return activations.get(given) is activations.get(value)
    return given == value


class Cards(tuple):
    """Cards, which print as a table."""

    def __repr__(self):
        return table(self)


def cards(network=None):
    """The cards of all published files, or of a network's; they print as a table.

    Args:
        network: Name of a builder, `"ResNet"` or `"resnet50"`; default: all.
    """
    from keras_classics.weights.releases import CARDS

    chosen = CARDS
    if network is not None:
        wanted = network.lower().replace("_", "")
        chosen = [c for c in CARDS if wanted in builders(c)]
        if not chosen:
            known = ", ".join(sorted({c.network for c in CARDS}))
            raise ValueError(f"No weights are published for {network!r}; there are of {known}.")
    return Cards(chosen)


def builders(card):
    """Names of a card's network, in small letters: "vgg16" and "vgg"."""
    given = card.arguments
    variant = str(given.get("configuration", given.get("depth", given.get("variant", ""))))
    layers = {"A": "11", "B": "13", "D": "16", "E": "19"}.get(variant, variant)
    cifar = "CIFAR" if card.network.endswith("CIFAR") else ""
    name = f"{card.network.removesuffix('CIFAR')}{layers}{cifar}"
    return name.lower().replace("/", "").replace("+", ""), card.network.lower()


def table(chosen):
    """Cards as the rows of a table in Markdown."""
    rows = [("release", "network", "top-1", "top-5", "licence")]
    for card in chosen:
        errors = ("" if e is None else f"{e:.2f} %" for e in (card.top1, card.top5))
        rows.append((f"`{card.name}`", f"`{call(card)}`", *errors, card.licence))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def call(card):
    """How a card's network is built: the arguments that are not the builder's defaults."""
    if card.refused:
        return "refused"
    parameters = inspect.signature(BUILDERS[card.network]).parameters
    words = [
        repr(value) if parameters[name].default is inspect.Parameter.empty else f"{name}={value!r}"
        for name, value in {**card.arguments, **card.top}.items()
        if parameters[name].default != value
    ]
    return f"{card.network}({', '.join(words)})"


def build(card, **given):
    """A card's network, without its weights."""
    return BUILDERS[card.network](**card.fill(given))


def named(name):
    """The card of a name, of its last part or of the file at its address; `None` without one."""
    for of in (
        lambda card: card.name,
        lambda card: card.name.rpartition("/")[2],
        lambda card: pathlib.PurePosixPath(card.url).stem,
    ):
        found = [card for card in cards() if of(card) == name]
        if found:
            break
    if len(found) > 1:
        raise ValueError(
            f"{name!r} is the name of several releases: {', '.join(c.name for c in found)}."
        )
    return found[0] if found else None


def choose(network, source, given):
    """The card that a builder's argument `weights` means, or `None` if it means a path.

    Args:
        network: Name of the builder.
        source: Its argument `weights`.
        given: The arguments that it was given beside.

    Raises:
        ValueError: If there is no such release, or it does not go with the arguments.
    """
    if not isinstance(source, str) or os.path.exists(source):
        return None
    card = named(source)
    candidates = [card] if card else [c for c in cards() if source in c.aliases]
    candidates = [c for c in candidates if c.network == network]
    if card and not candidates:
        raise ValueError(f"{card.name} is of {call(card)}, and not of {network}.")
    if not candidates:
        if any(sign in source for sign in (os.sep, "/", ".")):
            return None  # a path, which opening it will say more of
        known = ", ".join(c.name for c in cards() if c.network == network)
        raise ValueError(
            f"There are no weights {source!r} for {network}. Give the path of a file, or one of: "
            f"{known or 'none'}."
        )
    fitting = [c for c in candidates if not c.conflicts(given)]
    if not fitting:
        raise ValueError(
            f"The weights {source!r} do not go with these arguments. Needed: "
            + "; or ".join(f"{', '.join(c.conflicts(given))} for {c.name}" for c in candidates)
        )
    return max(
        fitting,
        key=lambda c: sum(k in given and _same(given[k], v) for k, v in c.arguments.items()),
    )


def path_of(source, model):
    """The path that `load`'s argument `source` means for a finished model."""
    if not isinstance(source, str) or os.path.exists(source):
        return source
    card = named(source)
    if card is None and any(source in c.aliases for c in cards()):
        from keras_classics.weights.loading import fits

        card = next((c for c in cards() if source in c.aliases and fits(c, model)), None)
        if card is None:
            raise ValueError(
                f"No weights {source!r} are published for the network {model.name}, or not for "
                "its arguments: see keras_classics.weights.cards()."
            )
    return card.path() if card else source
