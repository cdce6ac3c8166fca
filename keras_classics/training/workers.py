"""Processes that read photographs where TensorFlow does not: with JAX and PyTorch.

These dispatch each operation of a layer on its own, which takes ten times as long as the work on a
photograph. A worker runs the same layers on Keras's NumPy backend, and Pillow decodes and resizes.
"""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import weakref

# Modules are those of the process that asks, wherever it found them.
SERVE = "import sys; sys.path[:] = {}; from keras_classics.training import workers; workers.serve()"


class Workers:
    """Processes that read examples of a split, each for one thread at a time.

    They end with this object, and with this process, however it ends: they read from it.

    Args:
        split: A split of encoded images.
        layers: Layers, built if they have weights.
        training: Whether the layers draw at random.
        count: Number of processes.

    Raises:
        pickle.PicklingError, AttributeError, TypeError: If split or layers cannot be sent.
    """

    def __init__(self, split, layers, training, count):
        # Classes by their names, arrays by their values: no tensor of this backend.
        made = [
            (type(layer), layer.get_config(), layer.get_build_config(), layer.get_weights())
            for layer in layers
        ]
        job = pickle.dumps((split, made, training))
        environment = os.environ | {
            "KERAS_BACKEND": "numpy",
            "OMP_NUM_THREADS": "1",
            "JAX_PLATFORMS": "cpu",
        }
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", SERVE.format(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
            for _ in range(count)
        ]
        self.idle = queue.SimpleQueue()
        for process in processes:
            # On Linux an image goes through at once, where the system grants so much.
            with contextlib.suppress(AttributeError, ImportError, OSError):
                import fcntl

                fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 2**20)
            process.stdin.write(job)
            process.stdin.flush()
            self.idle.put(process)
        weakref.finalize(self, _end, processes)

    def example(self, index, key):
        """The image of a position in the split, as an array, and its label.

        Raises:
            Exception: What reading it raised in the worker.
            RuntimeError: If the worker is gone.
        """
        process = self.idle.get()
        try:
            pickle.dump((index, key), process.stdin)
            process.stdin.flush()
            result = pickle.load(process.stdout)
        except (OSError, EOFError) as error:
            raise RuntimeError(
                "A process that reads images ended, perhaps for lack of memory. Received: exit "
                f"status {process.wait()}"
            ) from error
        finally:
            self.idle.put(process)
        if isinstance(result, Exception):
            raise result
        return result


def _end(processes):
    for process in processes:
        process.kill()
        process.wait()
        with contextlib.suppress(BrokenPipeError):  # of what it never read
            process.stdin.close()
        process.stdout.close()


def serve() -> None:
    """Reads what `Workers` asks for, until it is gone."""
    from keras_classics.training import inputs

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asking process's
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    split, made, training = pickle.load(asked)
    layers = [_remade(*parts) for parts in made]
    while True:
        try:
            index, key = pickle.load(asked)
        except EOFError:
            return
        try:
            result = inputs.windowed_example(split, layers, index, key, training)
            result = pickle.dumps(result, protocol=5)
        except Exception as error:  # is the caller's
            result = pickle.dumps(error)
        answers.write(result)
        answers.flush()


def _remade(cls, config, build_config, weights):
    layer = cls.from_config(config)
    if build_config:
        layer.build_from_config(build_config)
    layer.built = True
    layer.set_weights(weights)
    return layer
