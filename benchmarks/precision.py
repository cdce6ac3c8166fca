"""Training in bfloat16: `python benchmarks/precision.py [--rounds=7] [NAME...]`.

Rows of a network, of one training step (the model's compiled `train_function`, momentum,
dropout, GoogLeNet with all three heads):

float32 / bfloat16     Ours by `mixed_bfloat16` against ours in float32: above 1, bfloat16 is
                       faster.
product                What one matrix product gains, of 4096x1024 and 1024x1024: near the most
                       that a step can gain.
PEER / ours            Another library's network in bfloat16 against ours in bfloat16: above 1 we
                       are faster. PyTorch in autocast, channels_last and compiled: torchvision,
                       timm, or the paper's graph (tests/applications/twins.py).

Names: resnet50 (which halves its maps in the 3x3 convolutions, as torchvision's), resnet18,
googlenet, vgg16, vit_b16, alexnet, cifar20 (ResNetCIFAR(20), batches of 128). Otherwise as
benchmarks/imagenet.py. The time of the processor stands behind that of the clock, where another
program may be running.
"""

import contextlib
import gc
import statistics
import time

import imagenet  # first: quiets TensorFlow
import keras
import tensorflow as tf
from rounds import main

from keras_classics import applications


def seconds(function):
    """By the clock, and of the processor."""
    start = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def compare(label, one, other, rounds):
    """Prints the time of `one` over that of `other`; they take turns in going first."""
    for function in (one, one, other, other):  # traces, compiles, and fills caches
        function()
    pairs = []
    for i in range(rounds):
        order = (one, other) if i % 2 else (other, one)
        times = {function: seconds(function) for function in order}
        pairs.append((times[one], times[other]))
    clock, cpu = (sorted(a[k] / b[k] for a, b in pairs) for k in (0, 1))
    first, second = (statistics.median(pair[k][0] for pair in pairs) for k in (0, 1))
    print(
        f"{label:70} {statistics.median(clock):6.2f}  {clock[0]:6.2f} .. {clock[-1]:5.2f}"
        f"  processor {statistics.median(cpu):4.2f} {second:9.3f} {first:9.3f}",
        flush=True,
    )


@contextlib.contextmanager
def policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_bfloat16(make):
    """A maker of a PyTorch module in autocast, channels_last and compiled."""
    import torch

    class Autocast(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.compile(make().to(memory_format=torch.channels_last))

        def forward(self, x):
            with torch.autocast("cpu", torch.bfloat16):
                outputs = self.inner(x)
            if isinstance(outputs, torch.Tensor):
                return outputs.float()
            values = outputs.values() if isinstance(outputs, dict) else outputs
            return tuple(value.float() for value in values)

    return Autocast()


def torchvision(name, **arguments):
    def make():
        from torchvision import models

        return getattr(models, name)(weights=None, **arguments)

    return {"torchvision": make}


def timm(name):
    def make():
        import timm

        return timm.create_model(name, pretrained=False)

    return {"timm": make}


def twin(name, *arguments, **more):
    def make():
        import twins

        return getattr(twins, name)(*arguments, **more)

    return {"the same graph in torch": make}


# The network, its peers, and a batch: how many, of which side and how many classes.
NETWORKS = {
    "resnet50": (
        lambda: applications.ResNet50(stride_in="3x3"),
        torchvision("resnet50") | timm("resnet50"),
        (8, 224, 1000),
    ),
    "resnet18": (applications.ResNet18, torchvision("resnet18") | timm("resnet18"), (8, 224, 1000)),
    "googlenet": (
        lambda: applications.GoogLeNet(auxiliary=True),
        torchvision("googlenet", init_weights=False) | twin("GoogLeNetTwin"),
        (8, 224, 1000),
    ),
    "vgg16": (
        applications.VGG16,
        torchvision("vgg16", init_weights=False) | timm("vgg16"),
        (4, 224, 1000),
    ),
    "vit_b16": (
        applications.ViTB16,
        torchvision("vit_b_16") | timm("vit_base_patch16_224"),
        (4, 224, 1000),
    ),
    "alexnet": (applications.AlexNet, twin("AlexNetTwin"), (8, 224, 1000)),
    "cifar20": (
        lambda: applications.ResNetCIFAR(20),
        twin("ResNetTwin", 20, "A", cifar=True, classes=10),
        (128, 32, 10),
    ),
}


def network(name):
    def rows(rounds):
        make, peers, batch = NETWORKS[name]
        x, y = imagenet.images(*batch)
        with policy("mixed_bfloat16"):
            half = imagenet.step(make(), x, y)
        single = imagenet.step(make(), x, y)
        compare(f"{name:10} float32 / bfloat16, batch {batch[0]}", single, half, rounds)
        del single
        gc.collect()
        for label, peer in peers.items():
            with contextlib.suppress(ImportError):
                theirs = imagenet.torch_step(in_bfloat16(peer), x, y)
                compare(f"{name:10} {label} / ours, batch {batch[0]}", theirs, half, rounds)
                del theirs
                gc.collect()
        del half
        keras.backend.clear_session()
        gc.collect()

    return rows


def product(rounds):
    """The gain of one matrix product."""
    a, b = tf.random.normal((4096, 1024)), tf.random.normal((1024, 1024))
    multiply = tf.function(tf.matmul)

    def of(dtype):
        x, y = tf.cast(a, dtype), tf.cast(b, dtype)
        return lambda: multiply(x, y).numpy()

    compare("product    float32 / bfloat16", of("float32"), of("bfloat16"), rounds)


if __name__ == "__main__":
    main(
        "Training in bfloat16, against float32 and against PyTorch in autocast.",
        {"product": product} | {name: network(name) for name in NETWORKS},
    )
