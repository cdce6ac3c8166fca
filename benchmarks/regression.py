"""This tree against an earlier one: `python benchmarks/regression.py COMMIT-OR-WHEEL [NAME...]`.

Two processes, one for each tree, do the same work in turns, and only one works at a time. A row is
the median of the rounds' ratios, our time over the earlier one's, then the smallest and the
largest. The command fails if a median is above `--limit`, 1.1 by default. Look again on an idle
machine before you look for the cause. Work that the earlier tree cannot do is left out.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]


def worker():
    """Reads names of work, does a round of each, and writes the seconds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    begin = time.perf_counter()
    import keras_classics as kc

    imported = time.perf_counter() - begin
    import keras
    import numpy as np
    import tensorflow as tf

    def images(network, n):
        rng = np.random.default_rng(0)
        return rng.normal(size=(n, *network.input_shape[1:])).astype("float32")

    def inference(name, n, **arguments):
        network = kc.build(name, **arguments)
        call, x = tf.function(lambda x: network(x, training=False)), tf.constant(images(network, n))
        return lambda: keras.tree.map_structure(lambda y: y.numpy(), call(x))

    def step(name, n, times=1, loss="sparse_categorical_crossentropy", **arguments):
        network = kc.build(name, **arguments)
        network.compile(keras.optimizers.SGD(1e-4, 0.9), loss, steps_per_execution=times)
        classes = network.output_shape[-1]
        labels = np.random.default_rng(0).integers(0, classes, n)
        data = tf.data.Dataset.from_tensors((images(network, n), labels)).repeat()
        network.fit(data, steps_per_epoch=times, verbose=0)
        iterator = iter(data)
        return lambda: float(network.train_function(iterator)["loss"])

    def preparing():
        layer = kc.preprocessing.ClassifierInput(256, 224)
        image = np.random.default_rng(0).integers(0, 256, (375, 500, 3)).astype("uint8")
        return lambda: keras.ops.convert_to_numpy(layer(image[None]))

    work = {
        "lenet5, step of 128": lambda: step("lenet5", 128, 30, kc.losses.MaximumAPosteriori(10.0)),
        "resnet20_cifar, inference of 128": lambda: inference("resnet20_cifar", 128),
        "resnet20_cifar, step of 128": lambda: step("resnet20_cifar", 128),
        "resnet18, step of 8": lambda: step("resnet18", 8),
        "resnet50, inference of 8": lambda: inference("resnet50", 8),
        "alexnet, inference of 8": lambda: inference("alexnet", 8),
        "alexnet, step of 8": lambda: step("alexnet", 8),
        "googlenet, inference of 8": lambda: inference("googlenet", 8),
        "vgg16, inference of 2": lambda: inference("vgg16", 2),
        "ViT-S/16, inference of 4": lambda: inference("ViT-S/16", 4),
        "ViT-S/16, step of 4": lambda: step("ViT-S/16", 4),
        "an image prepared": preparing,
    }
    made = {}
    print(json.dumps({"import": imported, "work": list(work)}), flush=True)
    for line in sys.stdin:
        name = json.loads(line)
        try:
            if name not in made:
                made.clear(), keras.backend.clear_session()
                keras.utils.set_random_seed(0)
                made[name] = work[name]()
                made[name]()
            begin = time.perf_counter()
            made[name]()
            print(json.dumps(time.perf_counter() - begin), flush=True)
        except Exception as error:  # which the earlier tree may not know
            print(json.dumps(f"{type(error).__name__}: {error}"[:200]), flush=True)


def tree_of(source, folder):
    """The folder of an earlier package: a wheel unpacked, or a commit."""
    if source.endswith(".whl"):
        zipfile.ZipFile(source).extractall(folder)
    else:
        archive = subprocess.run(
            ["git", "archive", source, "keras_classics"], cwd=ROOT, check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def begin_worker(tree):
    return subprocess.Popen(
        [sys.executable, __file__, "--worker"],
        env={**os.environ, "PYTHONPATH": str(tree), "KERAS_BACKEND": "tensorflow"},
        cwd=tree,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def ask(process, name):
    print(json.dumps(name), file=process.stdin, flush=True)
    return json.loads(process.stdout.readline())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", metavar="COMMIT-OR-WHEEL")
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginnings of rows")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--limit", type=float, default=1.1)
    arguments = parser.parse_args()
    slower = []
    with tempfile.TemporaryDirectory() as folder:
        workers = []
        for tree in (ROOT, tree_of(arguments.source, folder)):
            workers.append(begin_worker(tree))
            first = json.loads(workers[-1].stdout.readline())
            print(f"{tree}: keras_classics and Keras in {first['import']:.2f} s", flush=True)
        for name in first["work"]:
            if not name.startswith(tuple(arguments.names) or ""):
                continue
            pairs = []
            for k in range(arguments.rounds):
                turns = workers if k % 2 else workers[::-1]
                found = {process.pid: ask(process, name) for process in turns}
                pairs.append([found[process.pid] for process in workers])
            words = [value for pair in pairs for value in pair if isinstance(value, str)]
            if words:
                print(f"{name:36} left out: {words[0]}", flush=True)
                continue
            ratios = [ours / earlier for ours, earlier in pairs]
            median = statistics.median(ratios)
            print(f"{name:36} {median:6.2f}  {min(ratios):6.2f} .. {max(ratios):6.2f}", flush=True)
            slower += [name] * (median > arguments.limit)
        for process in workers:
            process.stdin.close()
            process.wait()
    if slower:
        sys.exit(f"Slower than {arguments.source} by more than {arguments.limit}: {slower}")


if __name__ == "__main__":
    worker() if sys.argv[1:] == ["--worker"] else main()
