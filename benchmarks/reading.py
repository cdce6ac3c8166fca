"""How fast photographs are read: `python benchmarks/reading.py [--rounds=5] [NAME...]`.

Prints for each recipe the images a second of one epoch of training input, from files to batches in
memory, by our `image_batches` and by its peers, in one process on the same files and processors. A
row is the median over rounds in which all readers take turns, and the median of the rounds' ratios,
ours over the peer's: above 1 we are faster. Names choose among the recipes alexnet, vgg, googlenet
and deit, and the sizes small and large; without names, all of it takes twenty minutes on two cores.

The files are JPEG of quality 90: 500x375, crops of photographs that scikit-learn and Matplotlib
bring along; and 3000x2000, mosaics of them at their own scale, so that a pixel has as many bytes
as in a photograph (1.7 MB a file).

keras              `image_dataset_from_directory`, bilinear as by default, not antialiased, then
                   Keras's layers. No AreaAspectCrop and no scale jitter are among them: it reads
                   256x256 (VGG 384x384), and crops at random.
torchvision        `ImageFolder` with Pillow, its transforms, `DataLoader` with two workers.
tf.data            `decode_jpeg` and `tf.image`, antialiased, as the recipes are.
tf.data, aliased   The same with `tf.image.resize` as by default.
tf.data, cropping  For area crops, with `decode_and_crop_jpeg`. Antialiased.

With KERAS_BACKEND=jax or torch, ours are batches of NumPy arrays by workers of their own.
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

RECIPES = {
    "alexnet": "alexnet",
    "vgg": "vgg16",
    "googlenet": "googlenet",
    "deit": "vit_deit",
}
SIZES = {"small": (500, 375, 640, 32), "large": (3000, 2000, 64, 8)}  # and files, images a batch
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def photographs():
    import matplotlib
    from sklearn.datasets import load_sample_images

    hopper = pathlib.Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return [*map(Image.fromarray, load_sample_images().images), Image.open(hopper).convert("RGB")]


def write_files(folder, width, height, count):
    """Files of this size in two folders of classes."""
    random, sources = np.random.default_rng(0), photographs()

    def crop(wide, high):
        image = sources[random.integers(len(sources))]
        left, top = (
            random.integers(a - b + 1) for a, b in zip(image.size, (wide, high), strict=True)
        )
        return image.crop((left, top, left + wide, top + high))

    for k in range(count):
        if width <= 500:
            part = random.uniform(0.7, 1)
            image = crop(int(width * part), int(height * part)).resize((width, height))
        else:
            image = Image.new("RGB", (width, height))
            for top in range(0, height, 400):
                for left in range(0, width, 500):
                    image.paste(crop(500, 400), (left, top))
        path = folder / "ab"[k % 2] / f"{k:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=90)


class PCAColour:
    """AlexNet's shift of colours, for torchvision."""

    def __call__(self, image):
        import torch

        from keras_classics.preprocessing import pca_color_jitter as pca

        components, lengths = torch.tensor(pca.COMPONENTS), torch.tensor(pca.DEVIATIONS) / 255
        return image + ((0.1 * torch.randn(3) * lengths) @ components)[:, None, None]


class Jitter:
    """VGG's scale jitter, for torchvision."""

    def __call__(self, image):
        from torchvision.transforms.functional import resize

        return resize(image, int(np.random.randint(256, 513)))


def by_torchvision(folder, name, size):
    """First of all, since its workers are forked."""
    import importlib.util

    path = pathlib.Path(__file__).parents[1] / "tests" / "weights" / "peers.py"
    spec = importlib.util.spec_from_file_location("peers", path)
    peers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peers)
    peers.library("torchvision")
    import torch
    from torchvision import datasets
    from torchvision import transforms as t

    tensor = [t.ToTensor()]
    normal = [t.Normalize(MEAN, DEVIATION)]
    crop, flip = [t.RandomCrop(224)], [t.RandomHorizontalFlip()]
    area = [t.RandomResizedCrop(224)]
    layers = {
        "alexnet": [t.Resize(256), t.CenterCrop(256), *crop, *flip, *tensor, PCAColour(), *normal],
        "vgg": [Jitter(), *crop, *flip, *tensor, PCAColour(), *normal],
        "googlenet": [*area, *flip, *tensor, *normal],
        "deit": [*area, *flip, t.RandAugment(2, 9), *tensor, *normal, t.RandomErasing(0.25)],
    }[name]
    data = datasets.ImageFolder(folder, t.Compose(layers))
    loader = torch.utils.data.DataLoader(
        data, SIZES[size][3], shuffle=True, num_workers=2, persistent_workers=True
    )
    next(iter(loader))
    return loader


def by_keras(folder, name, size):
    import keras

    side = 384 if name == "vgg" else 256
    data = keras.utils.image_dataset_from_directory(
        folder,
        image_size=(side, side),
        batch_size=SIZES[size][3],
        crop_to_aspect_ratio=True,
        verbose=False,
    )
    k = keras.layers
    layers = [k.RandomCrop(224, 224), k.RandomFlip("horizontal")]
    if name == "deit":
        layers += [k.RandAugment((0, 255)), k.Rescaling(1 / 57, -2.1), k.RandomErasing(0.25)]
    else:
        layers.append(k.Rescaling(1.0, (-123.68, -116.779, -103.939)))

    def prepare(x, y):
        for layer in layers:
            x = layer(x, training=True)
        return x, y

    import tensorflow as tf

    return data.map(prepare, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def by_tf_data(folder, name, size, antialias=True, cropping=False):
    import tensorflow as tf

    from keras_classics.preprocessing import pca_color_jitter as pca

    paths = sorted(map(str, pathlib.Path(folder).rglob("*.jpg")))
    components = tf.constant(pca.COMPONENTS)
    lengths = tf.constant(pca.DEVIATIONS) / 255

    def area(content, shape):
        everything = tf.zeros((1, 0, 4))
        begin, length, _ = tf.image.sample_distorted_bounding_box(
            shape, everything, area_range=(0.08, 1), use_image_if_no_bounding_boxes=True
        )
        if cropping:
            box = tf.stack([begin[0], begin[1], length[0], length[1]])
            image = tf.io.decode_and_crop_jpeg(content, box, channels=3)
        else:
            image = tf.slice(tf.io.decode_jpeg(content, channels=3), begin, length)
        return tf.image.resize(image, (224, 224), antialias=antialias)

    def read(path):
        content = tf.io.read_file(path)
        if name in ("googlenet", "deit"):
            image = area(content, tf.io.extract_jpeg_shape(content))
        else:
            image = tf.io.decode_jpeg(content, channels=3)
            jitter = tf.random.uniform((), 256, 513, tf.int32)
            sides, short = tf.shape(image)[:2], jitter if name == "vgg" else 256
            image = tf.image.resize(
                image, sides * short // tf.reduce_min(sides), antialias=antialias
            )
            if name == "alexnet":
                image = tf.image.resize_with_crop_or_pad(image, 256, 256)
            image = tf.image.random_crop(image, (224, 224, 3))
            colour = tf.linalg.matvec(components, 0.1 * tf.random.normal((3,)) * lengths, True)
            image += 255 * colour
        return tf.image.random_flip_left_right(image) - (123.68, 116.779, 103.939), 0

    data = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths))
    data = data.map(read, tf.data.AUTOTUNE).batch(SIZES[size][3], drop_remainder=True)
    return data.prefetch(tf.data.AUTOTUNE)


def ours(folder, name, size):
    from keras_classics import backend, datasets, training
    from keras_classics.training import imaging, inputs

    recipe = training.recipe(RECIPES[name])
    paths = sorted(map(str, pathlib.Path(folder).rglob("*.jpg")))
    if not backend.has_tf_data():
        paths *= -(-inputs.LONG // len(paths))  # enough for workers
    split = datasets.Files(paths, np.arange(len(paths)) % 2)
    mean = np.full((256, 256, 3) if name == "alexnet" else 3, 120.0, "float32")
    layers = imaging.layers_of(recipe, training=True, mean=mean)
    batches = inputs.image_batches(split, layers, SIZES[size][3], seed=0)
    if hasattr(batches, "on_epoch_begin"):
        return _Epoch(batches)
    return batches


class _Epoch:
    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        self.batches.on_epoch_begin()
        return (self.batches[k] for k in range(len(self.batches)))


def processor_seconds():
    """Of this process and its workers."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        times = process.cpu_times()
        total += times.user + times.system
    return total


def rate(reader, count):
    """Images a second, and images a second of processor time, which others cannot take away."""
    start, used, seen = time.perf_counter(), processor_seconds(), 0
    for images, _ in reader:
        seen += len(images)
    assert seen >= 0.9 * count
    return seen / (time.perf_counter() - start), seen / (processor_seconds() - used)


def compare(folder, name, size, rounds, chosen):
    makers = {
        "torchvision": by_torchvision,
        "ours": ours,
        "keras": by_keras,
        **({"tf.data": by_tf_data} if name != "deit" else {}),
    }
    if name != "deit":
        makers["tf.data, aliased"] = lambda *a: by_tf_data(*a, antialias=False)
    if name == "googlenet":
        makers["tf.data, cropping"] = lambda *a: by_tf_data(*a, cropping=True)
    makers = {key: make for key, make in makers.items() if not chosen or key in chosen}
    readers = {key: make(folder, name, size) for key, make in makers.items()}
    rates = {key: [] for key in readers}
    for reader in readers.values():
        rate(reader, 1)
    for k in range(rounds):
        for key in sorted(readers, key=lambda key: hash((key, k))):
            rates[key].append(rate(readers[key], SIZES[size][2]))
    for key, values in rates.items():
        line = f"{name:10} {size:6} {key:18}"
        for mine, theirs in zip(
            *(zip(*each, strict=True) for each in (rates.get("ours", values), values)), strict=True
        ):
            ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
            line += f" {statistics.median(theirs):8.1f} {statistics.median(ratios):6.2f}"
            line += f" {min(ratios):6.2f} .. {max(ratios):5.2f}"
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description="Images a second, ours and the peers'.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*RECIPES, *SIZES]))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--readers", default="", help="Some of the readers, by commas.")
    parser.add_argument("--files", help="A folder to keep the files in.")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(RECIPES) - set(SIZES)
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}")
    print(f"{'':36} {'images/s':>8}  ratio    min ..   max {'a core':>8}  ratio    min ..   max")
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(arguments.files or temporary)
        for size, (width, height, count, _) in SIZES.items():
            if not set(SIZES) & set(arguments.names) or size in arguments.names:
                folder = root / size
                if not folder.exists():
                    write_files(folder, width, height, count)
                for name in RECIPES:
                    if not set(RECIPES) & set(arguments.names) or name in arguments.names:
                        chosen = [each for each in arguments.readers.split(",") if each]
                        compare(folder, name, size, arguments.rounds, chosen)


if __name__ == "__main__":
    main()
