"""Packs a folder of images into shards, ArrayRecord files, which a training reads quickly."""

import collections
import concurrent.futures
import hashlib
import io
import itertools
import json
import os
import pathlib
import warnings
from typing import Any

import numpy as np
import PIL.Image

from keras_classics import __version__
from keras_classics.atomic import atomic
from keras_classics.checks import COUNT, PATH, SEED, arguments, optional, whole
from keras_classics.datasets.decoding import (
    ORIENTATION,
    decoded,
    orientation,
    reason,
)
from keras_classics.datasets.images import Images, some
from keras_classics.datasets.loading import MANIFEST, PLAN
from keras_classics.datasets.shards import (
    FORMAT,
    Shard,
    Shards,
    array_record,
    open_packed,
    open_shard,
    read_json,
    read_manifest,
    shards_of,
)
from keras_classics.datasets.splits import Files
from keras_classics.progress import Progress
from keras_classics.tables import counted

RECORDS = 1000  # of a shard, if nothing else is said: some 100 MB
# Each record on its own, so that it can be read alone. JPEG does not become smaller.
WRITING = "group_size:1,uncompressed,max_parallelism:1"


@arguments(
    folder=PATH,
    shards=optional(COUNT),
    short_side=optional(COUNT),
    quality=whole(1, 100),
    seed=SEED,
)
def pack(
    data: Images[Any],
    folder: str | os.PathLike,
    shards: int | None = None,
    short_side: int | None = None,
    quality: int = 90,
    seed: int = 0,
    verbose: int = 1,
) -> Images[Shards]:
    """Packs the images of a folder into shards.

    The images of each split come in an order by chance. A file is packed as it is, byte by byte;
    with `short_side`, larger images are made smaller, and are JPEG then. EXIF's orientation stays
    with them. Each image is decoded, in threads on all processors. What cannot be decoded is left
    out, with a warning and in the manifest; or it is an error, as `corrupt` of the `Files` says.

    A shard has its name when it is whole, and `shards.json` is written last, with the digest of
    each file. After an interruption the same call goes on behind the last whole shard, and the
    files are those of a packing in one go.

    Args:
        data: The data set, whose splits are `Files`, see `image_folder`.
        folder: Path of the folder to make.
        shards: Number of files of the training images; other splits have fewer, in proportion.
            Default: one for 1,000 images.
        short_side: Pixels of the shorter side that an image has at most. Default: images are
            packed as they are.
        quality: Quality of the JPEG files of images that are made smaller, 1 to 100.
        seed: Seed of the order.
        verbose: 0: nothing shows how far it is.

    Returns:
        The packed data set, as `datasets.load` opens it.

    Raises:
        FileExistsError: If there is something else at `folder`, or a packing of other images or
            with other options.
        ValueError: If the splits are not `Files`, no image is left of a class, or a file cannot
            be read, or not be decoded that must be.
        OSError: If a shard cannot be written.
        ImportError: If array_record is not installed.

    Example:

    ```python
    import pathlib
    import tempfile

    import numpy as np
    from PIL import Image

    from keras_classics import datasets

    with tempfile.TemporaryDirectory() as folder:
        for name in ("cat", "dog"):
            (pathlib.Path(folder) / "photographs" / name).mkdir(parents=True)
            for k in range(2):
                image = Image.fromarray(np.full((40, 50, 3), 100 * k, "uint8"))
                image.save(f"{folder}/photographs/{name}/{k}.png")
        files = datasets.image_folder(f"{folder}/photographs")
        packed = datasets.pack(files, f"{folder}/packed", short_side=20, verbose=0)
        print(packed.train[0][0].shape)  # (20, 25, 3)
    ```
    """
    for part, split in data.parts.items():
        if not isinstance(split, Files):
            raise ValueError(
                f"`data` must be a folder of images, see `image_folder`. Received: {part} of "
                f"{data.name} is {type(split).__name__}"
            )
    array_record()  # or it is not installed
    wanted = shards or -(-len(data.train) // RECORDS)
    counts = {
        part: min(len(split), max(1, round(wanted * len(split) / len(data.train))))
        for part, split in data.parts.items()
    }
    plan = {
        "format": FORMAT,
        "classes": list(data.classes),
        "held": data.held,
        "upright": data.train.upright,
        "shards": counts,
        "short_side": short_side,
        "quality": quality,
        "seed": seed,
        "source": {part: split.digest for part, split in data.parts.items()},
    }
    root = pathlib.Path(folder).expanduser().resolve()
    if _begin(root, plan):
        return open_packed(root)
    bar = Progress("images", sum(map(len, data.splits)), bool(verbose))

    def prepare(path):
        try:
            content = pathlib.Path(path).read_bytes()
        except OSError as error:  # of the disk, perhaps for a moment: this is no damaged image
            raise ValueError(
                f"{path} cannot be read ({error.strerror or error}). The same call goes on from "
                "the last whole shard, when it can be."
            ) from error
        try:
            return (*_prepared(content, short_side, quality), None)
        except Exception as error:  # decoders raise nearly anything
            if data.train.corrupt == "refuse":
                raise ValueError(f"{path} cannot be decoded: {reason(error)}.") from error
            return None, False, reason(error)

    splits = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (part, split) in enumerate(data.parts.items()):
            order = np.random.default_rng([seed, number]).permutation(len(split))
            written: list[dict] = []
            kept: list[int] = []
            for k, rows in enumerate(np.array_split(order, counts[part])):
                path = root / f"{part}-{k:05}-of-{counts[part]:05}.array_record"
                names = [_within(split.paths[row], data.name) for row in rows]
                state = path.with_suffix(".json")
                if state.is_file():  # written behind its shard, before an interruption
                    bar.add(len(rows))
                else:
                    images = _in_order(pool, prepare, [split.paths[row] for row in rows])
                    _write_json(state, _write(path, names, images, bar))
                written.append(read_json(state))
                bad = written[-1]["left_out"]
                kept += [row for row, name in zip(rows, names, strict=True) if name not in bad]
            labels = split.labels[kept]
            _refuse_bare(data, part, labels)
            splits[part] = {
                "labels": _write_labels(root / f"{part}-labels.npy", labels),
                "shards": [each["shard"] for each in written],
                "rescaled": sum(each["rescaled"] for each in written),
                "left_out": {k: why for each in written for k, why in each["left_out"].items()},
            }
    bar.end()
    damaged = [f"{k} ({why})" for each in splits.values() for k, why in each["left_out"].items()]
    if damaged:
        warnings.warn(
            f"{counted(len(damaged), 'file')} of {data.name} cannot be decoded, and "
            f"{'is' if len(damaged) == 1 else 'are'} left out: {some(damaged)}",
            stacklevel=3,
        )
    versions = {"keras_classics": __version__, "numpy": np.__version__, "pillow": PIL.__version__}
    _write_json(
        root / MANIFEST, {**plan, "name": data.name, "versions": versions, "splits": splits}
    )
    for leftover in (*root.glob("*-of-*.json"), *root.glob("part-*"), root / PLAN):
        leftover.unlink(missing_ok=True)
    return open_packed(root)


@arguments(folder=PATH)
def verify(folder: str | os.PathLike) -> dict[str, str]:
    """Compares each file of a packed folder with the digest that it had when it was packed.

    Args:
        folder: Path of the folder.

    Returns:
        What is wrong, `{path: reason}`; empty if all files are whole.

    Raises:
        FileNotFoundError, ValueError: If there is no manifest, or it cannot be read.

    Example:

    ```python
    import pathlib
    import tempfile

    import numpy as np
    from PIL import Image

    from keras_classics import datasets

    with tempfile.TemporaryDirectory() as folder:
        for name in ("cat", "dog"):
            (pathlib.Path(folder) / "photographs" / name).mkdir(parents=True)
            for k in range(2):
                image = Image.fromarray(np.full((4, 5, 3), 100 * k, "uint8"))
                image.save(f"{folder}/photographs/{name}/{k}.png")
        files = datasets.image_folder(f"{folder}/photographs")
        datasets.pack(files, f"{folder}/packed", verbose=0)
        print(datasets.verify(f"{folder}/packed"))  # {}
    ```
    """
    root = pathlib.Path(folder).expanduser().resolve()
    shards: dict[str, Shard] = {}
    digests: dict[str, str] = {}
    for stated in read_manifest(root)["splits"].values():
        shards |= {shard.path: shard for shard in shards_of(root, stated)}
        digests[str(root / stated["labels"]["path"])] = stated["labels"]["sha256"]
    digests |= {path: shard.sha256 for path, shard in shards.items()}

    def look(path):
        try:
            if path in shards:
                open_shard(shards[path])
            found = _sha256(path)
        except (OSError, ValueError) as error:
            return str(error)
        return None if found == digests[path] else f"its SHA-256 is {found}, not {digests[path]}"

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = zip(digests, pool.map(look, digests), strict=True)
        return {path: wrong for path, wrong in found if wrong}


def _begin(root, plan):
    """Makes the folder, unless it is of the same plan; refuses all else. Whether it is packed."""
    for name in (MANIFEST, PLAN):
        if (root / name).is_file():
            stated = read_json(root / name)
            others = [key for key in plan if stated.get(key) != plan[key]]
            if others:
                raise FileExistsError(
                    f"{root} is a packing of other images or options. Take another folder, or "
                    f"remove it. Received: another {', '.join(others)}"
                )
            return name == MANIFEST
    if root.exists() and not (root.is_dir() and all(p.match("part-*") for p in root.iterdir())):
        raise FileExistsError(f"{root} exists already, and is no packed folder. Take another one.")
    root.mkdir(parents=True, exist_ok=True)
    _write_json(root / PLAN, plan)
    return False


def _within(path, name):
    """The path of a file from the folder of its data set."""
    return path.removeprefix(name + os.sep)


def _prepared(content, short_side, quality):
    """The content of a file as it is packed, and whether the image was made smaller."""
    pixels = decoded(content)
    height, width = pixels.shape[:2]
    ratio = (short_side or np.inf) / min(height, width)
    if ratio >= 1:
        return content, False
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = orientation(content)
    size = max(1, round(ratio * width)), max(1, round(ratio * height))
    file = io.BytesIO()
    # A training makes it smaller once more, and of Pillow's filters this one leaves the most for
    # that. With the colours of each pixel (4:4:4), quality 90 is nearer to the original than 95
    # with those of four together (4:2:0, Pillow's choice), in a smaller file: docs/packing.md.
    image = PIL.Image.fromarray(pixels).resize(size, PIL.Image.Resampling.LANCZOS)
    image.save(file, "JPEG", quality=quality, subsampling=0, exif=exif)
    return file.getvalue(), True


def _in_order(pool, function, values):
    """The results of a function in the order of the values, of which few wait in memory."""
    left, waiting = iter(values), collections.deque()
    while True:
        ahead = 2 * (os.cpu_count() or 1) - len(waiting)
        waiting.extend(pool.submit(function, value) for value in itertools.islice(left, ahead))
        if not waiting:
            return
        yield waiting.popleft().result()


def _write(path, names, images, bar):
    """Writes a shard as a whole, and tells what is in it."""
    left_out, records, rescaled = {}, 0, 0
    with atomic(path, unique=True) as part:
        try:
            writer = array_record().ArrayRecordWriter(os.fspath(part), WRITING)
            for name, (content, is_rescaled, why) in zip(names, images, strict=True):
                if content is None:
                    left_out[name] = why
                else:
                    writer.write(content)
                    records += 1
                    rescaled += is_rescaled
                bar.add(1)
            writer.close()
        except RuntimeError as error:
            raise OSError(f"{path} could not be written ({reason(error)})") from error
        size, sha256 = os.path.getsize(part), _sha256(part)
    shard = Shard(path.name, records, size, sha256)._asdict()
    return {"shard": shard, "rescaled": rescaled, "left_out": left_out}


def _write_labels(path, labels):
    with atomic(path, unique=True) as part:
        np.save(part, labels)
    return {"path": path.name, "sha256": _sha256(path)}


def _write_json(path, value):
    with atomic(path, unique=True) as part:
        part.write_text(json.dumps(value, indent=1) + "\n")


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_bare(data, part, labels):
    """Refuses a split, or a class of the training, of which no image can be decoded."""
    bare = [] if len(labels) else [part]
    if part == "train":
        bare = [data.classes[k] for k in sorted(set(data.train.labels) - set(labels))] or bare
    if bare:
        raise ValueError(f"{data.name} has no image left that can be decoded for {some(bare)}.")
