"""Whole epochs of training against their peers: `python benchmarks/epochs.py [--rounds=5] [NAME]`.

Ratios as in `benchmarks/lenet.py`: the peer's time over ours, above 1 we are faster. Ours is an
epoch inside of `training.train`, with its order, callbacks, checkpoint, and a validation of one
batch. The peer runs its epoch between two of ours, in the same process. Images are random: their
values cost no time. All of it takes some fifteen minutes on two idle cores.

lenet5       LeNet-5 with 60,000 images of MNIST's size, batches of 16 and 128; with 6,000 at 1.
             Peers: Keras's `fit` on arrays, of the same network, update rule and estimate of the
             curvatures; the same network in PyTorch with SGD, its batches cut from tensors in
             memory, and by a DataLoader with two workers. PyTorch estimates no curvatures.
resnet20     ResNet-20 with 5,000 images of CIFAR-10's size, batches of 128, mirrored and cropped
             anew in each epoch. Peers: `fit` on arrays, without and with `steps_per_execution`;
             PyTorch with the crops on the batch, eager and compiled.
checkpoint   Seconds that a checkpoint takes, as a share of an epoch of the first two.
strategy     A step of ResNet-20 on one device against two logical ones under "mirrored", with
             the same two cores: what the strategy itself costs.
"""

import dataclasses
import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from rounds import main, report, seconds

from keras_classics import datasets, preprocessing, training
from keras_classics.layers import ascii_codes
from keras_classics.optimizers import CoupledSGD, EstimateCurvature, StochasticDiagonalLM
from keras_classics.training import checkpoint, imaging, strategies, trainer

sys.path.append(str(pathlib.Path(__file__).parent.parent / "tests" / "applications"))


class Between(keras.callbacks.Callback):
    """Runs the peers between two epochs of a training; its own epoch is what is left."""

    def __init__(self, peers):
        super().__init__()
        self.peers, self.pairs, self.began = peers, [], None

    def on_epoch_begin(self, epoch, logs=None):
        ours = self.began and time.perf_counter() - self.began
        theirs = [seconds(peer) for peer in self.peers.values()]
        if epoch > 2:  # ours of the first two trace: what counts, and what it logs
            self.pairs.append((ours, *theirs))
        self.began = time.perf_counter()


def epochs(recipe, data, peers, rounds, label, target=""):
    recipe = dataclasses.replace(recipe, epochs=rounds + 3)
    between = Between(peers)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder) / "run"
        training.train(recipe, data, folder, verbose=0, callbacks=[between])
    for k, name in enumerate(peers):
        pairs = [(ours, theirs[k]) for ours, *theirs in between.pairs]
        report(f"{label} {name}", pairs, target)


def digits(n, test):
    random = np.random.default_rng(0)
    images, labels = random.random((n, 28, 28, 1), "float32"), random.integers(0, 10, n)
    parts = (datasets.Digits(images[:k], labels[:k], 20) for k in (n, test))
    return datasets.Images("random", datasets.Digits.classes, *parts, held="test")


def lenet5(rounds):
    for size, n in [(16, 60_000), (128, 60_000), (1, 6_000)]:
        data = digits(n, 500)
        recipe = dataclasses.replace(training.recipe("lenet5"), batch_size=size)
        train = recipe.splits(data)["train"]
        inputs, labels = train.images, train.labels
        model = recipe.build(input_shape=recipe.input_shape, classes=10)
        model.compile(StochasticDiagonalLM(), recipe.loss_function(), metrics=recipe.metrics())
        estimate = EstimateCurvature(inputs)
        peers = {
            "fit on arrays": lambda i=inputs, y=labels, m=model, e=estimate, b=size: m.fit(
                i, y, batch_size=b, verbose=0, callbacks=[e]
            ),
            **in_torch(torch_lenet5, inputs.transpose(0, 3, 1, 2), labels, size),
        }
        epochs(recipe, data, peers, rounds, f"lenet5      batch {size:3}, {n:,} images,")


def torch_lenet5():
    """LeNet-5 with its RBF units and the loss of eq. 9, and a function for that loss."""
    import torch
    from torch import nn

    from keras_classics.applications.lenet5 import C3_CONNECTIONS

    class Scale(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.coefficient = nn.Parameter(torch.ones(channels, 1, 1))
            self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

        def forward(self, x):
            return nn.functional.avg_pool2d(x, 2) * 4 * self.coefficient + self.bias

    class Squash(nn.Module):
        def forward(self, x):
            return 1.7159 * torch.tanh(x * (2 / 3))

    class Table(nn.Conv2d):
        def __init__(self):
            super().__init__(6, 16, 5)
            table = np.zeros((16, 6, 1, 1), "float32")
            for channel, inputs in enumerate(C3_CONNECTIONS):
                table[channel, list(inputs)] = 1
            self.register_buffer("table", torch.from_numpy(table))

        def forward(self, x):
            return self._conv_forward(x, self.weight * self.table, self.bias)

    chain = [nn.Conv2d(1, 6, 5), Squash(), Scale(6), Squash(), Table(), Squash(), Scale(16)]
    chain += [Squash(), nn.Conv2d(16, 120, 5), Squash(), nn.Flatten(), nn.Linear(120, 84), Squash()]
    codes = torch.from_numpy(np.asarray(ascii_codes("0123456789"), "float32").reshape(10, 84))

    def loss(f6, labels):
        penalties = (f6[:, None] - codes).square().sum(-1)
        rubbish = torch.full((len(f6), 1), -10.0)
        competition = torch.logsumexp(torch.cat([rubbish, -penalties], 1), 1)
        return (penalties.gather(1, labels[:, None])[:, 0] + competition).mean()

    return nn.Sequential(*chain), loss


def in_torch(make, images, labels, size, augment=None, compiled=(False,), loader=True):
    """An epoch of a loop in PyTorch: `{name: function}`."""
    import torch

    images, labels = torch.from_numpy(images.copy()), torch.from_numpy(labels.astype("int64"))

    def loop(compiled, by_loader):
        network, loss = make()
        rule = torch.optim.SGD(network.parameters(), 1e-4, 0.9)
        forward = torch.compile(network) if compiled else network
        together = torch.utils.data.TensorDataset(images, labels)
        workers = {"num_workers": 2, "persistent_workers": True}
        given = torch.utils.data.DataLoader(
            together, size, shuffle=True, multiprocessing_context="spawn", **workers
        )

        def one_epoch():
            if by_loader:
                batches = given
            else:
                order = torch.randperm(len(images))
                batches = ((images[rows], labels[rows]) for rows in order.split(size))
            total = 0
            for x, y in batches:
                rule.zero_grad()
                error = loss(forward(augment(x) if augment else x), y)
                error.backward()
                rule.step()
                total += error.detach() * len(x)
            return total

        return one_epoch

    peers = {f"PyTorch, {'compiled' if c else 'eager'}, tensors": loop(c, False) for c in compiled}
    return peers | ({"PyTorch, eager, DataLoader": loop(False, True)} if loader else {})


def colours(n, test):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (n, 32, 32, 3), "uint8")
    labels = random.integers(0, 10, n).astype("int32")
    classes = [str(k) for k in range(10)]
    return datasets.wrap((images, labels), (images[:test], labels[:test]), classes, "random")


def resnet20(rounds):
    data = colours(5_000, 128)
    recipe = training.recipe("resnet20_cifar")
    images, labels = data.train.images, data.train.labels

    def on_arrays(**options):
        mean = preprocessing.SubtractMean("pixel")
        mean.adapt(images)
        crop = preprocessing.CropAndFlip(32, 0, 4)
        start = keras.Input((32, 32, 3), dtype="uint8")
        network = recipe.build(input_shape=recipe.input_shape, classes=10)
        model = keras.Sequential([start, mean, crop, network])
        rule = CoupledSGD(0.1, 0.9, 1e-4)
        model.compile(rule, "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
        return lambda: model.fit(images, labels, batch_size=128, verbose=0)

    def twin():
        import torch
        import twins

        return twins.ResNetTwin(20, "A", cifar=True, classes=10), torch.nn.CrossEntropyLoss()

    def augment(x):
        import torch

        x = torch.nn.functional.pad(x.float() - 127.0, (4, 4, 4, 4))
        top, left = torch.randint(0, 9, (2, len(x)))
        rows = (top[:, None] + torch.arange(32))[:, None, :, None]
        columns = (left[:, None] + torch.arange(32))[:, None, None, :]
        x = x[
            torch.arange(len(x))[:, None, None, None], torch.arange(3)[:, None, None], rows, columns
        ]
        flip = torch.rand(len(x), 1, 1, 1) < 0.5
        return torch.where(flip, x.flip(-1), x)

    peers = {
        "fit on arrays": on_arrays(),
        "fit on arrays, 40 steps an execution": on_arrays(steps_per_execution=40),
        **in_torch(twin, images.transpose(0, 3, 1, 2), labels, 128, augment, (False, True)),
    }
    epochs(recipe, data, peers, rounds, "resnet20    batch 128, 5,000 images,")


def checkpoints(rounds):
    for name, data in [("lenet5", digits(60_000, 500)), ("resnet20_cifar", colours(5_000, 128))]:
        costs = []

        def timed(path, state, values, costs=costs, write=checkpoint.write):
            costs.append(seconds(lambda: write(path, state, values)))

        recipe = dataclasses.replace(training.recipe(name), epochs=rounds + 1)
        with tempfile.TemporaryDirectory() as folder:
            saved, checkpoint.write = checkpoint.write, timed
            try:
                run = training.train(recipe, data, pathlib.Path(folder) / "run", verbose=0)
            finally:
                checkpoint.write = saved
        one_epoch = run.manifest["seconds"] / (rounds + 1)
        label = f"checkpoint  {name}, share of an epoch, all images of the benchmark"
        report(label, [(c, one_epoch) for c in costs], "below 0.02", of=lambda c, e: c / e)


def strategy(rounds):
    """In this process TensorFlow has to be told of two devices before anything else."""
    data = colours(2_560, 128)
    recipe = training.recipe("resnet20_cifar")
    mean, _ = imaging.mean_of(recipe, data)

    def compiled(strategy):
        job = trainer.prepare(recipe, recipe.splits(data), 10, mean=mean, strategy=strategy)
        return lambda: job.model.fit(job.batches, shuffle=False, verbose=0)

    peer = compiled(training.strategy("mirrored"))
    ours = compiled(strategies.ONE)
    ours(), peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    devices = len(tf.config.list_logical_devices("CPU"))
    report(f"strategy    mirrored on {devices} logical devices / one device", pairs, "")


COMPARISONS = {
    "lenet5": lenet5,
    "resnet20": resnet20,
    "checkpoint": checkpoints,
    "strategy": strategy,
}


if __name__ == "__main__":
    if sys.argv[-1] == "strategy":
        cpu = tf.config.list_physical_devices("CPU")[0]
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, two)
    main("Whole epochs of training against their peers.", COMPARISONS)
