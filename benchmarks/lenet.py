"""LeNet-5 against its peers: `python benchmarks/lenet.py [--rounds=7] [NAME...]`.

Prints a table of ratios, the peer's time over ours: above 1 we are faster. `pass` is
our time over the plain one, `import` a difference in seconds. Both sides run in this
one process, their rounds alternating; a row is the median of the rounds' figures, then
the smallest and the largest. Never divide figures of different runs: the machine's own
speed changes. All of it takes some ten minutes on two idle cores, `pass` most of it.

step         Training step of LeNet5() at batch 128, against the usual Keras LeNet.
             The model's compiled `train_function`, many steps an execution, on a
             `tf.data` iterator that repeats one batch.
mapconv      MapConv2D with Table I on (128, 14, 14, 6), against Conv2D(16, 5); one
             tf.function, gradients for the input and the weights.
subsampling  ScaledSubsampling2D on (128, 28, 28, 6), against AveragePooling2D, which
             has no weights to scale by and to learn; for information.
pass         One pass over 60,000 images, with the input and the compile options of
             `training.train`, against `fit` on arrays, same model and optimizer. At
             batch 1 over 6,000. Without validation and estimate of the curvatures.
import       `import keras_classics` after `import keras`, in processes of its own; seconds.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_classics.applications import LeNet5
from keras_classics.applications.lenet5 import C3_CONNECTIONS
from keras_classics.layers import MapConv2D, ScaledSubsampling2D
from keras_classics.losses import MaximumAPosteriori
from keras_classics.optimizers import StochasticDiagonalLM, diagonal_curvature
from keras_classics.training.inputs import batches

STEPS = 30  # training steps in a round of `step`
CALLS = 60  # calls in a round of `mapconv` and `subsampling`


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternate(ours, peer, rounds):
    """Seconds of each round: `[(ours, peer), ...]`. They take turns in going first."""
    ours(), peer()  # traces, and fills caches
    pairs = []
    for i in range(rounds):
        if i % 2:
            pairs.append((seconds(ours), seconds(peer)))
        else:
            pairs.append((seconds(peer), seconds(ours))[::-1])
    return pairs


def report(label, pairs, target, of=lambda ours, peer: peer / ours):
    values = [of(*pair) for pair in pairs]
    ours, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"{label:70} {statistics.median(values):6.2f}  {min(values):6.2f} .. {max(values):5.2f}"
        f"  {target:14} {ours:9.3f} {peer:9.3f}",
        flush=True,
    )


def digits(n):
    """As many random images and labels as asked for: their values cost no time."""
    random = np.random.default_rng(0)
    images = random.standard_normal((n, 32, 32, 1), "float32")
    return images, random.integers(0, 10, n).astype("int32")


def usual_lenet():
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(6, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def step(rounds):
    data = tf.data.Dataset.from_tensors(digits(128)).repeat()

    def training(model, loss):
        model.compile(keras.optimizers.SGD(1e-3), loss, steps_per_execution=STEPS)
        model.fit(data, steps_per_epoch=STEPS, shuffle=False, verbose=0)  # builds train_function
        iterator = iter(data)
        return lambda: float(model.train_function(iterator)["loss"])

    peer = training(usual_lenet(), "sparse_categorical_crossentropy")
    for head, loss in [
        ("rbf", MaximumAPosteriori(10.0)),
        ("softmax", "sparse_categorical_crossentropy"),
    ]:
        pairs = alternate(training(LeNet5(head=head), loss), peer, rounds)
        report(f"step        usual LeNet / LeNet5(head={head!r})", pairs, "at least 0.90")


def compare_layers(name, ours, peer, shape, rounds, target):
    x = tf.constant(np.random.default_rng(0).standard_normal(shape, "float32"))

    def modes(layer):
        layer.build(shape)
        weights = [variable.value for variable in layer.trainable_variables]
        cotangent = tf.ones_like(layer(x))

        @tf.function
        def forward(x):
            return layer(x)

        @tf.function
        def both(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
            return tape.gradient(y, [x, *weights], cotangent)

        return forward, both

    def calls(function):
        return lambda: [function(x) for _ in range(CALLS)]

    label = f"{name:11} {type(peer).__name__} / {type(ours).__name__}"
    for mode, our_function, their_function in zip(
        ["forward", "forward, backward"], modes(ours), modes(peer), strict=True
    ):
        pairs = alternate(calls(our_function), calls(their_function), rounds)
        report(f"{label}, {mode}", pairs, target)


def mapconv(rounds):
    ours = MapConv2D(16, 5, C3_CONNECTIONS)
    compare_layers("mapconv", ours, layers.Conv2D(16, 5), (128, 14, 14, 6), rounds, "at least 0.90")


def subsampling(rounds):
    ours = ScaledSubsampling2D()
    peer = layers.AveragePooling2D(2)
    compare_layers("subsampling", ours, peer, (128, 28, 28, 6), rounds, "")


def one_pass(rounds):
    pass_over(60_000, 16, rounds, "at most 0.60")
    pass_over(6_000, 1, rounds, "at most 0.40")


def pass_over(n, batch_size, rounds, target):
    images, labels = digits(n)

    def compiled(**options):
        model = LeNet5()
        optimizer = StochasticDiagonalLM()
        metrics = ["sparse_categorical_accuracy"]
        model.compile(optimizer, MaximumAPosteriori(10.0), metrics=metrics, **options)
        optimizer.build(model.trainable_variables)
        optimizer.set_curvature(diagonal_curvature(model, images[:500]))
        return model

    jit = True if batch_size == 1 else "auto"
    fast = compiled(steps_per_execution=min(-(-n // batch_size), 200), jit_compile=jit)
    plain = compiled()
    pairs = alternate(
        lambda: fast.fit(batches(images, labels, batch_size), shuffle=False, verbose=0),
        lambda: plain.fit(images, labels, batch_size=batch_size, verbose=0),
        rounds,
    )
    label = f"pass        training / fit on arrays, batch {batch_size}, {n:,} images"
    report(label, pairs, target, of=lambda ours, peer: ours / peer)


def importing(rounds):
    code = (
        "import keras, time; start = time.perf_counter(); import keras_classics;"
        "print(time.perf_counter() - start)"
    )
    pairs = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)
        pairs.append((float(done.stdout.split()[-1]), 0.0))
    label = "import      keras_classics after keras, seconds"
    report(label, pairs, "at most 0.10", of=lambda ours, peer: ours)


COMPARISONS = {
    "step": step,
    "mapconv": mapconv,
    "subsampling": subsampling,
    "pass": one_pass,
    "import": importing,
}


def main():
    parser = argparse.ArgumentParser(description="LeNet-5 against its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(COMPARISONS))
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(COMPARISONS)
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(COMPARISONS)}")
    print(f"{'':70} median   min ..   max  {'target':14} {'ours, s':>9} {'peer, s':>9}")
    for name in arguments.names or COMPARISONS:
        keras.utils.set_random_seed(0)
        COMPARISONS[name](arguments.rounds)


if __name__ == "__main__":
    main()
