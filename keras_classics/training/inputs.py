"""Feeds `fit`: arrays of digits, and photographs; with tf.data where TensorFlow runs."""

import concurrent.futures
import os

import keras
import numpy as np
from keras import ops

CHUNK = 1000  # images distorted at once


def batches(images, targets, batch_size, distort=None):
    """One pass over the arrays in their order, the same at each pass.

    Args:
        images: Array `(n, height, width, channels)`.
        targets: Array `(n, ...)`.
        batch_size: Patterns a batch; the last batch holds what is left.
        distort: A layer that changes the images anew at each pass, or `None`.

    Returns:
        What `fit` takes as `x`: a `tf.data.Dataset`, or a `keras.utils.PyDataset`
        where TensorFlow is not the backend.
    """
    if keras.backend.backend() != "tensorflow":
        return _Batches(images, targets, batch_size, distort)
    import tensorflow as tf

    # Whole batches as rows of one tensor: no copy into a batch at each step.
    def rows(size):
        whole = len(images) // size * size
        pair = [(array[:whole], array[whole:]) for array in (images, targets)]
        data = tf.data.Dataset.from_tensor_slices(
            tuple(array.reshape(whole // size, size, *array.shape[1:]) for array, _ in pair)
        )
        if whole < len(images):
            data = data.concatenate(tf.data.Dataset.from_tensors(tuple(rest for _, rest in pair)))
        return data

    if distort is None:
        return rows(batch_size).prefetch(tf.data.AUTOTUNE)
    chunks = rows(CHUNK).map(lambda x, y: (distort(x, training=True), y))
    steps = tf.data.experimental.assert_cardinality(-(-len(images) // batch_size))
    return chunks.rebatch(batch_size).apply(steps).prefetch(tf.data.AUTOTUNE)


class _Batches(keras.utils.PyDataset):
    def __init__(self, images, targets, batch_size, distort):
        super().__init__()
        self.originals, self.targets = images, targets
        self.batch_size, self.distort = batch_size, distort
        self.on_epoch_end()

    def on_epoch_end(self):
        self.images = self.originals
        if self.distort is not None:
            starts = range(0, len(self.originals), CHUNK)
            chunks = [self.distort(self.originals[s : s + CHUNK], training=True) for s in starts]
            self.images = np.concatenate([ops.convert_to_numpy(chunk) for chunk in chunks])

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index):
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.images[part], self.targets[part]


def image_batches(split, layers, batch_size, seed=None, targets=None, mix=None):
    """Batches of photographs, each on its way through preprocessing layers.

    With a `seed`, for training: every pass has a new order and new random numbers, which
    follow from the seed (and from `keras.utils.set_random_seed`) whatever the threads do,
    and a last batch that is not full is left out. Without, for evaluation: the layers
    run with `training=False`, all images come, in their order.

    Args:
        split: A split of `datasets.Images`.
        layers: Keras layers, called in turn on one uint8 image `(height, width, 3)`. The
            last gives images of one size.
        batch_size: Images a batch.
        seed: Seed of the order and of the layers, or `None`.
        targets: Function from a batch of labels to what the loss compares with.
            Default: the labels.
        mix: Function from a batch of images and targets to another one, for TensorFlow.

    Returns:
        What `fit` and `evaluate` take as `x`: a `tf.data.Dataset`, or a
        `keras.utils.PyDataset` where TensorFlow is not the backend.
    """
    if seed is not None and len(split) < batch_size:
        raise ValueError(
            f"Training needs a full batch. Received: {len(split)} images and "
            f"batch_size={batch_size}"
        )
    targets = targets or (lambda labels: labels)
    if keras.backend.backend() != "tensorflow":
        if mix is not None:
            raise ValueError(
                "MixUp and CutMix run inside of tf.data: train with KERAS_BACKEND=tensorflow, or "
                f"without them. Received: KERAS_BACKEND={keras.backend.backend()}"
            )
        return _ImageBatches(split, layers, batch_size, seed, targets)
    import tensorflow as tf

    examples = split.stream(seed)
    keys = tf.data.Dataset.random(seed or 0, rerandomize_each_iteration=True)
    data = (
        tf.data.Dataset.zip(examples, keys)
        .map(
            lambda example, key: (_apply(layers, example[0], key, seed is not None), example[1]),
            tf.data.AUTOTUNE,
        )
        .batch(batch_size, drop_remainder=seed is not None)
        .map(lambda images, labels: (images, targets(labels)))
    )
    return (data if mix is None else data.map(mix)).prefetch(tf.data.AUTOTUNE)


def _apply(layers, image, key, training):
    """One image through the layers, whose random numbers follow from `key` alone.

    A layer's random numbers come from a variable that counts the draws. Threads would
    count in no fixed order; here each image brings its own value of that variable.
    """
    counters = [
        variable
        for layer in layers
        for variable in layer.non_trainable_variables
        if variable.name == "seed_generator_state"
    ]
    # Apart by more than a layer's draws: PyTorch adds up the two numbers of a seed.
    values = [(counter, ops.stack([key + 1000 * k, 0])) for k, counter in enumerate(counters)]
    with keras.StatelessScope(values if training else None):
        for layer in layers:
            image = layer(image, training=training)
    return image


class _ImageBatches(keras.utils.PyDataset):
    """Prepares the next batch, in threads, while one is in use.

    Keras's own workers would lose the batch from which `fit` learns the shapes.
    """

    def __init__(self, split, layers, batch_size, seed, targets):
        super().__init__()
        self.split, self.layers, self.batch_size = split, layers, batch_size
        self.seed, self.targets = seed, targets
        self.passes, self.next = -1, {}
        self.threads = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self.on_epoch_end()
        self._example(0, 0)  # builds the layers, before threads can get into each other's way

    def on_epoch_end(self):
        self.passes += 1
        self.next.clear()
        n = len(self.split)
        random = np.random.default_rng([self.seed or 0, self.passes])
        self.order = np.arange(n) if self.seed is None else random.permutation(n)
        self.keys = random.integers(2**30, size=n)

    def __len__(self):
        full, rest = divmod(len(self.split), self.batch_size)
        return full + (rest > 0 and self.seed is None)

    def __getitem__(self, index):
        examples = self.next.pop(index, None) or self._start(index)
        if index + 1 < len(self):
            self.next = {index + 1: self._start(index + 1)}
        images, labels = zip(*examples, strict=True)
        return np.stack(images), self.targets(np.array(labels))

    def _start(self, index):
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.threads.map(self._example, self.order[part], self.keys[part])

    def _example(self, index, key):
        image, label = self.split[index]
        with keras.device("cpu"):
            image = _apply(self.layers, image, int(key), self.seed is not None)
        return ops.convert_to_numpy(image), label
