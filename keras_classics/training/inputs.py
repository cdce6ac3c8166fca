"""Feeds `fit`: each epoch is a function of the seed and the epoch's number alone."""

import collections
import concurrent.futures
import contextlib
import io
import math
import os
import pickle
import time

import keras
import numpy as np
from keras import ops

from keras_classics import backend
from keras_classics.datasets.decoding import as_photograph, open_encoded, open_photograph
from keras_classics.preprocessing import windows
from keras_classics.tables import counted
from keras_classics.training.strategies import Replicas
from keras_classics.training.workers import Workers

ALONE = Replicas()
NOTED = 10_000  # batches at most, of one step, of which it is noted when they came
LONG = 500  # encoded images, for which JAX and PyTorch have processes of their own to read them
GATHERED = 512  # images in memory that are gathered at once, for several small batches
CACHED = 2**30  # bytes of prepared test images that are kept in memory


class Position:
    """Where a training is: its epoch, counted from 0, and the steps of it that are done already.

    Batches read it as an epoch begins. So they come again as they came, and those that a
    training has had before it was interrupted are left out.
    """

    epoch, step = 0, 0


def deal(images, batch_size, replicas, training):
    """How a worker's images are dealt to its replicas: groups of chunks of equal size.

    Of every step each replica takes one chunk, so that all images of a batch are seen once.
    A last training batch that does not fill all replicas evenly has weights, by which the mean
    over the replicas is the mean over the images: with `m` of the `M` images of that batch on
    one of `N` replicas, `N m / M`. A replica for which there is none gets one of weight 0.
    For evaluation the images are spread evenly over all steps instead.

    Args:
        images: Number of images in an epoch, of all workers.
        batch_size: Images a step, of all workers.
        replicas: The `Replicas`.
        training: Whether batches are full, but for a last one.

    Returns:
        A list of `(first, chunks, size, weight)`: the group's first image in the worker's
        share, the number of chunks, images a chunk, and the weight of an image.
    """
    if training and batch_size % replicas.count:
        raise ValueError(
            "`batch_size` counts the images of a step on all replicas, and must be a multiple of "
            f"their number. Received: batch_size={batch_size} on "
            f"{counted(replicas.count, 'replica')}"
        )
    steps, rest = divmod(images, batch_size)
    own = -(-(images - replicas.worker) // replicas.workers)
    if not training and replicas.count > 1:
        chunks = -(-images // batch_size) * replicas.local
        if own < chunks:
            raise ValueError(
                "Each replica needs an image to evaluate. Received: "
                f"{counted(images, 'image')} for {counted(replicas.count, 'replica')}"
            )
        size, longer = divmod(own, chunks)
        groups = [(0, longer, size + 1, 1.0)]
        groups += [(longer * (size + 1), chunks - longer, size, 1.0)]
        return [group for group in groups if group[1]]
    groups = [(0, steps * replicas.local, batch_size // replicas.count, 1.0)] if steps else []
    first = steps * (batch_size // replicas.workers)
    for part in np.array_split(np.arange(first, own), replicas.local) if rest else ():
        start, size = (int(part[0]), len(part)) if len(part) else (0, 0)
        groups += [(start, 1, max(size, 1), replicas.count * size / rest)]
    return groups


def array_batches(
    images,
    targets,
    batch_size,
    seed=None,
    shuffle=True,
    layers=(),
    position=None,
    replicas=ALONE,
):
    """Batches of images in memory, gathered by rows; the last one of an epoch holds the rest.

    Args:
        images: Array `(n, height, width, channels)`.
        targets: Array `(n, ...)`.
        batch_size: Images a step.
        seed: For training, the seed of the epochs; for evaluation `None`.
        shuffle: Whether a training epoch has an order of its own; else it is the arrays'.
        layers: Layers that change a batch of training images, with new draws at each epoch.
        position: Where the training is, a `Position`.
        replicas: The `Replicas` that share a batch.

    Returns:
        What `fit` takes as `x`: a `tf.data.Dataset`, or a `keras.utils.PyDataset` where
        TensorFlow is not the backend.
    """
    position = position or Position()
    shuffle = shuffle and seed is not None
    if not backend.has_tf_data():
        return _ArrayBatches(images, targets, batch_size, seed, shuffle, layers, position, replicas)
    import tensorflow as tf

    n = len(images)
    groups = deal(n, batch_size, replicas, seed is not None)
    weighted = seed is not None and n % batch_size % replicas.count > 0
    images, targets = tf.constant(images), tf.constant(targets)
    # To call a function costs as much as a fifth of a step of one image.
    at_once = 1 if layers else max(1, GATHERED // batch_size)

    def chunks(epoch, step):
        seeds = tf.stack([seed or 0, epoch])
        order = tf.range(n, dtype=tf.int64)
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(order, seeds)
        own, before, parts = order[replicas.worker :: replicas.workers], 0, []
        keys = _keys(seeds, math.ceil(n / batch_size) * replicas.count, replicas)
        for first, count, size, weight in groups:
            rows = tf.reshape(own[first : first + count * size], (count, size))
            skipped = tf.clip_by_value(step * replicas.local - before, 0, count)
            part = (rows, tf.fill((count, size), weight), keys[before : before + count])
            part = tf.data.Dataset.from_tensor_slices(tuple(array[skipped:] for array in part))
            parts += [part.batch(at_once) if at_once > 1 else part]
            before += count
        return _in_turn(parts)

    def read(rows, weights, key):
        x, y = tf.gather(images, rows), tf.gather(targets, rows)
        if seed is not None:
            x = apply(layers, x, key, training=True)
        return (x, y, weights) if weighted else (x, y)

    data = _epochs(chunks, position)
    if at_once > 1:
        options = tf.data.Options()
        options.autotune.enabled = False  # to measure would take longer than all of it
        data = data.map(read).prefetch(1).unbatch().with_options(options)
    else:
        data = data.map(read, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    return _dealt(data, math.ceil(n / batch_size))


class _ArrayBatches(keras.utils.PyDataset):
    def __init__(self, images, targets, batch_size, seed, shuffle, layers, position, replicas):
        super().__init__()
        self.images, self.targets, self.batch_size = images, targets, batch_size
        self.seed, self.shuffle, self.layers = seed, shuffle, layers
        self.position, self.replicas = position, replicas.count
        deal(len(images), batch_size, replicas, seed is not None)  # or refuses
        self.steps = math.ceil(len(images) / batch_size)
        self.on_epoch_begin()

    def __len__(self):
        return self.steps

    @property
    def num_batches(self):
        return self.steps - self.position.step

    def on_epoch_begin(self):
        random = np.random.default_rng([self.seed or 0, self.position.epoch])
        n = len(self.images)
        self.order = random.permutation(n) if self.shuffle else np.arange(n)
        self.keys = random.integers(2**30, size=self.steps)

    def __getitem__(self, index):
        index += self.position.step
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        # Devices share a batch evenly: what is missing is filled up, and weighs nothing.
        spare = -len(rows) % self.replicas
        weights = np.repeat([1 + spare / len(rows), 0.0], [len(rows), spare])
        rows = np.concatenate([rows, self.order[:spare]])
        x, y = self.images[rows], self.targets[rows]
        if self.seed is not None and self.layers:
            x = apply(self.layers, x, int(self.keys[index]), training=True)
            x = ops.convert_to_numpy(x)
        return (x, y, weights) if len(self.images) % self.replicas else (x, y)


def image_batches(
    split,
    layers,
    batch_size,
    seed=None,
    targets=None,
    mix=None,
    position=None,
    replicas=ALONE,
):
    """Batches of photographs, each on its way through preprocessing layers.

    With a `seed`, for training: every epoch has a new order and new random numbers, which
    follow from the seed and the number of the epoch alone, whatever the threads do and
    whatever the number of workers, and a last batch that is not full is left out. Without,
    for evaluation: the layers run with `training=False`, all images come, in their order,
    and are kept in memory if they fit.

    Args:
        split: A split of `datasets.Images`.
        layers: Keras layers, called in turn on one uint8 image `(height, width, 3)`. The
            last gives images of one size.
        batch_size: Images a step.
        seed: Seed of the order and of the layers, or `None`.
        targets: Function from a batch of labels to what the loss compares with.
            Default: the labels.
        mix: Function from a replica's batch of images, its targets, and the number of its epoch
            and its own in that, to other images and targets, for TensorFlow.
        position: Where the training is, a `Position`.
        replicas: The `Replicas` that share a batch.

    Returns:
        What `fit` and `evaluate` take as `x`: a `tf.data.Dataset`, or a
        `keras.utils.PyDataset` where TensorFlow is not the backend.
    """
    position = position or Position()
    training, n = seed is not None, len(split)
    if training and n < batch_size:
        raise ValueError(
            f"Training needs a full batch. Received: {counted(n, 'image')} and "
            f"batch_size={batch_size}"
        )
    targets = targets or (lambda labels: labels)
    if not backend.has_tf_data():
        if mix is not None:
            raise ValueError(
                "MixUp and CutMix run inside of tf.data: train with KERAS_BACKEND=tensorflow, or "
                f"without them. Received: KERAS_BACKEND={backend.name()}"
            )
        return _ImageBatches(split, layers, batch_size, seed, targets, position)
    import tensorflow as tf

    groups = deal(n, batch_size, replicas, training)

    raised: list[Exception] = []  # in threads of TensorFlow

    def load(records, size):
        return _loaded(split, layers, training, records, size, raised)

    if not training:
        keys = tf.data.Dataset.from_tensors(tf.zeros((), tf.int64)).repeat()
        records = tf.data.Dataset.zip(split.records(None, replicas.worker, replicas.workers), keys)
        parts = [
            load(records.skip(first).take(count * size), size) for first, count, size, _ in groups
        ]
        data = _in_turn(parts)
        image = data.element_spec[0]
        known = image.shape[1:].is_fully_defined()
        if known and n * math.prod(image.shape[1:]) * image.dtype.size <= CACHED:
            data = data.cache()
        data = data.map(lambda x, y: (x, targets(y))).prefetch(tf.data.AUTOTUNE)
        return _dealt(data, math.ceil(n / batch_size), raised)

    steps = n // batch_size
    share, size = batch_size // replicas.workers, batch_size // replicas.count

    def one_epoch(epoch, step):
        seeds = tf.stack([seed, epoch])
        records = split.records(seeds, replicas.worker, replicas.workers)
        keys = tf.data.Dataset.from_tensor_slices(_keys(seeds, n, replicas))
        records = tf.data.Dataset.zip(records, keys)
        return records.skip(step * share).take((steps - step) * share)

    def moments(epoch, step):
        # Of each batch the epoch, and its own number among those of the worker's replicas.
        numbers = tf.data.Dataset.range(step * replicas.local, steps * replicas.local)
        return numbers.map(lambda k: (epoch, k))

    data = load(_epochs(one_epoch, position), size)
    if mix is None:
        data = data.map(lambda x, y: (x, targets(y)))
    else:
        data = tf.data.Dataset.zip(data, _epochs(moments, position))
        data = data.map(lambda pair, moment: mix(pair[0], targets(pair[1]), *moment))
    return _noted(data.prefetch(tf.data.AUTOTUNE), steps, raised)


def _loaded(split, layers, training, records, size, raised):
    """Batches of images and labels, of records and keys.

    Of files, those that cannot be decoded are replaced.
    """
    import tensorflow as tf

    def load(record, key):
        return load_image(split, record, layers, key, training)

    if not hasattr(split, "sound"):
        records = _read(split, records)
        return records.map(load, tf.data.AUTOTUNE).batch(size, drop_remainder=training)

    def one_batch(record, key):
        places = tf.range(tf.size(record, tf.int64))
        data = tf.data.Dataset.from_tensor_slices((places, record, key))
        data = data.map(lambda place, *pair: (place, *load(*pair)), os.cpu_count())
        data = data.ignore_errors().batch(tf.size(record, tf.int64))
        spec = data.element_spec
        none = [tf.zeros([side or 0 for side in each.shape], each.dtype) for each in spec]
        data = data.concatenate(tf.data.Dataset.from_tensors(tuple(none))).take(1)
        return data.map(lambda *loaded: mended(record, key, *loaded))

    def mended(record, key, places, images, labels):
        whole = tf.size(places) == tf.size(record)
        given = [record, key, places, images, labels]
        types = images.dtype, labels.dtype
        x, y = tf.cond(
            whole, lambda: (images, labels), lambda: tuple(tf.py_function(mend, given, types))
        )
        size = record.shape[0]
        return tf.ensure_shape(x, (size, *images.shape[1:])), tf.ensure_shape(y, (size,))

    def mend(record, key, places, images, labels):
        loaded = {int(k): (x, y) for k, x, y in zip(places, images, labels, strict=True)}
        try:
            for k, (position, number) in enumerate(zip(record, key, strict=True)):
                if k not in loaded:
                    image, label = split.sound(int(position))
                    loaded[k] = apply(layers, tf.constant(image), number, training), label
        except Exception as error:
            raised.append(error)
            raise
        return tuple(
            tf.stack(part) for part in zip(*(loaded[k] for k in sorted(loaded)), strict=True)
        )

    # Two batches at a time, so that no processor waits for the last image of one.
    return records.batch(size, drop_remainder=training).interleave(
        one_batch, cycle_length=2, block_length=1, num_parallel_calls=2, deterministic=True
    )


def _read(split, data):
    """A dataset whose records have been read, of a split that reads several at once."""
    return split.read_ahead(data) if hasattr(split, "read_ahead") else data


def load_image(split, record, layers, key, training):
    """One image of a split through the layers, and its label, in a TensorFlow graph.

    Of an encoded image only what the first layers ask for is decoded; in training, in small where
    it is large. The random numbers are those of the whole image.
    """
    if not hasattr(split, "content"):
        image, label = split.decode(record)
        return apply(layers, image, key, training), label
    content, label = split.content(record)
    sides, halvings, pixels = open_encoded(content, split.upright)
    with _draws(layers, key, training):
        window, rest = windows.first(layers, sides, training)
        if window is None:
            image = pixels((0, 0, *sides), 0)
        else:
            image = windows.read(window, sides, halvings if training else 0, pixels)
        for layer in rest:
            image = layer(image, training=training)
    return image, label


def windowed_example(split, layers, index, key, training):
    """The same in a worker, on Keras's NumPy backend: an array, and the label."""
    try:
        source = (
            io.BytesIO(split.encoded(index)) if hasattr(split, "encoded") else split.paths[index]
        )
        photograph = open_photograph(source, split.upright)
        label = split.labels[index]
    except Exception:  # in other words, if it is of no other kind
        image, label = split[index]
        photograph = as_photograph(image)
    with _draws(layers, key, training):
        window, layers = windows.first(layers, photograph.size[::-1], training)
        try:
            if window is None:
                image = np.asarray(photograph.convert("RGB"))
            else:
                image = windows.read_with_pillow(window, photograph, training)
        except OSError:
            split[index]  # says which file it is, and what to do
            raise
        for layer in layers:
            image = layer(image, training=training)
    return ops.convert_to_numpy(image), label


def _epochs(one_epoch, position):
    """A dataset that asks at each iteration where the training is."""
    import tensorflow as tf

    def now():
        return np.array([position.epoch, position.step], "int64")

    def begin(_):
        epoch, step = tf.unstack(tf.ensure_shape(tf.numpy_function(now, [], tf.int64), (2,)))
        return one_epoch(epoch, step)

    return tf.data.Dataset.from_tensors(0).flat_map(begin)


def _keys(seeds, count, replicas):
    """What a worker's examples draw their random numbers by."""
    import tensorflow as tf

    seeds = tf.random.experimental.stateless_fold_in(seeds, 1)  # not those of the order
    keys = tf.random.stateless_uniform((count,), seeds, 0, 2**30, tf.int64)
    return keys[replicas.worker :: replicas.workers]


def _in_turn(parts):
    data = parts[0]
    for part in parts[1:]:
        data = data.concatenate(part)
    return data


@contextlib.contextmanager
def in_plain_words(*datasets):
    """A context in which an error of files that are read is that error, and not TensorFlow's."""
    try:
        yield
    except Exception as error:
        for data in datasets:
            for each in getattr(data, "raised", ()):
                raise each from error
        raise


def _noted(data, steps, raised):
    """Batches that note when each is taken, in `arrivals`."""
    import tensorflow as tf

    arrivals: collections.deque = collections.deque(maxlen=NOTED)

    def note():
        arrivals.append(time.perf_counter())
        return np.int64(0)

    def take(*batch):
        with tf.control_dependencies([tf.numpy_function(note, [], tf.int64)]):
            return tf.nest.map_structure(tf.identity, batch)

    data = _dealt(data.map(take), steps, raised)
    data.arrivals = arrivals
    return data


def _dealt(data, steps, raised=()):
    """Tells `fit` the steps of an epoch, at whichever it begins and on however many replicas.

    A cardinality that TensorFlow checks would refuse the rest of an epoch.
    """
    import tensorflow as tf

    data.raised = raised
    data.cardinality = lambda: tf.constant(steps, tf.int64)
    data.is_dealt = True  # to the replicas: see `strategies`
    return data


def apply(layers, image, key=0, training=False):
    """One image through the layers, whose random numbers follow from `key` alone."""
    with _draws(layers, key, training):
        for layer in layers:
            image = layer(image, training=training)
    return image


def _draws(layers, key, training):
    """A scope in which the layers draw random numbers that follow from `key` alone.

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
    return keras.StatelessScope(values if training else None)


class _ImageBatches(keras.utils.PyDataset):
    """Prepares the next batch, in threads, while one is in use.

    Keras's own workers would lose the batch from which `fit` learns the shapes.
    """

    def __init__(self, split, layers, batch_size, seed, targets, position):
        super().__init__()
        self.split, self.layers, self.batch_size = split, layers, batch_size
        self.seed, self.targets = seed, targets
        self.position, self.next = position, {}
        self.arrivals = collections.deque(maxlen=NOTED)
        full, rest = divmod(len(split), batch_size)
        self.steps = full + (rest > 0 and seed is None)
        self.threads = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self.on_epoch_begin()
        self.processes = None
        self._example(0, 0)  # builds the layers, before threads can get into each other's way
        if hasattr(split, "content") and len(split) >= LONG:
            # Layers or splits of one's own may be of classes that no other process knows.
            with contextlib.suppress(pickle.PicklingError, AttributeError, TypeError):
                self.processes = Workers(split, layers, seed is not None, os.cpu_count())

    def __len__(self):
        return self.steps

    @property
    def num_batches(self):
        return self.steps - self.position.step

    def on_epoch_begin(self):
        self.next.clear()
        n = len(self.split)
        random = np.random.default_rng([self.seed or 0, self.position.epoch])
        self.order = np.arange(n) if self.seed is None else random.permutation(n)
        self.keys = random.integers(2**30, size=n)
        if self.seed is not None and hasattr(self.split, "order"):  # its own, for quick reading
            self.order = self.split.order(self.seed, self.position.epoch)

    def __getitem__(self, index):
        index += self.position.step
        examples = self.next.pop(index, None) or self._start(index)
        if index + 1 < self.steps:
            self.next = {index + 1: self._start(index + 1)}
        images, labels = zip(*examples, strict=True)
        batch = np.stack(images), self.targets(np.array(labels))
        self.arrivals.append(time.perf_counter())
        return batch

    def _start(self, index):
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.threads.map(self._example, self.order[part], self.keys[part])

    def _example(self, index, key):
        index, key, damaged = int(index), int(key), getattr(self.split, "damaged", ())
        if self.processes and index not in damaged:
            try:
                return self.processes.example(index, key)
            except ValueError:
                if not hasattr(self.split, "sound"):
                    raise
        read = getattr(self.split, "sound", self.split.__getitem__)
        image, label = read(index)
        with keras.device("cpu"):
            image = apply(self.layers, image, key, self.seed is not None)
        return ops.convert_to_numpy(image), label
