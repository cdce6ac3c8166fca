"""LeNet-5 against its peers: `python benchmarks/lenet.py [--rounds=7] [NAME...]`.

Prints a table of ratios, the peer's time over ours: above 1 we are faster. `epoch` is
our time over the plain one, `import` a difference in seconds. Both sides run in this
one process, their rounds alternating; a row is the median of the rounds' figures, then
the smallest and the largest. Never divide figures of different runs: the machine's own
speed changes. All of it takes some twenty minutes on two idle cores, most
of it `epoch` and `peers`.

step         Training step of LeNet5() at batch 128, against the usual Keras LeNet.
             The model's compiled `train_function`, many steps an execution, on a
             `tf.data` iterator that repeats one batch.
mapconv      MapConv2D with Table I on (128, 14, 14, 6), against Conv2D(16, 5); one
             tf.function, gradients for the input and the weights.
subsampling  ScaledSubsampling2D on (128, 28, 28, 6), against AveragePooling2D, which
             has no weights to scale by and to learn; for information.
epoch        One epoch of 60,000 images, with the input and the compile options of
             `training.train`, against `fit` on arrays, same model and optimizer. At
             batch 1 over 6,000. Without validation and estimate of the curvatures.
peers        One epoch of LeNet-5, LeNet-1 and LeCun 1989 in the same way, at batches of 1, 16
             and 128, against the same network without Keras (digit_peers.py): a loop in eager
             PyTorch, and `lax.scan` over the epoch in one `jax.jit`. Fewer images. Processor
             time. A peer that cannot be imported is left out.
import       `import keras_classics` after `import keras`, each time in a new process; seconds.
"""

import contextlib
import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import digit_peers
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from rounds import alternate, compare_layers, main, report

from keras_classics.applications import LeCun1989, LeNet1, LeNet5
from keras_classics.applications.lenet5 import C3_CONNECTIONS
from keras_classics.layers import MapConv2D, ScaledSubsampling2D
from keras_classics.losses import MaximumAPosteriori
from keras_classics.optimizers import StochasticDiagonalLM, diagonal_curvature
from keras_classics.training.inputs import array_batches

STEPS = 30  # training steps in a round of `step`
CALLS = 60  # calls in a round of `mapconv` and `subsampling`


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


def mapconv(rounds):
    label = "mapconv     Conv2D / MapConv2D"
    ours, peer = MapConv2D(16, 5, C3_CONNECTIONS), layers.Conv2D(16, 5)
    compare_layers(label, ours, peer, (128, 14, 14, 6), rounds, ["at least 0.90"] * 2, CALLS)


def subsampling(rounds):
    label = "subsampling AveragePooling2D / ScaledSubsampling2D"
    ours, peer = ScaledSubsampling2D(), layers.AveragePooling2D(2)
    compare_layers(label, ours, peer, (128, 28, 28, 6), rounds, ["", ""], CALLS)


def epoch(rounds):
    epoch_of(60_000, 16, rounds, "at most 0.60")
    epoch_of(6_000, 1, rounds, "at most 0.40")


def epoch_of(n, batch_size, rounds, target):
    images, labels = digits(n)

    def compiled(**options):
        model = LeNet5()
        compile_for_digits(model, images, **options)
        return model

    jit = True if batch_size == 1 else "auto"
    fast = compiled(steps_per_execution=min(-(-n // batch_size), 200), jit_compile=jit)
    plain = compiled()
    pairs = alternate(
        lambda: fast.fit(array_batches(images, labels, batch_size), shuffle=False, verbose=0),
        lambda: plain.fit(images, labels, batch_size=batch_size, verbose=0),
        rounds,
    )
    label = f"epoch       training / fit on arrays, batch {batch_size}, {n:,} images"
    report(label, pairs, target, of=lambda ours, peer: ours / peer)


def compile_for_digits(model, images, eta=5e-4, **options):
    """Compiles as a recipe does; returns the curvatures."""
    is_lenet5 = model.name == "lenet5"
    optimizer = StochasticDiagonalLM(eta)
    loss = MaximumAPosteriori(10.0) if is_lenet5 else "mse"
    metrics = ["sparse_categorical_accuracy" if is_lenet5 else "categorical_accuracy"]
    model.compile(optimizer, loss, metrics=metrics, **options)
    optimizer.build(model.trainable_variables)
    curvatures = diagonal_curvature(model, images[:500])
    optimizer.set_curvature(curvatures)
    return curvatures


def peers(rounds):
    for make in (LeNet5, LeNet1, LeCun1989):
        for batch_size, n in [(1, 2_000), (16, 9_600), (128, 12_800)]:
            model = make()
            images, labels = digits(n)
            images = np.ascontiguousarray(images[:, : model.input_shape[1], : model.input_shape[2]])
            j = 10.0 if model.name == "lenet5" else None
            targets = 2 * np.eye(10, dtype="float32")[labels] - 1 if j is None else labels
            eta = 1e-5 * batch_size
            options = {"steps_per_execution": min(n // batch_size, 200)}
            options["jit_compile"] = True if batch_size == 1 else "auto"
            curvatures = compile_for_digits(model, images, eta, **options)
            batches = array_batches(images, targets, batch_size, seed=0)
            ours = lambda: model.fit(batches, shuffle=False, verbose=0)  # noqa: B023, E731
            for name, epoch in [("PyTorch", "torch_epoch"), ("JAX", "jax_epoch")]:
                arguments = model, curvatures, images, targets, batch_size, eta
                with contextlib.suppress(ImportError):
                    peer = getattr(digit_peers, epoch)(*arguments, j=j)
                    pairs = alternate(ours, peer, rounds, clock=time.process_time)
                    target = "at least 1.5" if batch_size == 1 else "at least 1.2"
                    report(f"peers       {name} / {model.name}, batch {batch_size}", pairs, target)


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
    "epoch": epoch,
    "peers": peers,
    "import": importing,
}


if __name__ == "__main__":
    main("LeNet-5 against its peers.", COMPARISONS)
