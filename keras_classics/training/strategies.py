"""Several devices and several machines, by tf.distribute, whose gaps under Keras 3 it mends."""

import contextlib
import dataclasses
import functools
import json
import os
import re
from typing import Any

import keras

from keras_classics import backend

NAMES = ("auto", "default", "mirrored", "multi-worker")


def strategy(name: str = "auto") -> Any:
    """What a model is made and trained under, to train on several devices.

    Every replica computes the gradient of its share of a batch; all apply the mean. `fit`,
    `evaluate` and `predict` work as on one device, on every worker at once, and their metrics,
    which callbacks see, are those of all replicas together. Moving averages, such as those of
    `BatchNormalization`, take the mean over the replicas at each step, so that all hold the same
    weights; a batch's own statistics are those of a replica's share, unless the layer is
    `synchronized`.

    Args:
        name: `"default"`, one device; `"mirrored"`, all GPUs of this machine, or without one
            all logical CPUs; `"multi-worker"`, the machines that `TF_CONFIG` names, or the tasks
            of a Slurm step; `"auto"`, whichever of them this process was started for.

    Returns:
        A `tf.distribute.Strategy`. On JAX, for several devices of one process, a
        `keras.distribution.DataParallel`; there and on PyTorch, for one, an object with `scope()`.

    Raises:
        ValueError: If the backend has no such strategy, or nothing names the workers.
        RuntimeError: If TensorFlow was used before `"multi-worker"`.

    Example:

    ```python
    import keras
    import numpy as np

    from keras_classics import training

    strategy = training.strategy()  # "multi-worker" comes before anything else of TensorFlow
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        model.compile("sgd", "mse")
    # Batches are of all replicas together: each gets its share.
    model.fit(np.ones((8, 4)), np.ones((8, 2)), batch_size=4, verbose=0)
    ```
    """
    name = str(name).replace("_", "-")
    if name not in NAMES:
        raise ValueError(
            f"`strategy` must be one of {', '.join(NAMES)}: Keras 3 trains under no other, no "
            f"parameter server above all. Received: {name!r}"
        )
    if backend.distribution() != "tf.distribute":
        return _of_other_backends(name)
    import tensorflow as tf

    cluster = _cluster() if name in ("auto", "multi-worker") else {}
    gpus = tf.config.list_logical_devices("GPU") if name != "multi-worker" and not cluster else []
    if name == "auto":
        name = "multi-worker" if cluster else "mirrored" if len(gpus) > 1 else "default"
    if name == "default":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = gpus or tf.config.list_logical_devices("CPU")
        return _mirrored()([device.name for device in devices])
    if not cluster:
        raise ValueError(
            "Several workers have to know of each other: start each with TF_CONFIG, or all with "
            "Slurm's srun. Received: neither TF_CONFIG nor SLURM_STEP_NUM_TASKS above 1"
        )
    if "ps" in cluster["cluster"]:
        raise ValueError(
            "Keras 3 does not train with parameter servers: name workers only. Received: "
            f"TF_CONFIG={json.dumps(cluster)}"
        )
    os.environ["TF_CONFIG"] = json.dumps(cluster)
    return _multi_worker()()


@dataclasses.dataclass(frozen=True)
class Replicas:
    """Which worker of how many this process is, and how many replicas each worker has."""

    worker: int = 0
    workers: int = 1
    local: int = 1

    @property
    def is_chief(self):
        """Whether this process writes: the first worker, or the only one."""
        return self.worker == 0

    @property
    def count(self):
        """Replicas of all workers."""
        return self.workers * self.local


def replicas(strategy=None):
    """The `Replicas` of a strategy; default: of the one in whose scope this is called."""
    if backend.distribution() == "keras.distribution":
        distribution = strategy or keras.distribution.distribution()
        mesh = getattr(distribution, "device_mesh", None)
        return Replicas(local=mesh.devices.size if mesh else 1)
    if backend.distribution() is None:
        return Replicas()
    import tensorflow as tf

    strategy = strategy or tf.distribute.get_strategy()
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is None or not resolver.cluster_spec():
        return Replicas(local=strategy.num_replicas_in_sync)
    jobs = resolver.cluster_spec().as_dict()
    chiefs = len(jobs.get("chief", ()))
    workers = chiefs + len(jobs.get("worker", ()))
    worker = resolver.task_id + (0 if resolver.task_type == "chief" else chiefs)
    return Replicas(worker, workers, strategy.num_replicas_in_sync // workers)


def synchronize(model, synchronized):
    """Whether the batch normalizations of a model take the statistics of all replicas' images."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = synchronized


def agree(strategy, number=0.0):
    """Waits for all workers, and says whether all came with the same number.

    A worker that waits notices when another one is lost.
    """
    return replicas(strategy).workers == 1 or bool((_of_all(strategy, number) == number).all())


def any_of(strategy, flag):
    """Whether a flag is set for any worker. All have to ask at the same step."""
    return bool(flag) if replicas(strategy).workers == 1 else _of_all(strategy, flag).any()


def _of_all(strategy, number):
    """The numbers of all replicas, with which their workers came here."""
    import tensorflow as tf

    return _gathering(strategy)(tf.constant(float(number), tf.float64)).numpy()


@functools.cache
def _gathering(strategy):
    import tensorflow as tf

    @tf.function
    def given(number):
        return strategy.run(lambda: tf.reshape(number, (1,)))

    return lambda number: strategy.gather(given(number), axis=0)


def refuse_unsupported(model, strategy):
    """Refuses what Keras cannot do on several replicas, before the first step.

    Args:
        model: A compiled model.
        strategy: What it is trained under.

    Raises:
        ValueError: If the model's `compile` asks for it.
    """
    count = replicas(strategy).count if backend.distribution() == "tf.distribute" else 1
    reasons = {
        "jit_compile=True": model.jit_compile is True,
        "steps_per_execution above 1": model.steps_per_execution > 1,
        "gradient_accumulation_steps": bool(model.optimizer.gradient_accumulation_steps),
    }
    asked = [name for name, is_asked in reasons.items() if is_asked]
    if count > 1 and asked:
        raise ValueError(
            "On several replicas Keras cannot train with jit_compile=True, steps_per_execution or "
            "gradient_accumulation_steps: replicas exchange their gradients in the middle of a "
            f"step. Received: {', '.join(asked)} on {count} replicas"
        )


def _of_other_backends(name):
    shares = backend.distribution() is not None
    devices = keras.distribution.list_devices() if shares else [None]
    if name == "multi-worker" or (name == "mirrored" and not shares):
        raise ValueError(
            f"The {backend.name()} backend does not train under the strategy {name!r} "
            "here: KERAS_BACKEND=tensorflow does."
        )
    if name == "mirrored" or (name == "auto" and len(devices) > 1):
        return keras.distribution.DataParallel(devices=devices)
    return ONE


class _OneDevice:
    """Stands for a strategy where there is none."""

    num_replicas_in_sync = 1

    def scope(self):
        return contextlib.nullcontext()


ONE = _OneDevice()


def _cluster():
    """`TF_CONFIG` as a dictionary; made of Slurm's variables if there is none; empty if neither."""
    if os.environ.get("TF_CONFIG"):
        return _checked(os.environ["TF_CONFIG"])
    tasks = _number("SLURM_STEP_NUM_TASKS", 1)
    if tasks < 2:
        return {}
    nodes, per_node = (_variable(f"SLURM_STEP_{name}") for name in ("NODELIST", "TASKS_PER_NODE"))
    rank = _number("SLURM_PROCID")
    # Two jobs on one machine need other ports, which no task has to be told.
    port = 12000 + _number("SLURM_JOB_ID", 0) % 20000
    hosts, counts = list(_hosts(nodes)), list(_counts(per_node))
    if len(hosts) != len(counts) or sum(counts) != tasks or not 0 <= rank < tasks:
        raise ValueError(
            "Slurm's variables do not fit together: each node of SLURM_STEP_NODELIST has its tasks "
            "in SLURM_STEP_TASKS_PER_NODE, SLURM_STEP_NUM_TASKS in all, and SLURM_PROCID is one "
            f"of them. Start all workers with one srun. Received: {nodes}, {per_node}, {tasks} "
            f"and {rank}"
        )
    workers = [
        f"{host}:{port + task}"
        for host, count in zip(hosts, counts, strict=True)
        for task in range(count)
    ]
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}


def _checked(text):
    """What `TF_CONFIG` says, if it names the workers and which of them this process is."""
    try:
        config = json.loads(text)
    except ValueError as error:
        raise _malformed(f"it is not JSON ({error})", text) from error
    if not isinstance(config, dict):
        raise _malformed("it is no object of JSON", text)
    cluster, task = config.get("cluster"), config.get("task")
    if not cluster:
        return {}  # of a single machine, as TensorFlow has it
    if not isinstance(cluster, dict) or not all(
        isinstance(addresses, list)
        and all(re.fullmatch(r".+:\d+", str(each)) for each in addresses)
        for addresses in cluster.values()
    ):
        raise _malformed('"cluster" must have a list of "host:port" for each type of task', text)
    if not isinstance(task, dict) or task.get("type") not in cluster:
        raise _malformed(f'"task" must have a "type", one of {", ".join(cluster)}', text)
    number, addresses = str(task.get("index")), cluster[task["type"]]
    if not number.isdigit() or int(number) >= len(addresses):
        last = len(addresses) - 1
        raise _malformed(f'"task" must have an "index" from 0 to {last}, its own address', text)
    return config


def _malformed(why, text):
    return ValueError(
        f"The variable TF_CONFIG cannot be read: {why}. Unset it to train on this machine alone, "
        'or name all workers: {"cluster": {"worker": ["a:12345", "b:12345"]}, "task": {"type": '
        f'"worker", "index": 0}}}}. Received: TF_CONFIG={text}'
    )


def _variable(name):
    """A variable that Slurm sets for each task of a step."""
    if name not in os.environ:
        raise ValueError(
            f"Slurm's variable {name} is not set, and SLURM_STEP_NUM_TASKS is above 1: start all "
            "workers with srun, or unset the latter to train on this machine alone."
        )
    return os.environ[name]


def _number(name, default=None):
    """A variable of Slurm that is a number."""
    text = _variable(name) if default is None else os.environ.get(name, str(default))
    if not text.isdigit():
        raise ValueError(f"Slurm's variable {name} must be a number. Received: {name}={text}")
    return int(text)


def _hosts(nodes):
    """`n[08-10,12],m1`: n08, n09, n10, n12, m1, in the order of the tasks' numbers."""
    for prefix, ranges in re.findall(r"([^,\[\]]+)(?:\[([^\]]+)\])?", nodes):
        for part in ranges.split(",") if ranges else ():
            first, _, last = part.partition("-")
            for number in range(int(first), int(last or first) + 1):
                yield f"{prefix}{number:0{len(first)}d}"
        if not ranges:
            yield prefix


def _counts(per_node):
    """`2(x3),1`: 2, 2, 2, 1."""
    for count, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", per_node):
        yield from [int(count)] * int(times or 1)


class _Mended:
    """What Keras asks of a strategy, and those of TensorFlow do not do."""

    def scope(self):
        return _averaging(super().scope())

    def experimental_distribute_dataset(self, dataset, options=None):
        """Takes batches of ours as they are: they are dealt to the replicas already."""
        if hasattr(dataset, "is_dealt"):
            return self.distribute_datasets_from_function(lambda context: dataset, options)
        return super().experimental_distribute_dataset(dataset, options)

    def reduce(self, reduce_op, value, axis):
        """Reduces also a whole batch, to learn its shapes, and the scalars that are logged."""
        import tensorflow as tf

        if isinstance(value, (tuple, list, dict)):
            return tf.nest.map_structure(lambda v: self.experimental_local_results(v)[0], value)
        if axis == 0 and self.experimental_local_results(value)[0].shape.rank == 0:
            axis = None
        return super().reduce(reduce_op, value, axis)


@contextlib.contextmanager
def _averaging(scope):
    """The scope, in which moving averages take the mean over the replicas.

    Keras gives them no rule, so that each replica would keep, and test with, its own.
    """
    import tensorflow as tf

    def create(next_creator, **kwargs):
        if (kwargs.get("name") or "").startswith("moving_"):
            kwargs["aggregation"] = tf.VariableAggregation.MEAN
        return next_creator(**kwargs)

    with scope as strategy, tf.variable_creator_scope(create):
        yield strategy


@functools.cache
def _mirrored():
    import tensorflow as tf

    class MirroredStrategy(_Mended, tf.distribute.MirroredStrategy):
        pass

    return MirroredStrategy


@functools.cache
def _multi_worker():
    import tensorflow as tf

    class MultiWorkerMirroredStrategy(_Mended, tf.distribute.MultiWorkerMirroredStrategy):
        def __init__(self):
            try:
                super().__init__()
            except RuntimeError as error:
                raise RuntimeError(
                    "Several workers have to find each other before anything else: call "
                    "`training.strategy` before any tensor, variable or model is made."
                ) from error

    return MultiWorkerMirroredStrategy
