"""Feeds arrays to `fit`: fast with TensorFlow, plain arrays elsewhere."""

import keras
import numpy as np

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
            self.images = np.concatenate([keras.ops.convert_to_numpy(chunk) for chunk in chunks])

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index):
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.images[part], self.targets[part]
