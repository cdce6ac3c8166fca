"""What one sees of a training: its speed beside that of its input, and TensorBoard."""

import importlib.util
import math
import os
import time
import warnings

import keras
import numpy as np

from keras_classics.checks import install
from keras_classics.training import files

FIRST = 30.0  # seconds after which it is said what the brake is, for the first time
BUSY = 0.8  # share of the processors' time from which on they are the brake
BRAKE = 0.25  # share of the time from which on a training waits for its input


class Rate(keras.callbacks.Callback):
    """Counts the images a second that a training learns from, without its first step.

    Of photographs it says in the first epoch what the training waits for, its input or its
    network: after half a minute, and at the end.

    Args:
        batch_size: Images a step.
        batches: The training batches. Those of photographs note in `arrivals` when each came.
        folder: The folder of the images, if it can be packed.
        verbose: Whether it says anything.
    """

    def __init__(self, batch_size, batches=None, folder=None, verbose=False):
        super().__init__()
        self.batch_size, self.images, self.seconds, self.began = batch_size, 0, 0.0, None
        self.arrivals = getattr(batches, "arrivals", None)
        self.folder, self.verbose = folder, verbose and self.arrivals is not None
        self.waited, self.busy, self.after = 0.0, time.process_time(), FIRST

    def on_train_batch_end(self, batch, logs=None):
        now, done = time.perf_counter(), batch + 1
        if self.began is not None:  # the first step is traced and compiled
            self.images += (done - self.done) * self.batch_size
            self.seconds += now - self.began
            self.waited += sum(self._waits())
        elif self.arrivals is not None:
            self.arrivals.clear()
            self.busy = time.process_time()
        self.began, self.done = now, done
        if self.verbose and self.seconds > self.after:
            self.after = math.inf
            self._say()

    def _waits(self):
        """Seconds that the network has waited for the batches of this step."""
        latest = self.began
        while self.arrivals:
            came = self.arrivals.popleft()
            yield max(0.0, came - latest)
            latest = max(came, latest)

    def on_epoch_begin(self, epoch, logs=None):
        if self.began is not None:
            self.began, self.done = time.perf_counter(), 0

    def on_epoch_end(self, epoch, logs=None):
        if self.verbose and self.rate:
            self._say()
            self.verbose = False

    def _say(self):
        share = self.share
        if share < BRAKE:
            words = f"The network is the brake: it waits for its input {share:.0%} of the time."
        else:
            alone = self.images / max(self.seconds - self.waited, 1e-9)
            busy = (time.process_time() - self.busy) / self.seconds / (os.cpu_count() or 1)
            pack = f" (keras-classics pack {self.folder} OUT" if self.folder else ""
            smaller, larger = (pack and f"{pack}{flag})" for flag in (" --short_side=480", ""))
            words = (
                f"The input is the brake: the network waits for it {share:.0%} of the time, and "
                f"could learn from {alone:,.0f} images a second. "
            ) + (
                f"All processors are busy: smaller images help{smaller}, or more processors."
                if busy > BUSY
                else f"The processors are busy {busy:.0%} of the time alone: a faster disk helps, "
                f"or fewer and larger files{larger}."
            )
        print(f"\n{self.rate:,.0f} images a second. {words}", flush=True)

    @property
    def share(self):
        """The share of the time in which the network has waited for its input, of photographs."""
        return self.waited / self.seconds if self.seconds else 0.0

    @property
    def rate(self):
        """Images a second; `None` if there was one step only."""
        return self.images / self.seconds if self.seconds else None


class Replaced(keras.callbacks.Callback):
    """Names the files that could not be decoded, once each, and writes them into the run folder.

    Args:
        folder: The run's folder.
        data: The data.
        known: Paths of the files that the run has named already.
        worker: Number of the worker.
    """

    def __init__(self, folder, data, known, worker):
        super().__init__()
        self.folder, self.data, self.known, self.worker = folder, data, set(known), worker
        self.splits = [split for split in data.splits if hasattr(split, "damaged")]
        self.count = 0

    def note(self):
        """Names those that are new."""
        count = sum(len(split.damaged) for split in self.splits)
        if count == self.count:
            return
        self.count, found = count, self.data.damaged
        new = {path: why for path, why in sorted(found.items()) if path not in self.known}
        if new:
            files.write_replaced(self.folder, self.worker, found)
            warnings.warn(
                f"{self.data.words(new)}. The next file takes the place of each.", stacklevel=2
            )
        self.known |= set(new)

    def on_train_begin(self, logs=None):
        self.note()

    def on_train_batch_end(self, batch, logs=None):
        self.note()

    def on_epoch_end(self, epoch, logs=None):
        self.note()


def input_rate(batches, seconds):
    """Images a second that batches give by themselves, for some seconds or an epoch."""
    images, began = 0, None
    for x, *_ in batches:
        now = time.perf_counter()
        if began is not None:  # the first batch waits for all of the pipeline
            images += len(x)
            if now - began > seconds:
                break
        began = began or now
    spent = time.perf_counter() - (began or 0)
    return images / spent if images else None


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras's TensorBoard, with pictures of the kernels of the first layer after each epoch.

    Args:
        folder: Folder of the logs.

    Raises:
        ImportError: Without the packages tensorboard and tensorflow.

    Example:

    ```python
    import tempfile

    import keras
    import numpy as np

    from keras_classics import training

    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    board = training.TensorBoard(tempfile.mkdtemp())
    model.fit(np.ones((4, 8, 8, 3)), np.ones((4, 2)), callbacks=[board], verbose=0)
    print(f"tensorboard --logdir={board.folder}")
    ```
    """

    def __init__(self, folder: str | os.PathLike):
        for package in ("tensorboard", "tensorflow"):
            if importlib.util.find_spec(package) is None:
                raise ImportError(
                    f"TensorBoard needs its extra: {install('tensorboard')}. "
                    f"Received: no package {package}"
                )
        super().__init__(folder, write_graph=True)
        self.folder, self.pictures = folder, None

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        kernel = next((w for w in self.model.trainable_weights if len(w.shape) == 4), None)
        if kernel is None:
            return
        import tensorflow as tf

        tiles = np.moveaxis(keras.ops.convert_to_numpy(kernel).astype("float32"), -1, 0)
        if tiles.shape[-1] != 3:  # one picture for each channel that a kernel reads
            tiles = np.moveaxis(tiles, -1, 1).reshape(-1, *tiles.shape[1:3], 1)
        low, high = tiles.min(), tiles.max()
        self.pictures = self.pictures or tf.summary.create_file_writer(str(self.folder))
        with self.pictures.as_default():
            scaled = (tiles - low) / (high - low or 1)
            tf.summary.image(kernel.path, scaled, step=epoch, max_outputs=64)
