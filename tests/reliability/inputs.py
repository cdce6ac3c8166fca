"""Bad inputs to commands, folders and Python calls: are they refused clearly, and early?

A case is a call that must be refused, and a word that the message must have: the name of the
argument, the flag or the file. `run` counts by kinds:

- clear: an error of ours with the word and with what was received, or the name of the file;
- unclear: any other error;
- silent: no error;
- late: an error, but a run folder is left, or a step of a training was made.
"""

import contextlib
import dataclasses
import gzip
import inspect
import io
import itertools
import os
import pathlib
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from keras_classics import __main__ as command
from keras_classics import applications, backend, datasets, names, training
from keras_classics.training import engine
from tests import public, test_arguments
from tests.training import tiny

NAN, INF = float("nan"), float("inf")
OURS = (ValueError, FileNotFoundError, FileExistsError, SystemExit)
HEAD = ("inputs", "tried", "good", "unclear", "silent", "late")
RUN = "run"  # the folder that a training would make


class Case(NamedTuple):
    """A bad input: a call, and a pattern that the message must have."""

    word: str
    call: Callable[[], object]


def recipes(folder: pathlib.Path) -> Iterator[Case]:
    """Values that fields of recipes cannot have."""
    odd = {int: (1.5, NAN, "1", -5), float: (NAN, -INF, "1"), bool: (2, "x"), str: (1,)}
    for name in ("lenet5", "alexnet", "resnet_cifar", "googlenet", "vit_deit"):
        recipe = training.recipe(name)
        for field in dataclasses.fields(recipe):
            kind = engine.element_type(field.type)
            several = str(field.type).startswith("tuple")
            for value in ((None,), "x") if several else odd[kind]:
                yield Case(
                    f"`{field.name}` must be .* Received: ",
                    lambda r=recipe, n=field.name, v=value: dataclasses.replace(r, **{n: v}),
                )


def arguments(folder: pathlib.Path) -> Iterator[Case]:
    """Arguments of layers, preprocessing, optimizers, losses and initializers."""
    odd = (NAN, "x", (1, 2, 3, "x"))
    for cls, given in test_arguments.CLASSES.items():
        for name in test_arguments.parameters(cls.__init__):
            for value in odd:
                if not (isinstance(value, str) and name in test_arguments.ANY_TEXT):
                    yield Case(
                        f"`{name}`.* Received: ",
                        lambda c=cls, g=given, n=name, v=value: c(**{**g, n: v}),
                    )
                    break  # one of them for each argument


def builders(folder: pathlib.Path) -> Iterator[Case]:
    """Arguments of the networks' builders."""
    found = {network.builder: network.arguments for network in names.NETWORKS.values()}
    for builder, given in found.items():
        build = getattr(applications, builder)
        for name in test_arguments.parameters(build):
            value = 0 if name == "classes" else NAN
            yield Case(
                f"`{name}`.* Received: ",
                lambda b=build, g=given, n=name, v=value: b(**{**g, n: v}),
            )
        for shape in (224, (224, 224), (0, 32, 3)):
            yield Case("`input_shape`", lambda b=build, g=given, s=shape: b(**g, input_shape=s))


def functions(folder: pathlib.Path) -> Iterator[Case]:
    """What no public function takes, in the place of its first argument."""
    for function in public.faces().values():
        rules = getattr(function, "rules", {})
        if inspect.isclass(function) or function.__module__.startswith("keras_classics.appl"):
            continue
        known = inspect.signature(function).parameters.values()
        needed = [each.name for each in known if each.default is each.empty] or [*rules][:1]
        for value in (None, 5, {1: 2}):
            name = next((name for name in needed if name in rules), None)
            if name and not rules[name].holds(value):
                yield Case(
                    f"`{name}` must be .* Received: ",
                    lambda f=function, n=needed, v=value: f(**dict.fromkeys(n, v)),
                )


def _pair(n=4, side=8, channels=3):
    return np.zeros((n, side, side, channels), "uint8"), np.arange(n) % 2


def arrays(folder: pathlib.Path) -> Iterator[Case]:
    """Images and labels in memory, and in a `tf.data.Dataset`."""
    images, labels = good = _pair()
    ink = np.zeros((4, 8, 8, 1), "float32")
    wrong = ink.copy()
    wrong[2, 1, 1] = NAN
    wrap, digits = datasets.wrap, datasets.Digits
    for train in ("mnist", None, images, (images,), (images, labels, labels), 5, {"x": 1}):
        yield Case("`train` must be", lambda t=train: wrap(t, good))
        yield Case("`validation` must be", lambda t=train: wrap(good, t))
    for x, y, word in [
        (images / 255, labels, "train: Images must be uint8"),
        (images[..., 0], labels, "train: Images must be uint8"),
        (images[..., :2], labels, "train: .*3 channels"),
        (images[:, :0], labels, "train: .*with pixels"),
        ([images[0], images[0, 1:]], labels[:2], "train: .*all of one size"),
        (images, labels[:3], "train: 4 images need as many labels"),
        (images, labels + 0.5, "train: .*integers"),
        (images, [None] * 4, "train: "),
        (images, np.eye(4)[labels], "train: .*as many labels"),
        (images, labels + 2**33, "train: .*from 0"),
        (images, labels - 1, "train: .*from 0.* -1 for image 0"),
        (images, labels * 10**7, "label 10,000,000"),
        (images, labels * 0, "two classes"),
        (images[:0], labels[:0], "train has no image"),
    ]:
        yield Case(word, lambda x=x, y=y: wrap((x, y), good))
    yield Case("same channels", lambda: wrap(good, _pair(channels=1)))
    yield Case("names of their own", lambda: wrap(good, good, ["a", "a"]))
    yield Case("labels from 0 to 1", lambda: wrap((images, labels + 1), good, ["a", "b"]))
    for image, label, box, word in [
        (wrong, labels, 8, "ink from 0 to 1.*image 2"),
        (ink + INF, labels, 8, "ink from 0 to 1.*image 0"),
        (ink - 1, labels, 8, "ink from 0 to 1"),
        (ink, labels + 9, 8, "labels from 0 to 9"),
        (ink[..., 0], labels, 8, "Digits are images"),
        (ink, labels + 0.5, 8, "integers"),
        (ink, labels, -1, "`box`"),
    ]:
        yield Case(word, lambda i=image, y=label, b=box: digits(i, y, b))
    for x in (wrong, ink[:, :0], ink[0], np.full(4, "x")):
        yield Case("Images must be", lambda x=x: datasets.InMemory(x, labels))
    for y in ([0.5, 1], [0], "ab"):
        yield Case("labels", lambda y=y: datasets.Files(["a.png", "b.png"], y))
    if backend.has_tf_data():
        import tensorflow as tf

        def stream(x=images, y=labels):
            return tf.data.Dataset.from_tensor_slices((x, y))

        for data, word in [
            (stream(y=labels + 0.5), "its label, an integer"),
            (stream(images / 255), "uint8"),
            (stream().batch(2), "single examples"),
            (stream(images[..., :2]), "3 channels or 1"),
            (stream().repeat(), "must end"),
            (stream().filter(lambda x, y: y > 0), "length"),
            (stream(_pair(channels=1)[0]), "same channels"),
            (stream().take(0), "no image"),
        ]:
            yield Case(word, lambda d=data: wrap(d, stream(), classes="ab"))
        for k in (2, -1, 99):
            bad = stream(y=np.array([0, 1, k, 0]))
            yield Case(
                f"image of train with the label {k} .*number 2",
                lambda b=bad: wrap(b, stream(), classes="ab").survey(),
            )


def folders(folder: pathlib.Path) -> Iterator[Case]:
    """Folders of images, image files, and the files of data sets."""
    numbers = itertools.count()

    def made(**files):
        root = folder / f"folder{next(numbers)}"
        root.mkdir()
        for name, content in files.items():
            path = root / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else _encoded("PNG"))
        return root

    for files, word in [
        ({}, "must have a sub-folder"),
        ({"x.png": 0}, "must have a sub-folder"),
        ({"a__1.png": 0, "a__2.png": 0}, "two classes"),
        ({"a__1.png": 0, "a__2.png": 0, "b__1.png": 0}, "two images or more"),
        ({"a__1.png": 0, "a__2.png": 0, "b__x.txt": b""}, "no images"),
        ({"train__a__1.png": 0, "train__b__1.png": 0}, "none of val"),
        ({"train__a__1.png": 0, "train__b__1.png": 0, "val__c__1.png": 0}, "classes of"),
        ({"a__1.png": b"", "a__2.png": b"", "b__1.png": b"x", "b__2.png": b""}, "no image left"),
    ]:
        root = made(**files)
        yield Case(f"{root}.*{word}|{word}.*{root}", lambda r=root: datasets.load(str(r)).survey())
    twins = made(a__1=0, b__1=0)
    (twins / "c").symlink_to("a", target_is_directory=True)
    yield Case("folder of its own", lambda: datasets.load(str(twins)))
    upward = made(**{"a__1.png": 0, "a__2.png": 0})
    (upward / "b").symlink_to("..", target_is_directory=True)
    yield Case("b has no images", lambda: datasets.load(str(upward)))
    yield Case("nowhere", lambda: datasets.load(str(folder / "nowhere")))
    for word, path in [("nowhere.png", folder / "nowhere.png"), ("regular", folder)]:
        yield Case(word, lambda p=path: datasets.read_image(p))
    for form in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"):
        content = _encoded(form)
        for cut in (0, 1, 12, len(content) // 2, len(content) - 20):
            path = folder / f"{form}{cut}.{form.lower()}"
            path.write_bytes(content[:cut])
            yield Case(f"{path.name} cannot be decoded", lambda p=path: datasets.read_image(p))
    header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28])
    for k, content in enumerate(
        [b"", b"no gzip", *(gzip.compress(header[:n]) for n in (0, 3, 4, 9, 15, 16)),
         gzip.compress(header + bytes(100)), gzip.compress(b"\0\0\x0d\3" + header[4:]),
         gzip.compress(header + bytes(2 * 28 * 28))[:-9]]
    ):  # fmt: skip
        root = folder / f"mnist{k}"
        root.mkdir()
        (root / "train-images-idx3-ubyte.gz").write_bytes(content)
        yield Case("train-images-idx3-ubyte.gz", lambda r=root: datasets.load("mnist", r))
    line = " ".join(["3", *["0"] * 256])
    for k, text in enumerate(["", "3 0 0", line + " 0", line.replace("3", "12"), line[:-1] + "nan",
                              line[:-1] + "2", line.replace("3", "x")]):  # fmt: skip
        root = folder / f"usps{k}"
        root.mkdir()
        (root / "zip.train.gz").write_bytes(gzip.compress(text.encode()))
        yield Case("zip.train.gz", lambda r=root: datasets.load("usps", r))
    for k, size in enumerate((0, 1, 3072, 3074)):
        root = folder / f"cifar{k}"
        root.mkdir()
        (root / "data_batch_1.bin").write_bytes(bytes(size))
        yield Case("data_batch_1.bin", lambda r=root: datasets.load("cifar10", r))


def _encoded(form):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def trainings(folder: pathlib.Path) -> Iterator[Case]:
    """Arguments of `train`, data of another kind than the recipe's, networks it cannot train."""
    small, digit = _pair(12), datasets.Digits(np.zeros((4, 28, 28, 1)), [0, 1, 2, 3], 20)
    colours = datasets.wrap(small, small, name="colours")
    digits = datasets.Images("digits", digit.classes, digit, digit)
    grey = datasets.wrap(_pair(12, 32, 1), _pair(12, 32, 1), name="grey")

    def train(**changes):
        given = {"recipe": tiny.Tiny(), "data": colours, "run_dir": folder / RUN, "verbose": 0}
        return training.train(**{**given, **changes})

    for name, values in {
        "recipe": ("lenet5", None, training.Recipe),
        "data": ("mnist", small, (small, small), None, digit, "no/where"),
        "run_dir": (None, 5),
        "seed": (-1, 0.5, NAN, "0", None, 2**32, True),
        "early_stopping": (0, -1, 1.5, "x", True),
        "best": ("x", 2, None),
        "resume": ("x", 2),
        "callbacks": ([print], "x", None, print),
        "builder": ("vgg16", 5),
        "strategy": ("tpu", "x"),
    }.items():
        for value in values:
            yield Case(f"{name}.* (Received|must)", lambda n=name, v=value: train(**{n: v}))
    for name, data in [
        *itertools.product(("lenet5", "lenet1", "lecun1989"), (colours, grey)),
        *itertools.product(("resnet20_cifar", "plain20_cifar"), (colours, grey, digits)),
        *itertools.product(("alexnet", "vgg16", "googlenet", "resnet50"), (grey, digits)),
        ("vit_cifar", digits),
        ("vit_mnist", colours),
    ]:
        recipe = training.recipe(name)
        yield Case(f"{data.name}", lambda r=recipe, d=data: train(recipe=r, data=d))

    def of(*units, **dense):
        def build(input_shape, classes):
            image = keras.Input(input_shape)
            x = keras.layers.GlobalAveragePooling2D()(image)
            outputs = [keras.layers.Dense(n, **dense)(x) for n in units]
            return keras.Model(image, outputs if len(units) > 1 else outputs[0])

        return build

    def with_weight(value):
        def build(input_shape, classes):
            network = tiny.network(input_shape, classes)
            network.layers[-1].bias.assign([0.0, value])
            return network

        return build

    for builder, word in [
        (lambda **shape: None, "must return a keras.Model"),
        (lambda **shape: "x", "must return a keras.Model"),
        (of(1, activation="sigmoid"), r"\(None, 2\)"),
        (of(3, activation="softmax"), r"\(None, 2\)"),
        (of(2, 2, activation="softmax"), "by their names"),
        (of(2), "activation linear"),
        (of(2, activation="relu"), "activation relu"),
        (of(2, activation="tanh"), "activation tanh"),
        (with_weight(NAN), "must be finite"),
        (with_weight(INF), "must be finite"),
        (lambda **shape: tiny.network((9, 9, 3), 2), r"\(8, 8, 3\)"),
        (lambda **shape: tiny.network((8, 8, 1), 2), r"\(8, 8, 3\)"),
    ]:
        yield Case(word, lambda b=builder: train(builder=b))


def commands(folder: pathlib.Path) -> Iterator[Case]:
    """Words and flags of the command line."""

    def cli(*words):
        return command.main(["keras-classics", *words])

    here = f"--run_dir={folder / RUN}"
    for words, word in [
        *((("train", "lenet5", "--data=digits", here, flag), flag.split("=")[0][2:]) for flag in (
            "--seed=-1", "--seed=x", "--seed=4294967296", "--early_stopping=0",
            "--early_stopping=-1", "--epochs=0", "--epochs=1.5", "--epochs=-1", "--batch_size=0",
            "--learning_rates=", "--learning_rates=x", "--learning_rates=nan",
            "--box=0", "--box=99", "--mu=0", "--mu=-1", "--mu=inf", "--j=0", "--head=x", "--loss=x",
            "--ink=nan", "--curvature_patterns=0", "--image_size=0", "--corrupt=x",
            "--precision=float8", "--strategy=tpu", "--distortions=maybe", "--classes=a,b",
        )),
        *((("recipe", "resnet_cifar", flag), flag.split("=")[0][2:]) for flag in (
            "--drops_at=9,5", "--drops_at=0", "--drops_at=x", "--factor=-1", "--factor=2",
            "--momentum=1", "--weight_decay=-1", "--slow_steps=-2", "--padding=-1",
            "--held_out=-1", "--learning_rate=nan", "--learning_rate=-0.1", "--nothing=1",
        )),
        *((("recipe", "vgg16", flag), flag.split("=")[0][2:]) for flag in (
            "--short_side=512,256", "--short_side=", "--short_side=1,2,3", "--views=x", "--mean=x",
            "--drops=-1", "--patience=0", "--color=2", "--image_size=999",
        )),
        *((("recipe", "vit_deit", flag), flag.split("=")[0][2:]) for flag in (
            "--randaugment=2", "--randaugment=0,9", "--mixup=-1", "--cutmix=nan", "--erasing=2",
            "--dropout=1", "--ema=1", "--clip=-1", "--label_smoothing=1", "--warmup_steps=-1",
            "--smallest_area=0", "--channels=2", "--crops=x",
        )),
        (("train", "lenet5", "--data=cifar10"), "cifar10"),
        (("train", "alexnet", "--data=digits"), "digits"),
        (("train", "resnet20_cifar", "--data=mnist"), "mnist"),
        (("train", "lenet5", "--data=svhn"), "svhn"),
        (("train", "lenet5", "--data=no/where"), "no/where"),
        (("train", "lenet5"), "Which data"),
        (("train", "lenet9", "--data=digits"), "lenet9"),
        (("fly",), "fly"),
        (("evaluate", "nowhere"), "nowhere"),
        (("predict", "nowhere", "x.png"), "nowhere"),
        (("report", "lenet9"), "lenet9"),
        (("reproduce", "nothing"), "nothing"),
        (("reproduce", "lrn", "--seeds=0"), "seeds"),
        (("reproduce", "lrn", "--epochs=-1"), "epochs"),
    ]:  # fmt: skip
        yield Case(re.escape(word), lambda w=words: cli(*w))


KINDS = {
    "fields of recipes": recipes,
    "arguments of layers and their like": arguments,
    "arguments of networks": builders,
    "arguments of functions": functions,
    "arrays and streams": arrays,
    "folders and files": folders,
    "train: arguments, data, networks": trainings,
    "command lines": commands,
}


def judge(case: Case, folder: pathlib.Path) -> str:
    """What became of a bad input: `"clear"`, `"unclear: ..."`, `"silent"` or `"late: ..."`."""
    run = folder / RUN
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            case.call()
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        if run.exists():
            return f"late: {text}"
        is_clear = isinstance(error, OURS) and re.search(case.word, str(error), re.DOTALL)
        return "clear" if is_clear else f"unclear, not {case.word!r}: {text}"
    return "silent"


def complain(line: str) -> None:
    print(line, file=sys.stderr)


def run(each: int = 1, report: Callable[[str], object] = complain) -> list[tuple]:
    """Tries all bad inputs, or one of several.

    Args:
        each: Of so many, one is tried.
        report: What gets a line for each that is not refused clearly and early.

    Returns:
        Rows of the columns `HEAD`; good is what is refused clearly and early.
    """
    rows = []
    for kind, cases in KINDS.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary).resolve()
            found = []
            for number, case in enumerate(itertools.islice(cases(folder), 0, None, each)):
                found.append(judge(case, folder))
                if found[-1] != "clear":
                    report(f"{kind}, {number}: {found[-1]:.300} {case.call.__defaults__!r:.200}")
        words = [word.partition(":")[0].partition(",")[0] for word in found]
        counts = (words.count(word) for word in ("clear", "unclear", "silent", "late"))
        rows.append((kind, len(found), *counts))
    return rows


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for row in run():
        print(*row, sep="; ")
