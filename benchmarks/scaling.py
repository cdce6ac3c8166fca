"""What training on many machines costs: `python benchmarks/scaling.py [table | measure]`.

table     For each recipe and number of GPUs the efficiency that the formula of docs/scaling.md
          expects, and the images a second that the storage has to give. Computed, not measured.
measure   The formula against measured steps of one, two and four processes of this machine, each
          on one core, on the loopback interface. It first measures how long it takes to sum up some
          bytes; latency and bandwidth follow from that by least squares. Then it measures steps of
          three networks. Four processes on two cores compute half as fast. Some five minutes.
"""

import json
import math
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_classics import analysis, training

FLOPS = 100e12  # of a GPU, in what training really reaches with bfloat16
BANDWIDTH = 25e9  # bytes a second in and out of a GPU: a network of 200 Gbit/s
LATENCY = 5e-6  # seconds of one hop of a message
IMAGES = {  # of a GPU, where the batch grows with the GPUs; of ten classes
    "lecun1989": 256,
    "lenet1": 256,
    "lenet5": 256,
    "resnet_cifar": 128,
    "vit_cifar": 128,
    "vit_mnist": 128,
}
GPUS = (8, 64, 1024)
FILE, PACKED = 110e3, 38e3  # bytes of a photograph of ImageNet; 256x341 pixels of 0.43 bytes
PROCESSOR = 300  # photographs a second that a processor reads here (docs/reading.md)


def seconds_of_sum(workers, size, messages, hops, latency, bandwidth):
    """Seconds to sum up `size` bytes of each of `workers`, and so many messages in all.

    A message takes `2 hops` latencies, there and back; the bytes go round in a ring.
    """
    return 2 * messages * hops * latency + 2 * (workers - 1) / workers * size / bandwidth


def efficiency(images, macs, size, messages, workers):
    """Share of its time that a GPU computes, if it sums up after it has computed."""
    compute = 6 * macs * images / FLOPS  # forward once, backward twice, two operations each
    summing = seconds_of_sum(workers, size, messages, math.log2(workers), LATENCY, BANDWIDTH)
    return compute / (compute + summing), compute


def built(recipe, classes=10):
    return recipe.build(input_shape=recipe.input_shape, classes=classes)


def table():
    head = "| recipe | parameters | bytes | operations an image | images a GPU |"
    print(head + "".join(f" {n} GPUs |" for n in GPUS) + " images a second from storage, 8 GPUs |")
    print("|---" * (6 + len(GPUS)) + "|")
    needs = []
    for name, recipe in training.RECIPES.items():
        if name == "vit_finetune":  # whatever it starts from
            continue
        with keras.StatelessScope(initialize_variables=False):
            network = built(recipe, 10 if name in IMAGES else 1000)
        rows = analysis.count(network)
        parameters, macs = (sum(getattr(r, what) for r in rows) for what in ("parameters", "macs"))
        size = 4 * parameters
        # All gradients are one message; the loss and each moving average are others.
        messages = 2 + sum(w.name.startswith("moving_") for w in network.weights)
        images = IMAGES.get(name, 64)
        shares = [efficiency(images, macs, size, messages, n) for n in GPUS]
        rates = [
            n * images * share / compute for n, (share, compute) in zip(GPUS, shares, strict=True)
        ]
        storage = rates[0]
        if name not in IMAGES:  # photographs
            needs.append((name, rates))
        cells = [f"{100 * share:.0f} %" for share, _ in shares]
        print(
            f"| {name} | {parameters:,} | {size / 1e6:.1f} MB | "
            f"{6 * macs / 1e9:,.3g} G | {images} | {' | '.join(cells)} | "
            f"{storage:,.0f} |"
        )
    print(
        "\nOf photographs: images a second, GB/s of files, GB/s packed, processors to read them\n"
    )
    print("| recipe |" + "".join(f" {n} GPUs |" for n in GPUS))
    print("|---" * (1 + len(GPUS)) + "|")
    for name, rates in needs:
        cells = [
            f"{rate:,.0f}, {rate * FILE / 1e9:,.1f}, {rate * PACKED / 1e9:,.1f}, "
            f"{rate / PROCESSOR:,.0f}"
            for rate in rates
        ]
        print(f"| {name} | {' | '.join(cells)} |")


SIZES = (1_000, 100_000, 1_000_000, 10_000_000, 50_000_000)  # numbers that are summed up
NETWORKS = {"lenet5": 32, "resnet20_cifar": 32, "alexnet": 8}  # images a process


def worker(folder, index):
    """One process of `measure`, on one core."""
    os.sched_setaffinity(0, {int(index) % os.cpu_count()})
    import tensorflow as tf
    from tensorflow.python.ops import collective_ops

    strategy = training.strategy("auto")
    count, found = strategy.num_replicas_in_sync, {}

    def timed(function, calls):
        function()
        function()
        spent = []
        for _ in range(calls):
            start = time.perf_counter()
            function()
            spent.append(time.perf_counter() - start)
        return statistics.median(spent)

    for size in SIZES if count > 1 else ():

        @tf.function
        def total(size=size):
            def one():
                return tf.distribute.get_replica_context().all_reduce("sum", tf.ones(size))

            return tf.reduce_sum(strategy.experimental_local_results(strategy.run(one))[0])

        found[f"sum {4 * size}"] = timed(lambda f=total: float(f()), 5)
    for name, images in NETWORKS.items():
        with strategy.scope():
            network = built(training.recipe(name))
            network.compile(keras.optimizers.SGD(1e-6), "sparse_categorical_crossentropy")
        x = tf.zeros((images * count, *network.input_shape[1:]))
        data = tf.data.Dataset.from_tensors((x, tf.zeros(images * count, tf.int64))).repeat()
        steps = 3 if name == "alexnet" else 20
        fit = {"steps_per_epoch": steps, "verbose": 0}
        with mock.patch.object(
            collective_ops, "all_reduce_v2", side_effect=collective_ops.all_reduce_v2
        ) as sums:
            network.fit(data, **fit)  # traces a step
        found[f"messages {name}"] = sums.call_count
        found[name] = timed(lambda n=network, d=data, f=fit: n.fit(d, **f), 4) / steps
    if index == "0":
        pathlib.Path(folder, f"{count}.json").write_text(json.dumps(found))


def measure():
    import tempfile

    folder, found = tempfile.mkdtemp(), {}
    for count in (1, 2, 4):
        sockets = [socket.socket() for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
        for each in sockets:
            each.close()
        jobs = []
        for index in range(count):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            variables = os.environ | ({"TF_CONFIG": json.dumps(task)} if count > 1 else {})
            command = [sys.executable, __file__, "worker", folder, str(index)]
            jobs.append(subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL))
        codes = [job.wait() for job in jobs]
        assert not any(codes), codes
        found[count] = json.loads(pathlib.Path(folder, f"{count}.json").read_text())
    print("| processes | network | bytes | messages | computing | summing, expected", end="")
    print(" | a step, expected | measured | expected / measured |\n" + "|---" * 9 + "|")
    for count in (2, 4):
        sizes = np.array([float(k.split()[1]) for k in found[count] if k.startswith("sum")])
        spent = np.array([v for k, v in found[count].items() if k.startswith("sum")])
        terms = 2 * (count - 1) * np.stack([np.ones_like(sizes), sizes / count], axis=1)
        # Of each size the same share may be wrong.
        latency, per_byte = np.linalg.lstsq(
            terms / spent[:, None], np.ones_like(spent), rcond=None
        )[0]
        for name in NETWORKS:
            weights = built(training.recipe(name)).trainable_weights
            size = 4 * sum(int(np.prod(w.shape)) for w in weights)
            messages = int(found[count][f"messages {name}"])
            compute = found[1][name] * max(1, count / os.cpu_count())
            summing = seconds_of_sum(count, size, messages, count - 1, latency, 1 / per_byte)
            real = found[count][name]
            expected = compute + summing
            print(
                f"| {count} | {name} | {size / 1e6:.2f} MB | {messages} | {compute:.4f} s "
                f"| {summing:.4f} s | {expected:.4f} s | {real:.4f} s | {expected / real:.2f} |"
            )
        print(f"{count} processes: {1e3 * latency:.2f} ms a message, {1e-9 / per_byte:.2f} GB/s")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:] or ["table"]
    {"table": table, "measure": measure, "worker": worker}[command](*arguments)
