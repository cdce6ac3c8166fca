"""What the benchmarks share: two functions against each other, in rounds that alternate."""

import argparse
import json
import os
import statistics
import time

import keras
import numpy as np
import tensorflow as tf


def seconds(function, clock=time.perf_counter):
    start = clock()
    function()
    return clock() - start


def alternate(ours, peer, rounds, clock=time.perf_counter):
    """Seconds of each round: `[(ours, peer), ...]`. They take turns in going first.

    With `time.process_time` as the clock, what other programs do on the machine counts less.
    """
    ours(), peer()  # traces, and fills caches
    pairs = []
    for i in range(rounds):
        if i % 2:
            pairs.append((seconds(ours, clock), seconds(peer, clock)))
        else:
            pairs.append((seconds(peer, clock), seconds(ours, clock))[::-1])
    return pairs


def keep(label, values, target=""):
    """Adds a row to the file that `benchmarks/all.py` collects them in."""
    if path := os.environ.get("BENCHMARK_ROWS"):
        ends = {"median": statistics.median(values), "least": min(values), "most": max(values)}
        ends = {name: round(float(value), 3) for name, value in ends.items()}
        row = {"row": " ".join(label.split()), **ends, "rounds": len(values), "aim": target}
        with open(path, "a") as file:
            print(json.dumps(row), file=file)


def report(label, pairs, target, of=lambda ours, peer: peer / ours):
    values = [of(*pair) for pair in pairs]
    keep(label, values, target)
    ours, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"{label:70} {statistics.median(values):6.2f}  {min(values):6.2f} .. {max(values):5.2f}"
        f"  {target:14} {ours:9.3f} {peer:9.3f}",
        flush=True,
    )


def compare_layers(label, ours, peer, shape, rounds, targets, calls, jit_compile=False):
    """Two rows, forward and with the gradients, each with its target; `calls` a round."""
    x = tf.constant(np.random.default_rng(0).standard_normal(shape, "float32"))

    def modes(layer):
        cotangent = tf.ones_like(layer(x))
        weights = [variable.value for variable in getattr(layer, "trainable_variables", [])]

        @tf.function(jit_compile=jit_compile)
        def forward(x):
            return layer(x)

        @tf.function(jit_compile=jit_compile)
        def both(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
            return y, tape.gradient(y, [x, *weights], cotangent)

        return forward, both

    def repeated(function):
        return lambda: [function(x) for _ in range(calls)]

    for mode, our_function, their_function, target in zip(
        ["forward", "forward, backward"], modes(ours), modes(peer), targets, strict=True
    ):
        pairs = alternate(repeated(our_function), repeated(their_function), rounds)
        report(f"{label}, {mode}", pairs, target)


def main(description, comparisons):
    """A command: `[--rounds=7] [NAME...]`, of the functions of rounds in `comparisons`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(comparisons))
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(comparisons)
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(comparisons)}")
    print(f"{'':70} median   min ..   max  {'target':14} {'ours, s':>9} {'peer, s':>9}")
    for name in arguments.names or comparisons:
        keras.utils.set_random_seed(0)
        comparisons[name](arguments.rounds)
