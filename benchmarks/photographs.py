"""A folder as large as ImageNet: `python benchmarks/photographs.py COMMAND FOLDER ...`.

make FOLDER [--images=1281167] [--classes=1000]
           Hard links to 2,000 JPEG files of 500x375, crops of the photographs that scikit-learn
           and matplotlib carry, in `train/CLASS`, and 1 in 25 more in `val/CLASS`.
open FOLDER
           Opens it three times, each in a process of its own: as nothing is known of it, again,
           and without looking for changes. Seconds, and the peak of the memory beyond what is
           imported.
train FOLDER [--workers=1] [--steps=40] [--broken_at=0]
           Trains a network of one layer on AlexNet's input for some steps, in one process or in
           several of this machine. The images a second, the time from the start to the first
           step, and the peak of each process's memory. With `--broken_at=N` the training is
           killed after N steps, resumed and stopped after the same number; the weights must be
           those of an unbroken one, bit for bit.
packed FOLDER
           Images a second of AlexNet's and GoogLeNet's input: of 400 of the files, and of 40 of
           3000x2000; as files, packed as they are, and packed in small. In turns, five rounds.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np

FILES = 2000  # real ones; the file system allows 65,000 links to each


def photographs(folder):
    """JPEG files of 500x375."""
    from matplotlib import cbook
    from PIL import Image
    from sklearn.datasets import load_sample_images

    sources = [Image.fromarray(image) for image in load_sample_images().images]
    sources.append(Image.open(cbook.get_sample_data("grace_hopper.jpg")).convert("RGB"))
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(FILES):
        source = sources[k % len(sources)]
        width = random.uniform(0.4, 1) * min(source.width, source.height * 4 / 3)
        left, top = random.uniform() * (source.width - width), 0.0
        top = random.uniform() * (source.height - width * 3 / 4)
        box = (left, top, left + width, top + width * 3 / 4)
        source.resize((500, 375), Image.Resampling.BICUBIC, box).save(
            folder / f"{k}.jpg", quality=90
        )


def make(options):
    root, begin = pathlib.Path(options.folder), time.perf_counter()
    photographs(root / "files")
    for part, count in (("train", options.images), ("val", options.images // 25)):
        for label in range(options.classes):
            folder = root / part / f"n{label:08d}"
            folder.mkdir(parents=True, exist_ok=True)
            for k in range(label, count, options.classes):
                os.link(root / "files" / f"{k % FILES}.jpg", folder / f"n{label:08d}_{k}.JPEG")
    print(f"{time.perf_counter() - begin:.0f} s")


def memory():
    """The peak of this process's memory, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def opening(options):
    from keras_classics import datasets

    datasets.image_folder  # noqa: B018 (imports Keras)
    before, begin = memory(), time.perf_counter()
    rescan = {"rescan": False} if options.known else {}
    data = datasets.load(f"{options.folder}", **rescan)
    listed = time.perf_counter()
    data.survey()
    ended = time.perf_counter()
    print(
        f"{sum(map(len, data.splits)):,} files: listed in {listed - begin:.2f} s, headers "
        f"{ended - listed:.2f} s, {memory() - before:.0f} MB beyond the imports"
    )


def again(options, *more, **variables):
    """Starts this file once more."""
    command = [sys.executable, __file__, *more]
    return subprocess.Popen(command, env={**os.environ, **variables})


def open_(options):
    with tempfile.TemporaryDirectory() as home:
        for more in ([], [], ["--known"]):
            assert not again(options, "opening", options.folder, *more, KERAS_HOME=home).wait()


def worker(options):
    """One process of a training, which ends after some steps."""
    import keras

    from keras_classics import datasets, training
    from keras_classics.training import checkpoint, strategies

    checkpoint.TOGETHER = 1
    begin = time.perf_counter()
    strategy = training.strategy()
    replicas = strategies.replicas(strategy)
    if not replicas.is_chief:
        strategies.agree(strategy)
    data = datasets.load(f"{options.folder}", rescan=replicas.is_chief)
    if replicas.is_chief:
        strategies.agree(strategy)
    opened = time.perf_counter() - begin
    times = []

    def network(input_shape, classes):
        layers = keras.layers
        image = keras.Input(input_shape)
        x = layers.GlobalAveragePooling2D()(layers.Rescaling(0.01)(image))
        return keras.Model(image, layers.Dense(classes, activation="softmax")(x))

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            times.append(time.perf_counter())
            done = len(times) + (options.from_step or 0)
            if done == options.broken_at and not options.from_step:
                os.kill(os.getpid(), signal.SIGTERM)  # a checkpoint is written, as at Ctrl-C
            if done == options.steps:
                np.savez(
                    f"{options.out}-{replicas.worker}.npz", *map(np.asarray, self.model.weights)
                )
                os.kill(os.getpid(), signal.SIGTERM)

    recipe = dataclasses.replace(training.recipe("alexnet"), mean="123.68,116.78,103.94")
    with contextlib.suppress(KeyboardInterrupt):
        training.train(
            recipe,
            data,
            options.run,
            builder=network,
            verbose=0,
            strategy=strategy,
            resume=bool(options.from_step),
            callbacks=[Stop()],
        )
    rate = (len(times) - 1) * recipe.batch_size / (times[-1] - times[0])
    print(
        f"worker {replicas.worker} of {replicas.workers}: opened in {opened:.1f} s, first step "
        f"after {times[0] - begin:.1f} s, {rate:,.0f} images a second of all workers, "
        f"{memory():,.0f} MB at most",
        flush=True,
    )


def train(options):
    folder = pathlib.Path(tempfile.mkdtemp())

    def start(name, *more):
        ports = []
        for _ in range(options.workers):
            with socket.socket() as free:
                free.bind(("localhost", 0))
                ports.append(free.getsockname()[1])
        cluster = {"worker": [f"localhost:{port}" for port in ports]}
        flags = [f"--steps={options.steps}", f"--out={folder / name}", f"--run={folder / name}-run"]
        processes = []
        for k in range(options.workers):
            config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": k}})
            variables = {"TF_CONFIG": config} if options.workers > 1 else {}
            processes.append(again(options, "worker", options.folder, *flags, *more, **variables))
        codes = [each.wait() for each in processes]  # of all, before one is looked at
        assert not any(codes), codes

    start("unbroken")
    if options.broken_at:
        start("broken", f"--broken_at={options.broken_at}")
        start("broken", f"--broken_at={options.broken_at}", f"--from_step={options.broken_at}")
        with (
            np.load(folder / "unbroken-0.npz") as one,
            np.load(folder / "broken-0.npz") as two,
        ):
            same = all(np.array_equal(one[name], two[name]) for name in one.files)
        print(f"resumed after {options.broken_at} of {options.steps} steps: same weights: {same}")
    shutil.rmtree(folder)


def packed(options):
    from PIL import Image

    from keras_classics import datasets, training
    from keras_classics.training import imaging, inputs

    def rate(batches, count):
        wall, own = time.perf_counter(), time.process_time()
        for _ in batches:
            pass
        return count / (time.perf_counter() - wall), count / (time.process_time() - own)

    files = sorted((pathlib.Path(options.folder) / "files").glob("*.jpg"))
    for width, count, batch, sides in ((500, 400, 60, (256,)), (3000, 40, 12, (480, 256))):
        with tempfile.TemporaryDirectory() as root:
            for k, path in enumerate(files[:count]):
                folder = pathlib.Path(root, "images", "ab"[k % 2])
                folder.mkdir(parents=True, exist_ok=True)
                size = (width, width * 3 // 4 if width == 500 else 2000)
                image = Image.open(path).resize(size, Image.Resampling.BICUBIC)
                image.save(folder / f"{k}.jpg", quality=90)
            data = {"files": datasets.load(f"{root}/images")}
            for side in (None, *sides):
                out = f"{root}/packed-{side}"
                data[f"packed, short side {side}"] = datasets.pack(
                    data["files"], out, short_side=side, verbose=0
                )
            for name in ("alexnet", "googlenet"):
                recipe = dataclasses.replace(training.recipe(name), mean="110,110,110")
                layers = imaging.layers_of(recipe, training=True)
                batches = {
                    kind: inputs.image_batches(each.train, layers, batch, seed=0)
                    for kind, each in data.items()
                }
                seen = len(data["files"].train) // batch * batch
                rates = {kind: [] for kind in batches}
                for _ in range(6):
                    for kind, each in batches.items():
                        rates[kind].append(rate(each, seen))
                for kind, values in rates.items():
                    pairs = zip(values[1:], rates["files"][1:], strict=True)
                    ratios = [[a / b for a, b in zip(*pair, strict=True)] for pair in pairs]
                    wall, own = (np.median(each) for each in zip(*ratios, strict=True))
                    seconds = [np.median(each) for each in zip(*values[1:], strict=True)]
                    print(
                        f"{width:5} {name:10} {kind:24} {seconds[0]:6.0f} a second, "
                        f"{seconds[1]:6.0f} of processor time; over files {wall:.2f}, {own:.2f}",
                        flush=True,
                    )


if __name__ == "__main__":
    commands = {
        "packed": packed,
        "make": make,
        "open": open_,
        "opening": opening,
        "train": train,
        "worker": worker,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=commands)
    parser.add_argument("folder")
    for name, default in [
        ("images", 1_281_167),
        ("classes", 1000),
        ("workers", 1),
        ("steps", 40),
        ("broken_at", 0),
        ("from_step", 0),
    ]:
        parser.add_argument(f"--{name}", type=int, default=default)
    for name in ("out", "run"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--known", action="store_true")
    arguments = parser.parse_args()
    commands[arguments.command](arguments)
