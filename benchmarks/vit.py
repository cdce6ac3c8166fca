"""ViT against its peers: `python benchmarks/vit.py [--rounds=7] [NAME...]`.

Ratios as in `benchmarks/imagenet.py`: the peer's time over ours on TensorFlow, above 1 we are
faster; the rounds of a row alternate within this process. All of it takes some fifteen
minutes on two idle cores.

s16, b16    Inference and training of ViT-S/16 (batches of 8) and B/16 (batches of 4) at
            224x224, without dropout, against the same network with
            keras.layers.MultiHeadAttention, KerasHub, and torchvision and timm, eager and
            compiled. All but ours compute GELU exactly.
memory      Peak memory of a process that trains ViT-S/16 on two images of 512x512, 1,025
            tokens, each in its own.
"""

import subprocess
import sys

import imagenet  # first: quiets TensorFlow
import keras
from keras import layers
from rounds import main

from keras_classics import applications
from keras_classics.applications.vit import SIZES
from keras_classics.layers import ClassToken, PatchEmbedding, PositionEmbedding


def with_keras_attention(size):
    """The same network of Keras's own layers, but for the embeddings."""

    def make():
        d, depth, mlp_dim, heads = SIZES[size]
        image = keras.Input((224, 224, 3))
        x = PositionEmbedding()(ClassToken()(PatchEmbedding(d, 16)(image)))
        for _ in range(depth):
            y = layers.LayerNormalization(epsilon=1e-6)(x)
            x = layers.Add()([x, layers.MultiHeadAttention(heads, d // heads)(y, y)])
            y = layers.LayerNormalization(epsilon=1e-6)(x)
            x = layers.Add()([x, layers.Dense(d)(layers.Dense(mlp_dim, "gelu")(y))])
        x = layers.LayerNormalization(epsilon=1e-6)(x[:, 0])
        return keras.Model(image, layers.Dense(1000, "softmax")(x))

    return {"keras MultiHeadAttention": (make, False)}


def kerashub(size, side=224):
    def make():
        from keras_hub import models

        d, depth, mlp_dim, heads = SIZES[size]
        backbone = models.ViTBackbone(
            image_shape=(side, side, 3),
            patch_size=16,
            num_layers=depth,
            num_heads=heads,
            hidden_dim=d,
            mlp_dim=mlp_dim,
        )
        return models.ViTImageClassifier(backbone, 1000, pooling="token", activation="softmax")

    return {"KerasHub": (make, False)}


def in_torch(name, make):
    return {f"{name} {mode}": peer for mode, peer in imagenet.in_torch(make).items()}


def torchvision(size, side=224):
    def make():
        from torchvision.models import VisionTransformer

        d, depth, mlp_dim, heads = SIZES[size]
        return VisionTransformer(side, 16, depth, heads, d, mlp_dim)

    return in_torch("torchvision", make)


def timm(size, side=224):
    def make():
        from timm.models import VisionTransformer

        d, depth, _, heads = SIZES[size]
        return VisionTransformer(img_size=side, embed_dim=d, depth=depth, num_heads=heads)

    return in_torch("timm", make)


def compare(size, batch_size, rounds):
    peers = with_keras_attention(size) | kerashub(size) | torchvision(size) | timm(size)
    ours = lambda: applications.ViT(f"{size}/16")  # noqa: E731
    imagenet.compare(f"vit {size}/16", ours, peers, rounds, batch_size)


def s16(rounds):
    compare("S", 8, rounds)


def b16(rounds):
    compare("B", 4, rounds)


MEMORY = {
    "ours": ("tensorflow", "step(applications.ViT('S/16', input_shape=(512, 512, 3)), *size)"),
    "KerasHub": ("tensorflow", "step(vit.kerashub('S', 512)['KerasHub'][0](), *size)"),
    "timm, eager": ("torch", "torch_step(vit.timm('S', 512)['timm eager'][0](), *size)"),
}
# Not `resource`'s, which begins with that of the process which starts this one.
PEAK = """
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
"""


def memory(rounds):
    for label, (library, code) in MEMORY.items():
        lines = f"{PEAK}\nimport sys, {library}\nempty = peak()\n"
        lines += "sys.path.insert(0, 'benchmarks')\nfrom imagenet import *; import vit\n"
        lines += f"size = images(2, 512)\nonce = {code}\nfor _ in range(4): once()\n"
        lines += "print(empty, peak())"
        done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
        if done.returncode == 0:
            empty, peak = (int(kib) / 2**20 for kib in done.stdout.split()[-2:])
            print(
                f"memory     {label}: {peak:.2f} GiB at most, {peak - empty:.2f} of them beyond "
                f"`import {library}`",
                flush=True,
            )


if __name__ == "__main__":
    main("ViT against its peers.", {f.__name__: f for f in (s16, b16, memory)})
