"""Networks at inference: `python benchmarks/serving.py [--rounds=7] [NAME...]`.

Prints the time of each form over that of the network in float32, as a function of TensorFlow, in
one run, with the forms in turns: the median of the rounds' ratios, the smallest and the largest.
Below 1 it is faster. Names: resnet50, vgg16, googlenet, alexnet, vit_b16; images of 224x224, one
and eight.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import keras_classics as kc

NETWORKS = ("resnet50", "vgg16", "googlenet", "alexnet", "vit_b16")


def forms(network):
    """The network in each form, by name."""
    yield "float32", network
    yield "fuse", kc.fuse(network)
    yield "fuse, bfloat16", kc.fuse(network, precision="bfloat16")
    keras.config.set_dtype_policy("mixed_bfloat16")
    mixed = kc.build(network.name)
    keras.config.set_dtype_policy("float32")
    mixed.set_weights(network.get_weights())
    yield "mixed_bfloat16", mixed
    yield "mixed_bfloat16, fuse", kc.fuse(mixed)


def seconds(call, x):
    begin = time.perf_counter()
    call(x).numpy()
    return time.perf_counter() - begin


def compare(name, rounds):
    network = kc.build(name)
    calls = {
        form: tf.function(lambda x, model=model: model(x, training=False))
        for form, model in forms(network)
    }
    for batch in (1, 8):
        x = tf.constant(np.random.default_rng(0).normal(size=(batch, 224, 224, 3)), "float32")
        for call in calls.values():
            seconds(call, x)  # traces
        times = {form: [] for form in calls}
        for k in range(rounds):
            order = list(calls.items())
            for form, call in order[k % len(order) :] + order[: k % len(order)]:
                times[form].append(seconds(call, x))
        for form, values in times.items():
            ratios = [a / b for a, b in zip(values, times["float32"], strict=True)]
            print(
                f"{name:10} {batch} {form:22} {statistics.median(ratios):5.2f}"
                f"  {min(ratios):5.2f} .. {max(ratios):5.2f}  {statistics.median(values):7.3f} s",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    for each in arguments.names or NETWORKS:
        keras.utils.set_random_seed(0)
        compare(each, arguments.rounds)
