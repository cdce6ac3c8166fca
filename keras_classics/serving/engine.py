"""What is asked of OpenVINO: to read a network, to quantize it, to compile and to compute it."""

import functools
import json
import logging
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_classics import backend
from keras_classics.checks import install
from keras_classics.serving import transposes, writer

PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}  # as OpenVINO names them


def library() -> Any:
    """The module `openvino`.

    Raises:
        ImportError: If it is not installed; the message names the extra.
    """
    try:
        import openvino
    except ImportError as error:
        raise ImportError(f"Networks are served by OpenVINO: {install('openvino')}") from error
    return openvino


@functools.cache
def core() -> Any:
    """The `Core` that compiles and reads all graphs. It stays as long as the process.

    Its plugin gives the thread that loads it memory for signal handlers. Where another thread
    frees the last of them, OpenVINO 2026.4 leaves the first one with memory that is gone, and the
    next signal ends the process.
    """
    made = library().Core()
    made.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin
    return made


def convert(network: keras.Model) -> Any:
    """A network as a graph of OpenVINO's operations, for batches of any size.

    Args:
        network: A functional model, in float32.

    Returns:
        An `openvino.Model`.

    Raises:
        ValueError: If Keras's OpenVINO backend cannot compute it.
    """
    reader = library().Core()
    reader.set_property({"ENABLE_MMAP": False})  # the files do not stay
    with tempfile.TemporaryDirectory() as folder:
        source, target = (os.path.join(folder, name) for name in ("network.keras", "network.xml"))
        network.save(source)
        if backend.name() == "openvino":
            writer.write(source, target)
        else:
            _write_in_a_process(source, target)
        model = reader.read_model(target)
    from openvino import passes

    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())  # kernels in the order of OpenVINO
    manager.run_passes(model)
    transposes.sink(model)
    return model


def _write_in_a_process(source, target):
    environment = {
        **os.environ,
        "KERAS_BACKEND": "openvino",
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
    }
    command = [sys.executable, "-m", writer.__name__, source, target, *_modules(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(
            "Keras's OpenVINO backend could not write this network. It ended with:\n"
            + "\n".join(done.stderr.strip().splitlines()[-12:])
        )


def _modules(path):
    """The modules that define the classes and functions of a `.keras` file, beyond Keras's own."""
    with zipfile.ZipFile(path) as file:
        config = json.loads(file.read("config.json"))
    found = {}
    stack = [config]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if part.get("registered_name"):
                thing = keras.saving.get_registered_object(part["registered_name"])
                module = part["module"] if thing is None else thing.__module__
                found[module] = part["class_name"]
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
    if "__main__" in found:
        raise ValueError(
            f"{found['__main__']} is defined in the program that runs, and OpenVINO's graph is "
            "made in another process: move it to a module that can be imported."
        )
    return sorted(name for name in found if name and name.split(".")[0] not in _KNOWN)


_KNOWN = ("builtins", "keras", "keras_classics")  # the program imports them


def quantize(model: Any, images: Iterable[np.ndarray]) -> Any:
    """A graph whose convolutions and products compute in int8.

    Args:
        model: An `openvino.Model`.
        images: What the network is given, `(height, width, channels)`: the ranges of all maps are
            those of these images.

    Returns:
        An `openvino.Model`.

    Raises:
        ImportError: If NNCF, OpenVINO's quantizer, is not installed.
    """
    try:
        import nncf
    except ImportError as error:
        raise ImportError(
            f"int8 takes NNCF, OpenVINO's quantizer: {install('openvino')}"
        ) from error
    core()  # before NNCF makes one of its own, which goes again
    nncf.set_log_level(logging.ERROR)
    batches = [image[None] for image in images]
    attends = any(node.get_type_name() == "ScaledDotProductAttention" for node in model.get_ops())
    attends = attends or sum(node.get_type_name() == "Softmax" for node in model.get_ops()) > 1
    return nncf.quantize(
        model,
        nncf.Dataset(batches),
        subset_size=len(batches),
        preset=nncf.QuantizationPreset.MIXED,
        model_type=nncf.ModelType.TRANSFORMER if attends else None,
    )


class Engine:
    """A graph, compiled for the processor. Any number of threads may call it at once.

    Args:
        model: An `openvino.Model`.
        precision: `"float32"`, `"bfloat16"`, or `None` for the engine's choice.
        threads: Processors that compute; `None` for all.
        streams: Batches that are computed at the same time, each on its share of the threads.
    """

    def __init__(
        self, model: Any, precision: str | None = None, threads: int | None = None, streams: int = 1
    ):
        options: dict[str, Any] = {"NUM_STREAMS": streams, "PERFORMANCE_HINT": "LATENCY"}
        if precision is not None:
            options["INFERENCE_PRECISION_HINT"] = PRECISIONS[precision]
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core().compile_model(model, "CPU", options)
        self._requests: queue.LifoQueue = queue.LifoQueue()

    @property
    def precision(self) -> str:
        """What convolutions and products compute in where they are not quantized."""
        hint = self._compiled.get_property("INFERENCE_PRECISION_HINT")
        return {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}[hint.get_type_name()]

    def __call__(self, batch: np.ndarray) -> list[np.ndarray]:
        try:  # a request serves one thread at a time
            request = self._requests.get_nowait()
        except queue.Empty:
            request = self._compiled.create_infer_request()
        try:
            results = request.infer({0: batch}, share_inputs=True)
            return [np.array(results[k]) for k in range(len(results))]
        finally:
            self._requests.put(request)


def save(model: Any, path: pathlib.Path) -> None:
    """Writes a graph to an `.xml` file and a `.bin` file beside it, in float32."""
    library().save_model(model, path, compress_to_fp16=False)


def load(path: pathlib.Path) -> Any:
    """Reads what `save` wrote; the weights stay on the disk until they are needed."""
    return core().read_model(path)
