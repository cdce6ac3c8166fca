"""A network with published weights, from uint8 images of any size to named classes."""

import importlib
import importlib.resources
import importlib.util
import os
import pathlib
from collections.abc import Sequence
from typing import Any, cast

import keras
import numpy as np

from keras_classics import applications, backend, models, names
from keras_classics.applications.builder import own_words
from keras_classics.checks import COUNT, TEXT, Rule, arguments, optional, refuse_nan, several, whole
from keras_classics.datasets import cifar10, read_image
from keras_classics.preprocessing.pixels import as_batch, check_pixels
from keras_classics.weights.card import OWN, Card
from keras_classics.weights.catalogue import cards, resolve, usual
from keras_classics.weights.loading import ALL, load_file, look

CLASSES = Rule(
    "a number of classes, at least 2, or their names, all different",
    lambda x: whole(2).holds(x) or (several(TEXT, 2).holds(x) and len(set(x)) == len(x)),
)
_FILE = (str, os.PathLike, bytes)


@own_words()
@arguments(network=TEXT, classes=optional(CLASSES), image_size=optional(COUNT))
def classifier(
    network: str,
    weights: str | os.PathLike | Card | None = None,
    classes: int | Sequence[str] | None = None,
    image_size: int | None = None,
    *,
    like: str | Card | None = None,
) -> "Classifier":
    """A classifier of images, with published weights and the preprocessing that they need.

    Args:
        network: Name of a network: `"alexnet"`, `"vgg16"`, `"resnet50"`, `"ViT-B/16"`. See
            `keras_classics.names.find`.
        weights: Name of a release: `"imagenet"`, `"cifar10"`, `"mnist"`, `"usps"`, or one that
            `keras_classics.weights.cards()` lists; or its card; or the path of a file, as of
            `keras_classics.weights.load`. Default: `"imagenet"`, or what the network has.
        classes: Classes of your own: how many, or their names, in the order of the labels. If the
            weights have as many outputs, these are kept; otherwise the output layer is a new one.
            Default: those of the weights.
        image_size: Side of the network's input, pixels. The images are resized in proportion.
            Default: that of the weights.
        like: For a file, the release whose preprocessing it needs, and whose arguments of the
            builder, such as `"torchvision/resnet50-0676ba61"`. Default: that of the library whose
            names the weights have, if all its releases of the network have the same.

    Returns:
        A `Classifier`.

    Raises:
        TypeError: If there are other arguments.
        ValueError: If there is no such network, or it has no such weights, the message lists
            those that it has; if a file does not fit; if its preprocessing is not known; or if
            it has no output layer, and there are no `classes`.
        FileNotFoundError: If there is no such file.
        OSError: If they cannot be downloaded.

    Weights that are part of the package, which read a digit in an image of any size:

        model = classifier("lenet5")
        model.decode_predictions(model.predict("digit.png"))

    Downloads 100 MB:

        model = classifier("resnet50")
        model.decode_predictions(model.predict(images))

    Your own classes, and a file that you have:

        model = classifier("resnet50", "mine.pth", classes=["cat", "dog"], image_size=160)
    """
    if weights is None:
        weights = usual(network)
    published = resolve(weights, network)
    if published and like is not None:
        raise ValueError(
            f"`like` is for a file, and {published.name} is a release. Received: {like=}"
        )
    if published:
        card, there, convention = published, published.outputs, published.library
    else:
        card, there, convention = _of_file(weights, network, like)
    if there is None and classes is None:
        raise ValueError(
            f"{published.name if published else weights} has no output layer with weights: give "
            "`classes`, how many or their names, for a new one."
        )
    own = [str(each) for each in cast(Sequence, classes)] if np.ndim(cast(Any, classes)) else []
    count = len(own) if own else int(cast(int, classes or there))
    given: dict[str, Any] = {} if classes is None else {"classes": count}
    if image_size is not None:
        given["input_shape"] = (image_size, image_size, card.channels)
    if published:
        model = models.build(card.network, weights=card, **given)
    else:
        builder = getattr(applications, names.find(card.network).builder)
        model = builder(**card.fill({"classes": count, **given}))
        load_file(model, weights, ALL[:1] if classes is None else ALL, convention=convention)
    if own:
        named = [(name, name) for name in own]
    elif count == there == card.classes:
        named = [(name, name) for name in card.labels] or class_names(count)
    else:
        named = [(str(k), f"class {k}") for k in range(count)]
    return Classifier(model, card.preprocessing(image_size), named, name=model.name)


def release(
    network: str,
    weights: str | os.PathLike | Card | None = None,
    like: str | Card | None = None,
) -> Card:
    """The release of a name, or the one that a file is like.

    Args:
        network, weights, like: As of `classifier`. `None` for `weights` is the first release.

    Returns:
        Its card.

    Raises:
        ValueError: As of `classifier`.

    Example:

    ```python
    from keras_classics import classification

    print(classification.release("resnet50").name)  # keras/resnet50
    ```
    """
    if weights is None:
        return next(card for card in cards(network) if not card.refused)
    return resolve(weights, network) or _of_file(weights, network, like)[0]


def _of_file(path, network, like):
    """The release that a file is like, the number of its outputs, or `None`, and its convention."""
    found = names.find(network)
    empty = backend.without_values(models.build, network)
    card = None if like is None else resolve(like, network)
    library, outputs = look(empty, path, card and card.library)
    if like is not None:
        if card is None:
            raise ValueError(
                f"`like` must be the name of a release: keras_classics.weights.cards({network!r}) "
                f"lists them. Received: {like=}"
            )
        return card, outputs, library
    alike = [c for c in cards() if (c.network, c.library) == (found.name, library)]
    if library == OWN or not alike or any(each.prepared() != alike[0].prepared() for each in alike):
        known = ", ".join(c.name for c in alike or cards() if c.network == found.name)
        raise ValueError(
            f"{path} has the names of {library}, which do not say the preprocessing of its images: "
            f"give the release that it is like, `like`, one of {known or 'none'}; or "
            "Classifier(network, preprocessing, classes) with a layer of your own. The network of "
            "a run is fine-tuned by the folder of the run."
        )
    return alike[0], outputs, library


def class_names(classes: int) -> list[tuple[str, str]]:
    """Identifiers and names of the classes of a data set with so many.

    Args:
        classes: 1,000 for ImageNet, whose identifiers are those of WordNet; 10 for CIFAR-10; or
            another number.

    Returns:
        A list of pairs `(identifier, name)`, in the order of the outputs.

    Example:

    ```python
    from keras_classics.classification import class_names

    class_names(1000)[281]  # ("n02123045", "tabby")
    ```
    """
    if classes == 1000:
        text = importlib.resources.files("keras_classics.weights").joinpath("imagenet.txt")
        lines = text.read_text().splitlines()
        return [(line[:9], line[10:]) for line in lines]
    if classes == len(cifar10.CLASSES):
        return [(name, name) for name in cifar10.CLASSES]
    return [(str(k), f"class {k}") for k in range(classes)]


def prepared(layer: keras.layers.Layer, image: np.ndarray) -> np.ndarray:
    """What the preprocessing of a `Classifier` makes of one NumPy image, as float32."""
    if hasattr(layer, "of_array"):
        return layer.of_array(image)
    return keras.ops.convert_to_numpy(layer(image[None]))[0].astype("float32")


def of_other_channels(images: str, channels: int) -> str:
    """What to do, in an error, with images of other channels than a network's."""
    if channels == 1:
        return (
            f"of grey images take `{images}[..., None]`; `predict` takes RGB, too, and of RGBA "
            f"`{images}[..., :3]`"
        )
    return f"of RGBA take `{images}[..., :3]`; of grey images `np.stack([grey] * 3, axis=-1)`"


def best_classes(
    predictions: np.ndarray, classes: Sequence[tuple[str, ...]], top: int = 5
) -> list[list[tuple[str, str, float]]]:
    """The best classes of each image: see `Classifier.decode_predictions`."""
    predictions = np.asarray(predictions)
    if predictions.ndim != 2 or predictions.shape[1] != len(classes):
        raise ValueError(
            f"`predictions` must have the shape (batch, {len(classes)}). "
            f"Received: {predictions.shape}"
        )
    if top < 1:
        raise ValueError(f"`top` must be at least 1. Received: top={top}")
    refuse_nan(predictions)
    best = np.argsort(-predictions, axis=1, kind="stable")[:, :top]
    return [
        [(classes[k][0], classes[k][1], float(scores[k])) for k in row]
        for row, scores in zip(best, predictions, strict=True)
    ]


@keras.saving.register_keras_serializable(package="keras_classics")
class Classifier(keras.Model):
    """A network with its preprocessing and the names of its classes.

    `predict`, `evaluate` and so on take images from 0 to 255: RGB, or grey for one channel.
    All images of a batch have the same size, whichever it is. Images that were scaled before are an
    error. `predict` also takes paths of image files. `network` is the network alone, for `fuse`,
    `features` and so on.

    Args:
        network: The network.
        preprocessing: A layer from images to the input of the network.
        classes: Pairs `(identifier, name)`, one for each class.

    Input shape: `(batch, height, width, 3)`; `(batch, height, width, 1)` for a network of one
    channel.

    Output shape: that of the network.

    Example:

    ```python
    import numpy as np

    from keras_classics import Classifier, applications, preprocessing

    network = applications.ResNetCIFAR(8, classes=2)
    layer = preprocessing.ClassifierInput(resize=32, crop=32)
    model = Classifier(network, layer, [("c", "cat"), ("d", "dog")])
    images = np.random.randint(0, 256, (3, 50, 40, 3), "uint8")
    model.decode_predictions(model.predict(images, verbose=0), top=1)
    ```

    A classifier of digits, of photographs as of MNIST's:

    ```python
    import numpy as np

    from keras_classics import Classifier, applications, preprocessing

    layer = preprocessing.DigitInput(box=20, plane=32, paper=-0.1, ink=1.175)
    model = Classifier(applications.LeNet5(), layer, [(d, d) for d in "0123456789"])
    images = np.random.randint(0, 256, (3, 28, 28), "uint8")
    model.predict(images, verbose=0)
    ```
    """

    def __init__(
        self,
        network: keras.Model,
        preprocessing: keras.layers.Layer,
        classes: Sequence[Sequence[str]],
        **kwargs: Any,
    ):
        # Numbers of bytes, not bytes: Keras would cut floats that were scaled before to 0.
        images = keras.Input((None, None, network.input_shape[-1]), name="images")
        super().__init__(images, network(preprocessing(images)), **kwargs)
        self.classes = [tuple(each) for each in classes]

    @property
    def network(self) -> keras.Model:
        """The network alone."""
        return self.layers[2]

    @property
    def preprocessing(self) -> keras.layers.Layer:
        """The layer from images to the input of the network."""
        return self.layers[1]

    def with_network(self, network: keras.Model) -> "Classifier":
        """A classifier with the same preprocessing and classes, and another network.

        Args:
            network: A network of the same input and output, such as `fuse(self.network)`.

        Returns:
            A `Classifier`, not compiled.
        """
        preprocessing = self.preprocessing
        copy = type(preprocessing).from_config(preprocessing.get_config())
        return type(self)(network, copy, self.classes, name=self.name)

    def __call__(self, images, *args, **kwargs):
        self._check(images)  # shorter words than Keras's, which show all pixels
        return super().__call__(images, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """As `keras.Model.predict`, also of one image or of image files.

        Args:
            x: Images, as of `keras.Model.predict`; one image, `(height, width, 3)`, as a batch of
                one; or the path of an image file or its content, bytes, or a list of these.
                Photographs in files may have several sizes, and are turned upright, as their EXIF
                says. A network of one channel takes arrays of grey images, with and without
                the axis of the channel, and of RGB ones, which become grey.
            *args: As of `keras.Model.predict`.
            **kwargs: Likewise.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the images have another shape or were scaled before, a file cannot be
                decoded, or an image shows no digit (`preprocessing.DigitInput`).
        """
        x, is_prepared = self._read(x)
        predict = self.network.predict if is_prepared else super().predict
        return predict(x, *args, **kwargs)

    def prepare(self, x: Any) -> np.ndarray:
        """The input of the network.

        Args:
            x: Images or paths, as of `predict`.

        Returns:
            A float32 array `(batch, *network.input_shape[1:])`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: As of `predict`.

        Example:

        ```python
        import numpy as np

        import keras_classics as kc

        model = kc.classifier("lenet5")
        digit = np.zeros((28, 28), "uint8")
        digit[4:24, 12:16] = 255
        print(model.prepare(digit).shape)  # (1, 32, 32, 1)
        ```
        """
        x, is_prepared = self._read(x)
        if is_prepared:
            return x
        batches = (x[k : k + 32] for k in range(0, len(x), 32))
        parts = [keras.ops.convert_to_numpy(self.preprocessing(batch)) for batch in batches]
        return np.concatenate(parts).astype("float32")

    def seen(self, x: Any) -> list[np.ndarray]:
        """The part of each image that the network reads, in the image's own pixels.

        On it, `analysis.overlay` draws what the network looks at. Of a preprocessing that cuts out
        no part of an image, such as `DigitInput`, it is the network's input.

        Args:
            x: Images or paths, as of `predict`.

        Returns:
            A list of arrays `(rows, columns, channels)`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: As of `predict`.

        Example:

        ```python
        import numpy as np

        from keras_classics import Classifier, applications, preprocessing

        network = applications.ResNetCIFAR(8, classes=2)
        layer = preprocessing.ClassifierInput(resize=32, crop=32)
        model = Classifier(network, layer, [("c", "cat"), ("d", "dog")])
        (part,) = model.seen(np.random.randint(0, 256, (300, 400, 3), "uint8"))
        print(part.shape)  # (300, 300, 3)
        ```
        """
        if not hasattr(self.preprocessing, "part"):
            return list(self.prepare(x))
        images = self._files(x)
        if images is None:
            images, _ = self._read(x)
        parts = ((image, self.preprocessing.part(*image.shape[:2])) for image in images)
        return [
            image[top : top + height, left : left + width]
            for image, (top, left, height, width) in parts
        ]

    def _files(self, x):
        """The images of files, one after the other; `None` if `x` is no file or list of files."""
        paths = [x] if isinstance(x, _FILE) else x
        if isinstance(paths, (list, tuple)) and isinstance(next(iter(paths), None), _FILE):
            grey = self.network.input_shape[-1] == 1
            return (read_image(path, upright=True, grey=grey) for path in paths)
        return None

    def _read(self, x):
        """What `predict` takes, and whether it is prepared: the images of files are."""
        channels = self.network.input_shape[-1]
        images = self._files(x)
        if images is not None:
            return np.stack([prepared(self.preprocessing, image) for image in images]), True
        if isinstance(x, list):
            raise ValueError(
                "`x` must be one array of images of one size, "
                f"(batch, height, width, {channels}): stack "
                "them with np.stack, or call `predict` for each. "
                f"Received: x=a list of {len(x)}"
            )
        if keras.ops.is_tensor(x):
            x = keras.ops.convert_to_numpy(x)
        if isinstance(x, np.ndarray):  # the layer cannot check its input inside XLA
            x = as_batch(x, channels)
            self._check(x)
            if not len(x):
                raise ValueError(f"`x` must have an image. Received: an array of shape {x.shape}")
            if x.dtype.kind == "f" and np.isnan(x).any():
                raise ValueError(
                    "Pixels must be numbers from 0 to 255. Received: images of which "
                    f"{np.isnan(x).any(axis=(1, 2, 3)).sum()} of {len(x)} have pixels that are nan"
                )
            check_pixels(x[:1], slack=0.5)
            if hasattr(self.preprocessing, "check"):
                for k in range(0, len(x), 32):
                    self.preprocessing.check(x[k : k + 32])
        return x, False

    def _check(self, images):
        """Refuses images of another shape than the network's."""
        channels = self.network.input_shape[-1]
        if len(images.shape) != 4 or images.shape[-1] != channels:
            raise ValueError(
                f"Images must have the shape (batch, height, width, {channels}). Add an axis to "
                f"one image, `image[None]`; {of_other_channels('images', channels)}. "
                f"Received: images of shape {tuple(images.shape)}"
            )

    def export(
        self,
        filepath: str | os.PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """As `keras.Model.export`, by default for uint8 images of any size.

        An ONNX file is run once, where onnxruntime is installed.

        Args:
            filepath: The file or folder.
            format: `"tf_saved_model"`, `"onnx"` or `"litert"`.
            verbose: As in Keras.
            input_signature: A list of one `keras.InputSpec`. Default: uint8 images
                `(batch, height, width, 3)`, of one channel where the network has one, all three
                lengths as they come.
            **kwargs: As in Keras.

        Raises:
            ValueError: If onnxruntime cannot run the file, which is removed.
        """
        if input_signature is None:
            shape = (None, None, None, self.network.input_shape[-1])
            input_signature = [keras.InputSpec(shape=shape, dtype="uint8")]
        super().export(filepath, format, verbose, input_signature, **kwargs)
        if format == "onnx":
            _try_onnx(filepath)

    def decode_predictions(
        self, predictions: np.ndarray, top: int = 5
    ) -> list[list[tuple[str, str, float]]]:
        """The best classes of each image.

        Args:
            predictions: Array `(batch, classes)`, as `predict` returns it.
            top: Number of classes.

        Returns:
            A list for each image, of `(identifier, name, score)`, the best class first.

        Raises:
            ValueError: If the array has another shape, or a score is nan.
        """
        return best_classes(predictions, self.classes, top)

    def positions(self, names: Sequence[str]) -> list[int]:
        """The outputs that stand for the classes of a data set.

        Args:
            names: Identifiers or names of the data set's classes, such as ImageNet's folders,
                `"n01440764"`. If there are as many as outputs, and none is known, they are taken
                to be in the order of the outputs.

        Returns:
            The number of the output for each name.

        Raises:
            ValueError: If some of the names are not known.
        """
        known = {name: k for k, pair in enumerate(self.classes) for name in reversed(pair)}
        unknown = [name for name in names if name not in known]
        if unknown and len(names) == len(self.classes) == len(unknown):
            return list(range(len(names)))
        if unknown:
            raise ValueError(
                f"The classes of the data must be among the network's {len(self.classes)}, such as "
                f"{self.classes[0][0]} ({self.classes[0][1]}). Received: {', '.join(unknown[:10])}"
            )
        return [known[name] for name in names]

    def get_config(self):
        return {
            "name": self.name,
            "network": keras.saving.serialize_keras_object(self.network),
            "preprocessing": keras.saving.serialize_keras_object(self.preprocessing),
            "classes": self.classes,
        }

    @classmethod
    def from_config(cls, config):
        revived = {
            key: keras.saving.deserialize_keras_object(config[key])
            for key in ("network", "preprocessing")
        }
        return cls(**{**config, **revived})


def _try_onnx(path):
    """Runs a file once with onnxruntime, if it is installed; refuses and removes a broken one."""
    if importlib.util.find_spec("onnxruntime") is None:
        return
    onnxruntime = importlib.import_module("onnxruntime")

    try:
        session = onnxruntime.InferenceSession(os.fspath(path))
        (image,) = session.get_inputs()
        usual = (1, 300, 400, 3)  # for lengths that are not fixed
        shape = [d if isinstance(d, int) else u for d, u in zip(image.shape, usual, strict=True)]
        dtype = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}[image.type]
        session.run(None, {image.name: np.zeros(shape, dtype)})
    except Exception as error:
        pathlib.Path(path).unlink()
        raise ValueError(
            "onnxruntime must be able to run what is exported. It was not, and the file is "
            "removed: give `input_signature` with a known height and width, or export `network` "
            f"alone. Received: {error}"
        ) from error
