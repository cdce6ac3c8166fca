"""A network as a program of its own: images in, predictions out."""

import concurrent.futures
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

import keras_classics
from keras_classics.atomic import atomic
from keras_classics.checks import ANYTHING, COUNT, arguments, one_of, optional
from keras_classics.classification import Classifier, best_classes, of_other_channels, prepared
from keras_classics.datasets import read_image
from keras_classics.preprocessing.pixels import as_batch
from keras_classics.serving import engine
from keras_classics.surgery import fuse

_PATH = (str, os.PathLike)
_FILE = (*_PATH, bytes)
_PRECISION = one_of("auto", "float32", "bfloat16", "int8")


@arguments(
    model=ANYTHING,
    precision=_PRECISION,
    calibration=ANYTHING,
    threads=optional(COUNT),
    streams=COUNT,
)
def serve(
    model: keras.Model | str | os.PathLike,
    precision: str = "auto",
    calibration: Any = None,
    *,
    threads: int | None = None,
    streams: int = 1,
) -> "Served":
    """Prepares a trained network to be served: on a processor, OpenVINO is the fastest engine.

    The network is fused (`keras_classics.fuse`), written for OpenVINO by Keras's own OpenVINO
    backend, in another process, and compiled for this processor. The weights and the result are
    the same whichever backend trained it. `docs/serving.md` has measurements.

    Args:
        model: A `Classifier`, with its preprocessing and its classes; a functional model of one
            input; or the folder that `Served.save` wrote.
        precision: What convolutions and products compute in.

            - `"auto"`: bfloat16 where the processor multiplies in it (AVX512-BF16, AMX),
              otherwise float32; of a folder, as it was saved.
            - `"float32"`, `"bfloat16"`: this one. A processor without bfloat16 takes float32.
            - `"int8"`: weights and maps in 256 levels, whose ranges are those of `calibration`;
              the rest as in `"auto"`.
        calibration: For `"int8"`, images as of `Served.predict`. Some 300, like those that will
            be served, are enough.
        threads: Processors that compute. Default: all.
        streams: Batches that are computed at the same time, each on its share of the threads:
            more than 1 for a server with many small batches at once.

    Returns:
        A `Served`.

    Raises:
        ImportError: If OpenVINO is not installed, or NNCF, for int8.
        ValueError: If the model has several inputs, or parts that Keras's OpenVINO backend cannot
            compute; if `calibration` is missing, or given for another precision.
        FileNotFoundError: If there is no such folder.

    Example:

    ```python
    import numpy as np
    import keras_classics as kc

    served = kc.serve(kc.build("lenet5"))
    print(served.predict(np.zeros((2, 32, 32, 1))).shape)  # (2, 10)
    ```

    Photographs in, names out, and then in another program:

        served = kc.serve(kc.classifier("resnet50"))
        served.decode_predictions(served.predict(["cat.jpg", "dog.png"]))
        served.save("resnet50-served")
        served = kc.serve("resnet50-served")
    """
    if (precision == "int8") != (calibration is not None) and not isinstance(model, _PATH):
        raise ValueError(
            'Images for `calibration` belong to precision="int8", which needs them. '
            f"Received: precision={precision!r}, calibration={type(calibration).__name__}"
        )
    if isinstance(model, _PATH):
        return _read(pathlib.Path(model), precision, calibration, threads, streams)
    whole = isinstance(model, Classifier)
    network = fuse(model.network if whole else model, precision="float32")
    if len(network.inputs) != 1:
        raise ValueError(
            f"`model` must have one input. Received: {len(network.inputs)}, "
            f"{[each.name for each in network.inputs]}"
        )
    about = {
        "network": network.name,
        "precision": precision,
        "classes": model.classes if whole else None,
        "preprocessing": keras.saving.serialize_keras_object(model.preprocessing)
        if whole
        else None,
        "shape": network.input_shape[1:],
        "outputs": keras.tree.pack_sequence_as(network.output, range(len(network.outputs))),
    }
    graph = engine.convert(network)
    if precision == "int8":
        unserved = Served(graph, about, threads, streams)
        graph = engine.quantize(graph, (image for image in unserved.prepared(calibration)))
    return Served(graph, about, threads, streams)


class Served:
    """A network on OpenVINO, which `serve` makes. Any number of threads may call it at once.

    Attributes:
        network: Its name.
        precision: What convolutions and products compute in: `"float32"`, `"bfloat16"` or
            `"int8"`.
        classes: Pairs `(identifier, name)`, one for each class; `None` if there was no
            `Classifier`.
        preprocessing: The layer from an image to the input of the network, or `None`.

    Example:

    ```python
    import numpy as np
    import keras_classics as kc

    served = kc.serve(kc.build("lenet1"), "float32")
    print(served, served.predict(np.zeros((1, 28, 28, 1))).shape)  # ..., (1, 10)
    ```
    """

    def __init__(self, graph: Any, about: dict[str, Any], threads: int | None, streams: int):
        self._graph = graph
        self._about = about
        asked = about["precision"]
        self._engine = engine.Engine(
            graph, asked if asked in engine.PRECISIONS else None, threads, streams
        )
        self.network = about["network"]
        self.precision = "int8" if asked == "int8" else self._engine.precision
        self.classes = about["classes"] and [tuple(each) for each in about["classes"]]
        layer = about["preprocessing"]
        self.preprocessing = layer and keras.saving.deserialize_keras_object(layer)

    def __repr__(self) -> str:
        return f"<Served {self.network}, {self.precision}>"

    @arguments(x=ANYTHING, batch_size=COUNT)
    def predict(self, x: Any, batch_size: int = 32) -> Any:
        """The network's output for images.

        Args:
            x: With `preprocessing`: images from 0 to 255, an array `(batch, height, width, 3)`,
                one image `(height, width, 3)`, the path of an image file or its content, bytes; or
                a list of these, whose sizes may differ. Photographs in files are turned upright,
                as their EXIF says. A network of one channel takes grey arrays, too, as
                `Classifier.predict`. Without `preprocessing`: an array that the network takes, or
                one element of it.
            batch_size: Images that are computed at once.

        Returns:
            An array `(batch, classes)`, float32; in the structure of the network's outputs, if it
            has several.

        Raises:
            ValueError: If the images have another shape or were scaled before, or a file cannot
                be decoded.
            FileNotFoundError: If there is no such file.
        """
        parts = [self._engine(batch) for batch in self._batches(x, batch_size)]
        if len(parts) == 1:
            outputs = parts[0]
        elif parts:
            outputs = [np.concatenate(part) for part in zip(*parts, strict=True)]
        else:
            raise ValueError("`x` must have at least one image. Received: none")
        return keras.tree.map_structure(outputs.__getitem__, self._about["outputs"])

    __call__ = predict

    def decode_predictions(
        self, predictions: np.ndarray, top: int = 5
    ) -> list[list[tuple[str, str, float]]]:
        """The best classes of each image, as of `Classifier.decode_predictions`.

        Args:
            predictions: Array `(batch, classes)`, as `predict` returns it.
            top: Number of classes.

        Returns:
            A list for each image, of `(identifier, name, score)`, the best class first.

        Raises:
            ValueError: If the array has another shape, a score is nan, or no classes are known.
        """
        if self.classes is None:
            raise ValueError("The classes have no names: serve a `Classifier`, which has them.")
        return best_classes(predictions, self.classes, top)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes it to a folder, which `serve` reads, on a processor of another kind, too.

        Args:
            folder: A folder, which is made. What an earlier `save` wrote there is replaced.

        Raises:
            FileExistsError: If other files lie in it.
            OSError: If it cannot be written.
        """
        folder = pathlib.Path(folder)
        others = {path.name for path in folder.glob("*")} - set(_FILES)
        if others:
            raise FileExistsError(
                f"`folder` must be empty, new, or one of an earlier `save`. {folder} has other "
                f"files: {', '.join(sorted(others)[:3])}"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = folder.with_name(f"part-{folder.name}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        engine.save(self._graph, part / "network.xml")
        weights = (part / "network.bin").stat().st_size
        about = {**self._about, "weights": weights, "keras_classics": keras_classics.__version__}
        with atomic(part / "served.json") as file:
            file.write_text(json.dumps(about, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)

    def prepared(self, x: Any) -> Iterator[np.ndarray]:
        """What the network is given for each image.

        Args:
            x: As of `predict`.

        Yields:
            Arrays `(height, width, channels)`.
        """
        for batch in self._batches(x, 32):
            yield from batch

    def _batches(self, x, batch_size):
        """Batches of what the network is given."""
        shape = tuple(self._about["shape"])
        if keras.ops.is_tensor(x):
            x = keras.ops.convert_to_numpy(x)
        if self.preprocessing is None:
            if isinstance(x, _FILE):
                raise ValueError(
                    "Files need the preprocessing of a `Classifier`: serve one, or give an array "
                    f"of the shape {('batch', *shape)}. Received: x of class {type(x).__name__}"
                )
            x = np.asarray(x, "float32")
            x = x[None] if x.ndim == len(shape) else x
            for k in range(0, len(x), batch_size):
                yield _checked(x[k : k + batch_size], shape)
            return
        images = as_batch(x, shape[-1]) if isinstance(x, np.ndarray) else x
        images = [images] if isinstance(images, _FILE) else images
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for k in range(0, len(images), batch_size):
                some = images[k : k + batch_size]
                each = map(self._prepare, some) if len(some) == 1 else pool.map(self._prepare, some)
                yield _checked(np.stack(list(each)), shape)

    def _prepare(self, image):
        channels = self._about["shape"][-1]
        if isinstance(image, _FILE):
            image = read_image(image, upright=True, grey=channels == 1)
        image = np.asarray(image)
        batch = as_batch(image, channels)
        if image.ndim > 3 or batch.shape[:1] != (1,) or batch.shape[3:] != (channels,):
            raise ValueError(
                f"Each image must have the shape (height, width, {channels}): "
                f"{of_other_channels('image', channels)}. "
                f"Received: an image of shape {image.shape}"
            )
        return prepared(self.preprocessing, batch[0])


_FILES = ("served.json", "network.xml", "network.bin")


def _checked(batch, shape):
    fits = batch.ndim == len(shape) + 1 and all(
        side in (None, given) for side, given in zip(shape, batch.shape[1:], strict=True)
    )
    if not fits:
        raise ValueError(f"`x` must have the shape {('batch', *shape)}. Received: {batch.shape}")
    return batch


def _read(folder, precision, calibration, threads, streams):
    about_path = folder / "served.json"
    if not about_path.exists():
        raise FileNotFoundError(
            f"There is no served network in {folder}: it has no served.json, which `Served.save` "
            "writes."
        )
    try:
        about = json.loads(about_path.read_text())
    except ValueError as error:
        raise ValueError(f"{about_path} is damaged: save the network again. {error}") from error
    size = (folder / "network.bin").stat().st_size
    if size != about.pop("weights"):
        raise ValueError(f"{folder / 'network.bin'} is not as it was saved: it has {size} bytes.")
    if calibration is not None or (precision == "int8" and about["precision"] != "int8"):
        raise ValueError(
            "int8 is made of the model, not of a folder: serve(model, "
            'precision="int8", calibration=images).'
        )
    if precision != "auto" and about["precision"] != "int8":
        about["precision"] = precision
    elif precision not in ("auto", about["precision"]):
        raise ValueError(
            f"{folder} was saved in int8, and its weights are rounded. Received: {precision=}"
        )
    try:
        graph = engine.load(folder / "network.xml")
    except RuntimeError as error:
        raise ValueError(
            f"OpenVINO cannot read {folder / 'network.xml'}: save the network again. It says: "
            f"{str(error).strip().splitlines()[-1]}"
        ) from error
    return Served(graph, about, threads, streams)
