"""A card for each published file: what it is, what it needs, what it reaches, where it is.

This module needs no Keras, except to download a file and to make a layer.
"""

import dataclasses
import hashlib
import logging
import pathlib
from typing import TYPE_CHECKING, Any

from keras_classics import cache, names

if TYPE_CHECKING:
    from keras_classics.preprocessing import ClassifierInput, DigitInput

OWN = "keras_classics"  # the library of the weights that are part of the package
TRAINED = pathlib.Path(__file__).parent / "trained"
MEAN = "preprocessing/mean"  # the mean of the training images, beside the weights
log = logging.getLogger("keras_classics")


@dataclasses.dataclass(frozen=True)
class Card:
    """A published file of weights.

    Args:
        name: The library or program that it comes from, and the file's name there.
        network: Name of the network, as in `keras_classics.names`: `"resnet50"`.
        library: The library whose names the weights have; a convention of `weights.load`.
            `"keras_classics"`: the file is part of the package.
        url: Address of the file; of one in the package, its name.
        checksum: As published: `"md5:..."`, `"sha1:..."` or `"sha256:..."`, of which PyTorch
            publishes the beginning; `None` if nothing is.
        licence: Of the weights.
        top1, top5: Published error of the one best and of the five best classes on
            ImageNet's validation set, in %, or `None`; of other data, on their test set.
        protocol: How these errors were measured.
        source: Where the file is published; of one in the package, how it was trained.
        prepare: Arguments of `preprocessing.ClassifierInput`, or of a digit's
            `preprocessing.DigitInput`. A `mean` of `"pixel"` is in the file.
        arguments: The arguments of the builder that are not its defaults.
        aliases: Short names, such as `"imagenet"`.
        classes: Number of classes.
        top: Further arguments that the builder needs with the top for these classes.
        headless: Whether the output layer was published with all its weights at 0.
        labels: Names of the classes, in the order of the outputs; none of ImageNet's 1,000.
        training: Of a file in the package, how it was made: recipe, seed, data, versions, machine,
            seconds, errors with their numbers of images, and the command.
        refused: Why the file is no network of a paper, or `None`.

    Example:

    ```python
    from keras_classics import weights

    card = weights.cards("resnet50")[0]
    print(card.name, card.call, card.top1)  # keras/resnet50 ResNet(50) 25.072
    layer = card.preprocessing()  # from uint8 RGB images of any size
    ```
    """

    name: str
    network: str
    library: str
    url: str
    checksum: str | None
    licence: str
    top1: float | None
    top5: float | None
    protocol: str
    source: str
    prepare: dict[str, Any]
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    classes: int = 1000
    top: dict[str, Any] = dataclasses.field(default_factory=dict)
    headless: bool = False
    labels: tuple[str, ...] = ()
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    refused: str | None = None

    @property
    def call(self) -> str:
        """The call that builds the network, `"ResNet(50, stride_in='3x3')"`, or `"refused"`."""
        if self.refused:
            return "refused"
        network = names.find(self.network)
        words = [repr(value) for value in network.arguments.values()]
        words += [f"{name}={value!r}" for name, value in {**self.arguments, **self.top}.items()]
        return f"{network.builder}({', '.join(words)})"

    @property
    def outputs(self) -> int | None:
        """Number of outputs that the output layer has in the file; `None` without one."""
        whole = self.arguments.get("include_top", True) and not self.headless
        return self.classes if whole else None

    @property
    def channels(self) -> int:
        """Channels of an image: 3, or 1 of a digit."""
        return 1 if "box" in self.prepare else 3

    def preprocessing(self, image_size: int | None = None) -> "ClassifierInput | DigitInput":
        """The layer from uint8 images of any size to the input that the weights need.

        Args:
            image_size: Side of the network's input, pixels; `resize` is in proportion. Default:
                that of the release.
        """
        from keras_classics import preprocessing

        digit = self.channels == 1
        layer = preprocessing.DigitInput if digit else preprocessing.ClassifierInput
        return layer(**self.prepared(image_size), name="preprocessing")

    def prepared(self, image_size: int | None = None) -> dict[str, Any]:
        """The arguments of that layer."""
        prepare = dict(self.prepare)
        if "box" in prepare:
            side = image_size or prepare["plane"]
            box = round(prepare["box"] * side / prepare["plane"])
            return {**prepare, "box": box, "plane": side}
        crop, resize = prepare["crop"], prepare["resize"]
        side = image_size or crop
        if prepare.get("mean") == "pixel":
            prepare["mean"] = self._mean(side == crop)
        if isinstance(resize, int):
            return {**prepare, "crop": side, "resize": round(resize * side / crop)}
        sides = tuple(round(each * side / crop) for each in resize)
        return {**prepare, "crop": side, "resize": sides}

    def _mean(self, of_each_pixel):
        """The mean in the file: of each pixel, or for images of another size of each channel."""
        from safetensors.numpy import load_file

        mean = load_file(self.path())[MEAN]
        return (mean if of_each_pixel else mean.mean(axis=(0, 1), dtype="float64")).tolist()

    def fill(self, given: dict[str, Any]) -> dict[str, Any]:
        """All arguments for the builder of the network.

        Args:
            given: The arguments that a user gave. They win.
        """
        own_top = given.get("include_top", True) and given.get("classes", self.classes) == (
            self.classes
        )
        top = {"classes": self.classes, **self.top} if own_top else {}
        own = dict(self.arguments)
        if "classes" in given:  # a new top on a file that has none
            own.pop("include_top", None)
        return {**names.find(self.network).arguments, **own, **top, **given}

    @property
    def cached(self) -> pathlib.Path:
        """Where the file is: in the package, or after the download, or placed there by hand."""
        if self.library == OWN:
            return TRAINED / self.url
        return cache.home() / self._folder / pathlib.PurePosixPath(self.url).name

    @property
    def _folder(self):
        if self.library == "keras":
            return pathlib.Path("models")  # where keras.applications keeps them, too
        return pathlib.Path("models", "keras_classics", *self.name.split("/"))

    def path(self) -> str:
        """The path of the file. It is downloaded unless it is there, and its checksum compared.

        A file in the package is there.

        Raises:
            OSError: If it cannot be downloaded.
            ValueError: If its checksum is another, or if it is no network of a paper.
        """
        import keras

        if self.refused:
            raise ValueError(f"{self.name} is not offered: {self.refused}.")
        if self.library == OWN:
            return str(self.cached)
        algorithm, _, expected = (self.checksum or "").partition(":")
        is_complete = len(expected) == {"md5": 32, "sha256": 64}.get(algorithm, -1)
        by_hand = (
            f"Its address is {self.url}; placed by hand, it is found at {self.cached}; its "
            f"checksum is {self.checksum or 'not published'}."
        )
        try:
            with cache.impatient():
                path = keras.utils.get_file(
                    self.cached.name,
                    self.url,
                    file_hash=expected if is_complete else None,
                    hash_algorithm=algorithm if is_complete else "auto",
                    cache_subdir=str(self._folder),
                    cache_dir=str(cache.home()),
                )
        except Exception as error:  # Keras raises nothing narrower
            raise OSError(f"{self.name} could not be downloaded: {error}. {by_hand}") from error
        if not is_complete:
            self._check(pathlib.Path(path), algorithm or "sha256", expected, by_hand)
        return path

    def _check(self, path, algorithm, expected, by_hand):
        """Compares a checksum that Keras cannot: of another algorithm, or only its beginning."""
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, algorithm).hexdigest()
        if not expected:
            log.warning("%s has the sha256 %s; no checksum is published", path, found)
        elif not found.startswith(expected):
            raise ValueError(
                f"{path} is damaged or another file: its {algorithm} is {found}. Remove it. "
                f"{by_hand}"
            )


class Cards(tuple[Card, ...]):
    """Cards, which print as a table in Markdown."""

    def __repr__(self):
        rows = [("release", "network", "top-1", "top-5", "licence")]
        for card in self:
            errors = ("" if e is None else f"{e:.2f} %" for e in (card.top1, card.top5))
            rows.append((f"`{card.name}`", f"`{card.call}`", *errors, card.licence))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
            for row in rows
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(lines)
