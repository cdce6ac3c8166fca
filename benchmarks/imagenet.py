"""AlexNet, VGG-16 and GoogLeNet: `python benchmarks/imagenet.py [--rounds=7] [NAME...]`.

Prints a table of ratios, the peer's time over ours on TensorFlow: above 1 we are faster.
Both sides run in this one process, their rounds alternating; a row is the median of the
rounds' ratios, then the smallest and the largest. Never divide figures of different runs.
All of it takes some twenty minutes on two idle cores.

alexnet, vgg16, googlenet
           Inference (`model(x)` in a `tf.function`) and training (the model's compiled
           `train_function`, momentum, dropout, GoogLeNet with all three heads), against
           keras.applications (VGG-16), torchvision and, where torchvision's network is
           another one, the paper's graph written in PyTorch (tests/applications/twins.py);
           PyTorch eager and compiled.
input      Images a second of the AlexNet recipe's input from JPEG files of 500x375, and of
           the network that it feeds, in training.

The peers need `pip install torch`, and a torchvision that belongs to it; a peer that cannot
be imported is left out.
"""

import contextlib
import dataclasses
import gc
import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from rounds import alternate, main, report

from keras_classics import applications, datasets, training
from keras_classics.applications import googlenet
from keras_classics.optimizers import CoupledSGD
from keras_classics.training import imaging, trainer

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "applications"))


def images(batch_size, side=224, classes=1000):
    random = np.random.default_rng(0)
    pixels = random.standard_normal((batch_size, side, side, 3), "float32")
    return pixels, random.integers(0, classes, batch_size).astype("int32")


def inference(model, x):
    call = tf.function(lambda x: model(x, training=False))
    x = tf.constant(x)
    return lambda: call(x)


def step(model, x, y):
    """One training step of a Keras model."""
    each = googlenet.for_each_head if isinstance(model.output, dict) else lambda value: value
    model.compile(
        CoupledSGD(1e-4),
        each("sparse_categorical_crossentropy"),
        loss_weights=googlenet.LOSS_WEIGHTS if isinstance(model.output, dict) else None,
    )
    data = tf.data.Dataset.from_tensors((x, each(y))).repeat()
    model.fit(data, steps_per_epoch=1, shuffle=False, verbose=0)  # builds train_function
    iterator = iter(data)
    return lambda: float(model.train_function(iterator)["loss"])


def torch_images(module, x):
    """The images in the memory format of the module's kernels."""
    import torch

    kernel = next(weight for weight in module.parameters() if weight.ndim == 4)
    last = kernel.is_contiguous(memory_format=torch.channels_last)
    x = torch.from_numpy(x.transpose(0, 3, 1, 2))
    return x.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def torch_inference(module, x):
    import torch

    module.eval()
    x = torch_images(module, x)

    def call():
        with torch.inference_mode():
            return module(x)

    return call


def torch_step(module, x, y):
    """One training step of a PyTorch module; of GoogLeNet's outputs the last two count 0.3."""
    import torch
    from torch.nn.functional import cross_entropy

    module.train()
    optimizer = torch.optim.SGD(module.parameters(), 1e-4, 0.9, weight_decay=5e-4)
    x, y = torch_images(module, x), torch.from_numpy(y).long()

    def call():
        optimizer.zero_grad()
        outputs = module(x)
        if isinstance(outputs, dict):
            outputs = tuple(outputs.values())
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = sum(
            cross_entropy(scores, y) * (1.0 if i == 0 else 0.3) for i, scores in enumerate(outputs)
        )
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return call


def compare(name, ours, peers, rounds, batch_size=8, trained=None, side=224, classes=1000):
    """`ours()` and, in training, `trained()` against peers: `{label: (maker, is torch)}`."""
    x, y = images(batch_size, side, classes)
    for mode in ("inference", "training"):
        model = (trained or ours)() if mode == "training" else ours()
        mine = step(model, x, y) if mode == "training" else inference(model, x)
        for label, (make, is_torch) in peers.items():
            with contextlib.suppress(ImportError):
                peer = make()
                if is_torch:
                    theirs = (torch_step if mode == "training" else torch_inference)(
                        peer, *([x, y] if mode == "training" else [x])
                    )
                else:
                    theirs = step(peer, x, y) if mode == "training" else inference(peer, x)
                report(
                    f"{name:10} {label} / ours, {mode}, batch {batch_size}",
                    alternate(mine, theirs, rounds),
                    "above 1",
                )
                del peer, theirs
                gc.collect()
        del model, mine
        keras.backend.clear_session()
        gc.collect()


def in_torch(make):
    """A maker of PyTorch modules, eager and compiled."""

    def compiled():
        import torch

        return torch.compile(make())

    return {"eager": (make, True), "compiled": (compiled, True)}


def torchvision(name, **arguments):
    def make():
        from torchvision import models

        return getattr(models, name)(weights=None, **arguments)

    return {f"torchvision {mode}": peer for mode, peer in in_torch(make).items()}


def twin(name):
    def make():
        import twins

        return getattr(twins, name)()

    return {f"same graph in torch, {mode}": peer for mode, peer in in_torch(make).items()}


def alexnet(rounds):
    peers = torchvision("alexnet") | twin("AlexNetTwin")
    compare("alexnet", applications.AlexNet, peers, rounds)


def vgg16(rounds):
    peers = {"keras.applications": (lambda: keras.applications.VGG16(weights=None), False)}
    peers |= torchvision("vgg16", init_weights=False)
    compare("vgg16", applications.VGG16, peers, rounds, batch_size=4)


def googlenet_(rounds):
    peers = torchvision("googlenet", init_weights=False) | twin("GoogLeNetTwin")
    compare(
        "googlenet",
        applications.GoogLeNet,
        peers,
        rounds,
        trained=lambda: applications.GoogLeNet(auxiliary=True),
    )


def input_(rounds):
    from PIL import Image

    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(400):
            path = pathlib.Path(folder, f"class{i % 2}", f"{i}.jpg")
            path.parent.mkdir(exist_ok=True)
            smooth = Image.fromarray(random.integers(0, 256, (24, 32, 3)).astype("uint8"))
            smooth.resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)
        data = datasets.load(folder)
        recipe = dataclasses.replace(training.recipe("alexnet"), batch_size=32)
        mean, _ = imaging.mean_of(recipe, data)
        job = trainer.prepare(recipe, recipe.splits(data), len(data.classes), mean=mean)

        def read():
            return sum(len(y) for _, y in job.batches)

        x, y = images(32)
        train = step(applications.AlexNet(), x, y)
        read(), train()
        for what, function in [("input", read), ("AlexNet, training", train)]:
            speeds = []
            for _ in range(rounds):
                start = time.perf_counter()
                count = function() if function is read else (function(), 32)[1]
                speeds.append(count / (time.perf_counter() - start))
            print(f"{'input':10} {what}: {np.median(speeds):.0f} images a second", flush=True)


if __name__ == "__main__":
    main(
        "AlexNet, VGG-16 and GoogLeNet against their peers.",
        {"alexnet": alexnet, "vgg16": vgg16, "googlenet": googlenet_, "input": input_},
    )
