"""Writes the page: one HTML file with networks, weights, digits, style and program in it."""

import functools
import http.server
import importlib.resources
import json
import os
import pathlib
import re
import zlib
from collections.abc import Sequence

import numpy as np

from keras_classics import classification, datasets, names
from keras_classics.atomic import atomic
from keras_classics.checks import FROM_0, PATH, Rule, arguments, optional, several
from keras_classics.page.networks import WORD, Shown, releases, shown
from keras_classics.page.reading import read
from keras_classics.preprocessing import DigitInput

EACH = 2  # test digits of each class
# Weights are kept as whole numbers of a step, 2 to a power. Arrays of few weights, those of the
# first layers above all, have fine ones: their errors grow from layer to layer. In large arrays the
# step grows with the root of the largest weight: large weights saturate units, which hides errors.
LARGE = 4096
FINE, COARSE = -21.0, -17.75
PLANES = 4  # bytes of a number
# Two letters for 13 bits. `<`, `&` and `"` are not among them, which HTML takes for something else.
LETTERS = bytes(k for k in range(ord("!"), ord("~") + 1) if chr(k) not in '"&<')

DATA = optional(Rule("a name of a data set of digits, or Images", lambda x: x is not None))
NETWORKS = optional(
    several(Rule(f"a Shown, or {WORD.words}", lambda x: isinstance(x, Shown) or WORD.holds(x)))
)


@arguments(path=PATH, networks=NETWORKS, data=DATA, each=FROM_0)
def write(
    path: str | os.PathLike,
    networks: Sequence[str | os.PathLike | classification.Classifier | Shown] | None = None,
    data: "str | datasets.Images | None" = None,
    data_dir: str | os.PathLike | None = None,
    each: int = EACH,
) -> pathlib.Path:
    """Writes a page to draw a digit on, which computes and shows all layers of networks.

    The file needs nothing beside it: no server, no network, no library. It reads what is drawn as
    `preprocessing.DigitInput` does, and computes the layers as Keras does. It is replaced if it
    exists.

    Args:
        path: Path of the file to write, `page.html`.
        networks: What `shown` takes, or its results. Default: the networks of digits that are
            part of the package.
        data: The digits that can be chosen on the page: a data set, or its name, of which the
            first ones of the test set are taken. Default: no digits.
        data_dir: Folder of the files of a data set that has a name.
        each: How many digits of each class.

    Returns:
        The path.

    Raises:
        ValueError: If a network cannot be shown, or the data are no digits.
        OSError: If the file cannot be written.

    Example:

    ```python
    import keras_classics as kc

    kc.page.write("page.html", ["lenet1"], data="digits")
    ```
    """
    chosen = releases() if networks is None else [_shown(each_one) for each_one in networks]
    store = Store()
    described = [_described(each_one, store) for each_one in chosen]
    digits = None if data is None else _digits(data, data_dir, each, store)
    packed = store.packed()
    content = {
        "networks": described,
        "digits": digits,
        "arrays": store.index,
        "bytes": len(packed),
    }
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as part:
        part.write_text(_html(content, letters(packed)), "utf-8")
    return path


def _shown(word):
    return word if isinstance(word, Shown) else shown(word)


def _described(each, store):
    """A network as the page's program takes it; its arrays go into the store."""
    layer = each.model.preprocessing
    if not isinstance(layer, DigitInput):
        raise ValueError(
            "A page reads digits as `preprocessing.DigitInput` does. Received: the classifier "
            f"{each.name} with a {type(layer).__name__}"
        )
    keys = ("box", "plane", "paper", "ink", "centre")
    config = layer.get_config()
    network = {
        "name": each.name,
        "about": each.about,
        "classes": [name for *_, name in each.model.classes],
        "input": {key: config[key] for key in keys},
        "layers": read(each.model.network),
    }
    for described in network["layers"]:
        described["weights"] = {
            key: store.add(array) for key, array in described["weights"].items()
        }
    return network


def _digits(data, data_dir, each, store):
    """The first digits of each class of the test set, in grey levels."""
    name = data if isinstance(data, str) else data.name
    if isinstance(data, str):
        channels, _ = datasets.size(data)
        if channels != 1:
            raise ValueError(f"The page shows digits: digits, mnist or usps. Received: data={name}")
        data = datasets.load(data, data_dir)
    split = data.splits[-1]
    if not hasattr(split, "box"):
        raise ValueError(f"The page shows digits: digits, mnist or usps. Received: data={name}")
    labels = np.asarray(split.labels)
    wanted = [np.flatnonzero(labels == k)[:each] for k in range(len(data.classes))]
    order = [int(k) for row in zip(*wanted, strict=False) for k in row]
    levels = np.rint(255 * np.asarray(split.images)[order][..., 0])
    about = names.DATA_SETS[name].about if name in names.DATA_SETS else ""
    return {
        "about": f"{name}: {about}" if about else name,
        "part": data.held,
        "numbers": order,
        "labels": [data.classes[labels[k]] for k in order],
        "shape": list(levels.shape[1:]),
        "levels": store.add(levels),
    }


class Store:
    """Arrays in a text: whole numbers of steps, byte by byte, deflated, as letters.

    The high bytes of weights are nearly all the same, and the low bytes are noise; apart from each
    other, they deflate better.

    Attributes:
        index: Of each array where it begins, its length and the exponent of its step.
    """

    def __init__(self):
        self.index: list[tuple[int, int, float]] = []
        self.steps: list[np.ndarray] = []

    def add(self, array: np.ndarray) -> int:
        """Adds an array, and returns its number."""
        array = np.asarray(array, "float64").ravel()
        exponent = 0.0
        if not np.array_equal(array, np.rint(array)):
            size = np.log2(np.abs(array).max())
            exponent = COARSE + size / 2 if array.size > LARGE else FINE
            exponent = round(max(exponent, size - 30), 2)  # four bytes hold no more
        self.index.append((sum(map(len, self.steps)), array.size, exponent))
        self.steps.append(np.rint(array / 2.0**exponent).astype("int64"))
        return len(self.index) - 1

    def packed(self) -> bytes:
        """The arrays as deflated bytes."""
        steps = np.concatenate(self.steps)
        signless = np.where(steps < 0, -2 * steps - 1, 2 * steps).astype("<u4")
        planes = signless.view("u1").reshape(-1, PLANES).T  # the low bytes of all, then the next
        return zlib.compress(planes.tobytes(), 9)


def letters(packed: bytes) -> str:
    """Bytes as text, two letters for 13 bits.

    Args:
        packed: The bytes.

    Example:

    ```python
    from keras_classics.page.writing import letters

    print(len(letters(bytes(130))))  # 160, where base 64 has 176
    ```
    """
    bits = np.unpackbits(np.frombuffer(packed, "u1"))
    numbers = np.pad(bits, (0, -len(bits) % 13)).reshape(-1, 13) @ (1 << np.arange(12, -1, -1))
    pairs = np.stack(np.divmod(numbers, len(LETTERS)), axis=-1)
    return np.frombuffer(LETTERS, "u1")[pairs].tobytes().decode()


def _html(content, store):
    """The template with all its parts in their places."""
    room = importlib.resources.files("keras_classics.page")
    parts = {
        "style": _bare(room.joinpath("page.css").read_text("utf-8")),
        "content": json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"),
        "store": store,
        "program": _bare(room.joinpath("page.js").read_text("utf-8")),
    }
    template = room.joinpath("page.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def _bare(text):
    """A program or a style sheet without indentation and the comments on lines of their own."""
    text = re.sub(r"^/\*.*?\*/\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^\s+", "", text, flags=re.MULTILINE)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers with one page."""

    def __init__(self, path, *arguments):
        self.page = path
        super().__init__(*arguments)

    def do_GET(self):
        if self.path.partition("?")[0] != "/":
            self.send_error(404)
            return
        body = self.page.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@arguments(path=PATH, port=FROM_0)
def server(path: str | os.PathLike, port: int = 8000) -> http.server.ThreadingHTTPServer:
    """A server of one page, for this machine alone.

    Args:
        path: Path of the page.
        port: Where it listens, on the loopback address; 0 for a free one.

    Returns:
        A server that listens. `serve_forever` answers.

    Raises:
        OSError: If the port is taken, or not for everyone.

    Example:

    ```python
    import pathlib

    import keras_classics as kc

    pathlib.Path("page.html").write_text("<p>A page</p>")
    with kc.page.server("page.html", port=0) as server:
        print(server.server_port)  # and server.serve_forever() answers
    ```
    """
    handler = functools.partial(_Handler, pathlib.Path(path))
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise OSError(
            f"Nothing can listen at the port {port} ({error.strerror}): choose another `port`, or "
            "0 for a free one."
        ) from error
