"""ResNet against its peers: `python benchmarks/resnet.py [--rounds=7] [NAME...]`.

Ratios as in `benchmarks/imagenet.py`: the peer's time over ours on TensorFlow, above 1 we are
faster; the rounds of a row alternate within this process. All of it takes some twenty-five
minutes on two idle cores.

resnet50, resnet18   Inference and training at 224x224, batches of 8, against keras.applications
                     and torchvision: PyTorch eager, channels_last and compiled. KerasHub, if
                     it can be imported. ResNet-18 as in torchvision is ours with any stride_in;
                     our ResNet-50 halves its maps in the 1x1 convolutions, as keras.applications'
                     does and torchvision's does not (6 % more multiply-adds), so that its rows
                     take ResNet(50, stride_in="3x3").
cifar20              The same for ResNetCIFAR(20), batches of 128, against the same graph in
                     PyTorch (tests/applications/twins.py).
fuse                 Inference of `keras_classics.fuse(model)` beside the model's.
depth                Seconds of a training step by depth: ResNetCIFAR(20) to (110).
memory               Peak memory of a process that trains ResNet-50, each in its own.
"""

import subprocess
import sys
import time
from unittest import mock

import imagenet  # first: quiets TensorFlow
import keras
import numpy as np
from rounds import alternate, main, report

import keras_classics as kc
from keras_classics import applications
from keras_classics.applications import resnet


def in_torch(name, make):
    """A maker of PyTorch modules: eager, channels_last and compiled."""

    def channels_last():
        import torch

        return make().to(memory_format=torch.channels_last)

    peers = {f"{name} {mode}": peer for mode, peer in imagenet.in_torch(make).items()}
    return peers | {f"{name} channels_last": (channels_last, True)}


def torchvision(name):
    def make():
        from torchvision import models

        return getattr(models, name)(weights=None)

    return in_torch("torchvision", make)


def kerashub(name):
    def make():
        from keras_hub import models

        counts, block = {
            "resnet50": ([3, 4, 6, 3], "bottleneck_block"),
            "resnet18": ([2, 2, 2, 2], "basic_block"),
        }[name]
        backbone = models.ResNetBackbone(
            [64],
            [7],
            [64, 128, 256, 512],
            counts,
            [1, 2, 2, 2],
            block,
            image_shape=(224, 224, 3),
        )
        return models.ResNetImageClassifier(backbone, 1000, activation="softmax")

    return {"KerasHub": (make, False)}


def with_keras_normalization():
    with mock.patch.object(resnet, "BatchNormalization", keras.layers.BatchNormalization):
        return applications.ResNet50()


def resnet50(rounds):
    peers = {"keras.applications": (lambda: keras.applications.ResNet50(weights=None), False)}
    peers |= {"ours with Keras's normalization": (with_keras_normalization, False)}
    imagenet.compare("resnet50", applications.ResNet50, peers, rounds)
    imagenet.compare(
        "resnet50 3x3",
        lambda: applications.ResNet50(stride_in="3x3"),
        kerashub("resnet50") | torchvision("resnet50"),
        rounds,
    )


def resnet18(rounds):
    peers = kerashub("resnet18") | torchvision("resnet18")
    imagenet.compare("resnet18", applications.ResNet18, peers, rounds)


def cifar20(rounds):
    def make():
        import twins

        return twins.ResNetTwin(20, "A", cifar=True, classes=10)

    peers = in_torch("same graph in torch,", make)
    ours = lambda: applications.ResNetCIFAR(20)  # noqa: E731
    imagenet.compare("cifar20", ours, peers, rounds, batch_size=128, side=32, classes=10)


def fuse(rounds):
    for name, make, batch_size in [
        ("resnet50", applications.ResNet50, 8),
        ("resnet50", applications.ResNet50, 1),
        ("resnet18", applications.ResNet18, 8),
        ("keras.applications.ResNet50", lambda: keras.applications.ResNet50(weights=None), 8),
    ]:
        x, _ = imagenet.images(batch_size)
        model = make()
        whole, fused = (imagenet.inference(m, x) for m in (model, kc.fuse(model)))
        pairs = alternate(whole, fused, rounds)
        report(f"fuse       {name}, fused / unfused, batch {batch_size}", pairs, "at most 0.85")
        keras.backend.clear_session()


def depth(rounds):
    times = {}
    for layers in (20, 32, 44, 56, 110):
        step = imagenet.step(applications.ResNetCIFAR(layers), *imagenet.images(128, 32, 10))
        step()
        seconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        times[layers] = np.median(seconds)
        print(f"depth      ResNetCIFAR({layers}): {times[layers]:.3f} s a step", flush=True)
        keras.backend.clear_session()
    x, y = np.array(list(times.items())).T
    slope, start = np.polyfit(x, y, 1)
    off = np.abs(y / (start + slope * x) - 1).max()
    print(f"depth      {1e3 * slope:.2f} ms a layer; at most {100 * off:.0f} % off the line")


MEMORY = {
    "ours": "step(applications.ResNet50(), *images(8))",
    "keras.applications": "step(keras.applications.ResNet50(weights=None), *images(8))",
    "same graph in torch, eager": "torch_step(twins.ResNetTwin(50, 'B'), *images(8))",
    "same graph in torch, channels_last": "torch_step(twins.ResNetTwin(50, 'B')"
    ".to(memory_format=torch.channels_last), *images(8))",
}


def memory(rounds):
    for label, code in MEMORY.items():
        start = "import sys; sys.path.insert(0, 'benchmarks'); from imagenet import *"
        more = "; import torch, twins" if "torch" in label else ""
        lines = f"{start}{more}\nonce = {code}\nfor _ in range(4): once()\n"
        lines += "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
        if done.returncode == 0:
            peak = int(done.stdout.split()[-1]) / 2**20
            print(f"memory     {label}: {peak:.2f} GiB at most", flush=True)


if __name__ == "__main__":
    main(
        "ResNet against its peers.",
        {f.__name__: f for f in (resnet50, resnet18, cifar20, fuse, depth, memory)},
    )
