"""What a training is made of at a step, kept in its folder: it can go on from there."""

import concurrent.futures
import contextlib
import json
import math
import os
import pathlib
import signal
import threading
import time
import warnings

import keras
import numpy as np

from keras_classics import backend, tables
from keras_classics.atomic import atomic
from keras_classics.training import files

FILES = files.CHECKPOINTS
SECONDS = 60  # at least, between two checkpoints within an epoch
TOGETHER = 16  # steps after which workers ask each other
SHARE = 0.01  # of the time, at most, goes into checkpoints


class Interrupted(KeyboardInterrupt):
    """A training that was asked to stop, by Ctrl-C or the signal TERM.

    `train(..., resume=True)` goes on with it.

    Args:
        words: Where the training stands.
        folder: Folder of the run.

    Example:

    ```python
    from keras_classics import training

    try:
        raise training.Interrupted("The last good checkpoint is of step 7.", "runs/mine")
    except training.Interrupted as stopped:
        print(f"{stopped} Resume the run in {stopped.folder}.")
    ```
    """

    def __init__(self, words: str, folder: str | os.PathLike):
        super().__init__(words)
        self.folder = folder


class Averaged(keras.callbacks.Callback):
    """Validates the averages of the weights, of an optimizer that has them (`use_ema`).

    They are what a training leaves in the end, and what is kept as the best.
    """

    def on_test_begin(self, logs=None):
        backend.sync_variables(self.model)
        variables = self.model.trainable_variables
        self.values = [keras.ops.convert_to_numpy(variable) for variable in variables]
        self.model.optimizer.finalize_variable_values(variables)
        for variable in variables:  # of arrays of its own: JAX gives those of the test away
            variable.assign(np.array(keras.ops.convert_to_numpy(variable)))

    def on_test_end(self, logs=None):
        for variable, value in zip(self.model.trainable_variables, self.values, strict=True):
            variable.assign(value)

    @contextlib.contextmanager
    def swapped(self):
        """The model with the averages."""
        self.on_test_begin()
        try:
            yield
        finally:
            self.on_test_end()


class Checkpoints(keras.callbacks.Callback):
    """Keeps a training in its folder, so that it goes on from there as if nothing had happened.

    A checkpoint has all variables of the model and of its optimizer (seeds and learning rate
    are among them), the numbers that the other callbacks remember, the epoch, the step, and the
    history. The batches that are left follow from the seed, the epoch and the step.

    A checkpoint is written at the end of an epoch and within it, as long as this takes a hundredth
    of the time at most. One is always written after the last epoch, and when the signals INT
    (Ctrl-C) or TERM ask the training to stop; it stops after the running step. Several workers
    ask each other every 16 steps whether one is to be written, or any was asked to stop. The
    variables are copied between two steps, and written in a thread beside the training, which
    waits for it only before the next file and at the end. So is the best network.

    Args:
        folder: The run's folder.
        position: The `inputs.Position` that the training batches read.
        others: The other callbacks; this one comes last.
        epochs: Epochs of the training.
        steps: Steps of an epoch.
        writes: Whether this process writes, the first worker of several.
        together: Of several workers, a function of a flag that says whether it is set for any.
        best: Name of a logged value; the network of the highest goes into `best.keras`.
        twin: The same network with variables of its own, which receives and writes the best.
        lock: The `lock.Lock` of the folder, if there is one: another process may have taken it
            while this one was asleep.

    Raises:
        RuntimeError: In `fit`, if another process has taken the folder.
        FloatingPointError: In `fit`, if the loss or a variable is not finite.
        OSError: In `fit`, if a file cannot be written; earlier checkpoints stay.
        Interrupted: In `fit`, if the training was asked to stop.
    """

    def __init__(
        self,
        folder,
        position,
        others,
        epochs,
        steps,
        writes=True,
        together=None,
        best=None,
        twin=None,
        lock=None,
    ):
        super().__init__()
        self.folder, self.position, self.others = pathlib.Path(folder), position, list(others)
        self.epochs, self.steps, self.writes, self.together = epochs, steps, writes, together
        self.monitor, self.twin, self.lock = best, twin, lock
        self.asked = self.cut = False
        self.last = None  # the name of the last checkpoint that is complete
        self.at = (0, 0)  # the epoch and the step of it
        self.values = None  # of the variables, until the training goes on
        self.state = {"epoch": 0, "step": 0, "rows": [], "seconds": 0.0, "best": -math.inf}
        self.begun = self.saved = time.monotonic()
        self.cost = 0.0  # seconds that a checkpoint takes, most of them beside the training
        self.writer = concurrent.futures.ThreadPoolExecutor(1, "checkpoint")
        self.writing = []  # futures of files, which the thread writes one after the other

    @property
    def ended(self):
        """Whether all epochs are done, or early stopping ended them."""
        return self.state["epoch"] == self.epochs or self.state.get("stopped", False)

    @property
    def seconds(self):
        """Seconds of training, without those that an interruption lost."""
        return self.state["seconds"] + time.monotonic() - self.begun

    def load(self):
        """Reads the last complete checkpoint; without any, the training begins."""
        found = {name: read(self.folder / name) for name in FILES if (self.folder / name).exists()}
        complete = {name: (s["epoch"], s["step"]) for name, (s, _) in found.items() if s}
        if found and not complete:
            raise ValueError(
                f"{self.folder} has no complete checkpoint. Remove {' and '.join(found)}, and "
                "--resume trains from the beginning."
            )
        if complete:
            self.last = max(complete, key=complete.get)
            self.state, self.values = found[self.last]
            self.at = complete[self.last]

    def restore(self):
        """Gives the variables and the callbacks what the checkpoint has of them."""
        within = self.state["step"] > 0 and self.model.metrics_variables
        variables = self._variables(within)
        values = self.values if within else self.values[: len(variables)]
        if [tuple(v.shape) for v in variables] != [v.shape for v in values]:
            raise ValueError(
                f"{self.folder / self.last} is of another network: expected {len(variables)} "
                f"variables. Received: {len(values)}, or other shapes"
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        remembered = list(self.state["callbacks"])
        for callback in self.others:  # those that are there again
            found = next((r for r in remembered if r[0] == type(callback).__name__), None)
            if found:
                remembered.remove(found)
                vars(callback).update(found[1])

    @contextlib.contextmanager
    def listening(self):
        """Notes the signals that ask the training to stop; a second one stops it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
        # What is ignored, as in the background of a shell, stays so.
        before = {each: old for each, old in before.items() if old not in (signal.SIG_IGN, None)}

        def reset():
            for each, handler in before.items():
                signal.signal(each, handler)

        def note(number, frame):
            self.asked = True
            reset()

        for each in before:
            signal.signal(each, note)
        try:
            yield
        finally:
            reset()

    def on_train_begin(self, logs=None):
        if self.values is not None:
            self.restore()

    def on_epoch_begin(self, epoch, logs=None):
        self.first = self.state["step"]
        if self.first:  # again: Keras and other callbacks have begun the epoch anew
            self.restore()
        self.values = None
        self.position.epoch, self.position.step = epoch, self.first
        self.state |= {"epoch": epoch, "step": 0}

    def on_train_batch_end(self, batch, logs=None):
        if any(each.done() for each in self.writing):
            self._raise_of_ended()
        done = min(self.first + batch + 1, self.steps)
        if not np.isfinite(float(logs["loss"])):
            self.join()
            raise FloatingPointError(self._refusal(f"loss of {float(logs['loss'])}", done))
        if done == self.steps and self.first and backend.counts_missing_steps():
            # An epoch that goes on is shorter than Keras expects.
            self.model.stop_training = self.cut = True
        if done == self.steps:
            return
        due = self.writes and self._due(SECONDS)
        if self.together:
            if done % TOGETHER:
                return
            due, self.asked = self.together(due), self.together(self.asked)
        if self.asked or due:
            self.join()
            self._save(done)
        if self.asked:
            self._stop()

    def on_test_begin(self, logs=None):
        if self.cut:  # only the epoch had to stop
            self.model.stop_training = self.cut = False

    def on_epoch_end(self, epoch, logs=None):
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        row = {"epoch": epoch, "learning_rate": float(rate)} | logs
        self.state["rows"].append({name: _number(value) for name, value in row.items()})
        if self.writes:
            write_history(self.folder, self.state["rows"])
        if self.monitor and logs[self.monitor] > self.state["best"]:
            self.state["best"] = float(logs[self.monitor])
            if self.writes:
                self.join()
                self._keep_best()
        self.position.step = 0
        self.state |= {"epoch": epoch + 1, "stopped": bool(self.model.stop_training)}
        if self.together:
            self.asked = self.together(self.asked)
        if self.ended or self.asked or self._due(0):
            self._save(0)
        if self.asked and not self.ended:
            self._stop()

    def _stop(self):
        self.join()
        raise Interrupted(self.standing(), self.folder)

    def _due(self, seconds):
        return time.monotonic() - self.saved >= max(seconds, self.cost / SHARE)

    def _variables(self, with_metrics):
        backend.sync_variables(self.model)
        self.model.optimizer.build(self.model.trainable_variables)
        metrics = self.model.metrics_variables if with_metrics else []
        return [*self.model.variables, *self.model.optimizer.variables, *metrics]

    def _keep_best(self):
        """Begins to write the network. The training waits for the copy of its variables alone."""
        with contextlib.ExitStack() as stack:
            for each in self.others:
                if isinstance(each, Averaged):
                    stack.enter_context(each.swapped())
            backend.sync_variables(self.model)
            for copy, variable in zip(self.twin.variables, self.model.variables, strict=True):
                copy.assign(_copy(variable))

        def write_beside():
            with atomic(self.folder / "best.keras") as path:
                self.twin.save(path)

        self._begin(write_beside)

    def _begin(self, write_beside):
        """Lets the thread write a file, if the folder is still this process's own."""
        if self.lock is not None:
            self.lock.take()
        self.writing.append(self.writer.submit(write_beside))

    def _save(self, done):
        """Begins to write a checkpoint. The training waits for the copy of its variables alone."""
        if not self.writes:
            if done:  # of metrics, all workers add up what each has
                list(map(_copy, self.model.metrics_variables))
            return
        begin = time.monotonic()
        values = [_copy(variable) for variable in self._variables(done > 0)]
        state = self.state | {
            "step": done,
            "seconds": self.seconds,
            "callbacks": [(type(each).__name__, _numbers(each)) for each in self.others],
        }
        refusal = self._refusal("variable that is not finite", done or self.steps)
        name, text = FILES[self.last == FILES[0]], json.dumps(state)  # at once: the history grows
        copied = time.monotonic() - begin

        def write_beside():
            begin = time.monotonic()
            try:
                if not all(np.isfinite(value).all() for value in values):
                    raise FloatingPointError(refusal)
                write(self.folder / name, text, values)
                self.last, self.at = name, (state["epoch"], done)
            finally:
                self.cost = copied + time.monotonic() - begin

        self.cost = math.inf  # until it is known, no other one is due, which would have to wait
        self.saved = time.monotonic()
        self._begin(write_beside)

    def join(self):
        """Waits until all files are complete that are being written.

        Raises:
            FloatingPointError: If a variable of a checkpoint is not finite.
            OSError: If a file could not be written.
        """
        concurrent.futures.wait(self.writing)
        self._raise_of_ended()

    def _raise_of_ended(self):
        """Raises the first error of the files that have been written."""
        ended = [each for each in self.writing if each.done()]
        self.writing = [each for each in self.writing if each not in ended]
        for each in ended:
            each.result()

    @contextlib.contextmanager
    def complete(self):
        """A context at whose end all files are complete, however it ends."""
        try:
            yield
        except BaseException as error:
            try:
                self.join()
            except (FloatingPointError, OSError) as other:
                error.add_note(str(other))
            raise
        else:
            self.join()
        finally:
            self.writer.shutdown()

    def _refusal(self, what, done):
        """The words of an error that ends the training."""
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        steps = getattr(self.model, "steps_per_execution", 1)
        of = f"step {done}" if steps == 1 else f"the {steps} steps up to {done}"
        return (
            f"Training ended in epoch {self.position.epoch + 1}, {of} of {self.steps}, at the "
            f"learning rate {rate:g}, with a {what}. {self.standing()} A smaller learning "
            "rate may help, or gradients that are clipped."
        )

    def standing(self):
        """Where the training would go on from, in words."""
        if self.last is None:
            return f"There is no checkpoint in {self.folder} yet."
        epoch, step = self.at
        path = self.folder / self.last
        return f"The last good checkpoint is {path} (epoch {epoch + 1}, step {step})."


def _copy(variable):
    """The value of a variable, which the next step does not change."""
    value = keras.ops.convert_to_numpy(variable)
    if value.dtype.name == "bfloat16":  # which NumPy's files do not know, and float32 holds
        return value.astype("float32")
    return value if value.flags.owndata else value.copy()  # of PyTorch it is the variable's own


def write(path, state, values):
    """Writes a checkpoint: a state, as JSON, and arrays."""
    arrays = {f"{number:05}": value for number, value in enumerate(values)}
    with atomic(path) as part:
        np.savez(part, state=state, **arrays)


def read(path):
    """The state and the arrays of a checkpoint; of one that is not complete `(None, None)`."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = sorted(set(arrays.files) - {"state"})
            return json.loads(str(arrays["state"])), [arrays[name] for name in names]
    except Exception as error:  # what is torn may raise nearly anything
        warnings.warn(f"{path} is left out: it is not complete ({error})", stacklevel=2)
        return None, None


def write_history(folder, rows):
    """Writes `history.csv`: a row an epoch."""
    with atomic(folder / "history.csv") as path:
        tables.write_csv(path, rows)


def _numbers(callback):
    """What a callback remembers, as far as it is numbers."""
    kinds = (bool, int, float, np.number, np.bool_, type(None))
    return {k: _number(v) for k, v in vars(callback).items() if isinstance(v, kinds)}


def _number(value):
    return value.item() if isinstance(value, (np.generic, np.ndarray)) else value
