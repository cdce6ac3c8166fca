"""Trains a small ViT on CIFAR-10 without labels, then to be trained with them.

Dosovitskiy et al., 2021, appendix B.1.2: half of the patches are corrupted, and their mean colours
are predicted. `python examples/masked_patches.py --epochs=20` writes `masked.keras`, and

    keras-classics train vit_cifar --data=cifar10 --start=masked.keras

trains that by the recipe of the same network from scratch. The learning rate, its warm-up (the
paper's share of the steps) and its decay are the paper's; the batch is smaller, for two cores, and
images are not augmented.
"""

import argparse

import keras
import numpy as np

import keras_classics as kc
from keras_classics.applications import ViT, vit

PATCH, BATCH, WARM_UP = 4, 64, 0.01

parser = argparse.ArgumentParser()
parser.add_argument("--data", default="cifar10")
parser.add_argument("--data_dir")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--steps", type=int, help="steps of an epoch; default: all images")
parser.add_argument("--learning_rate", type=float, default=2e-4)
parser.add_argument("--precision", default="float32")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default="masked.keras")
given = parser.parse_args()

keras.utils.set_random_seed(given.seed)
keras.config.set_dtype_policy(given.precision)
data = kc.datasets.load(given.data, given.data_dir)
images, tested = data.train.images, list(data.parts.values())[1].images


def colors(images):
    """The colours of all patches, of pixels from 0 to 255."""
    parts = np.array_split(images, -(-len(images) // 1000))
    found = (vit.patch_targets(part / np.float32(127.5) - 1, PATCH) for part in parts)
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in found])


y, y_tested = colors(images), colors(tested)
shares = np.bincount(y.ravel(), minlength=vit.LEVELS**3) + 1
entropy = -np.log(shares / shares.sum())[y_tested].mean()
print(f"Without a look at the image, by the frequency of the colours: loss {entropy:.3f}")

network = ViT(f"Mini/{PATCH}", input_shape=images.shape[1:], classes=len(data.classes))
scale = keras.layers.Rescaling(1 / 127.5, -1)
model = keras.Sequential([scale, vit.masked(network, seed=given.seed)])
per_epoch = given.steps or len(images) // BATCH
steps = given.epochs * per_epoch
warm = max(round(WARM_UP * steps), 1)
falling = keras.optimizers.schedules.CosineDecay(given.learning_rate, steps - warm)
model.compile(
    keras.optimizers.Adam(kc.optimizers.WarmUp(falling, warm)),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
for epoch in range(given.epochs):
    order = np.random.default_rng((given.seed, epoch)).permutation(len(images))
    seen = order[: per_epoch * BATCH]
    model.fit(images[seen], y[seen], batch_size=BATCH, shuffle=False, verbose=2)
print("Test images:", model.evaluate(tested, y_tested, verbose=0, return_dict=True))
network.save(given.out)
