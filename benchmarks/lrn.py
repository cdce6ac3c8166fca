"""AlexNet's own layers against their peers: `python benchmarks/lrn.py [--rounds=7] [NAME...]`.

Prints a table of ratios, the peer's time over ours: above 1 we are faster. Both sides run
in this one process, their rounds alternating; a row is the median of the rounds' figures,
then the smallest and the largest. Never divide figures of different runs: the machine's
own speed changes.

lrn      LocalResponseNormalization against `tf.nn.local_response_normalization`, with the
         paper's constants, on AlexNet's first maps at batch 16, as a TensorFlow graph
         and compiled by XLA.
grouped  GroupedConv2D against Conv2D(groups=2), on AlexNet's conv2 at batch 8, in both forms.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from keras import layers
from rounds import compare_layers, main

from keras_classics.layers import GroupedConv2D, LocalResponseNormalization


def lrn(rounds):
    def peer(x):
        return tf.nn.local_response_normalization(x, 2, 2.0, 1e-4, 0.75)

    for kind, targets in [("graph", ("", "at least 2.00")), ("XLA", ("", ""))]:
        label = f"lrn         tf.nn.lrn / ours, {kind}"
        ours, shape = LocalResponseNormalization(), (16, 55, 55, 96)
        compare_layers(label, ours, peer, shape, rounds, targets, 10, kind == "XLA")


def grouped(rounds):
    for kind, targets in [("graph", ("", "at least 5.00")), ("XLA", ("", ""))]:
        label = f"grouped     Conv2D(groups=2) / ours, {kind}"
        ours = GroupedConv2D(256, 5, padding="same")
        peer = layers.Conv2D(256, 5, padding="same", groups=2)
        shape = (8, 27, 27, 96)
        compare_layers(label, ours, peer, shape, rounds, targets, 1, kind == "XLA")


if __name__ == "__main__":
    main("AlexNet's own layers against their peers.", {"lrn": lrn, "grouped": grouped})
