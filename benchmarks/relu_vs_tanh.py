"""How far AlexNet's figure 1 depends on what its paper does not say.

    python benchmarks/relu_vs_tanh.py --data_dir=DIR --run_dir=DIR [--seeds=1] [NAME...]

The experiment `relu_vs_tanh` (`keras_classics/experiments/relu_vs_tanh.py`) with other networks,
starts, batches and inputs, each at its own best of some learning rates. A table has the epochs to
25 % training error. DATA_DIR has CIFAR-10's files. Into RUN_DIR go the runs, a folder for each
variation; the same command goes on after an interruption. Without names, all variations of the
table below; each takes about as long as the experiment.
"""

import argparse
import dataclasses
import pathlib

from keras_classics import tables
from keras_classics.experiments import relu_vs_tanh
from keras_classics.experiments.relu_vs_tanh import RATES, RECIPE

UNIT = {"scale": 1 / 64}  # inputs of a deviation of about 1
LARGE = (0.01, 0.003, 0.03, 0.1)


def times(factor):
    return {name: tuple(factor * rate for rate in rates) for name, rates in RATES.items()}


# A name, what is changed, and the learning rates that are tried, the first one near the best.
VARIATIONS = {
    "80sec": ({}, RATES),
    "13pct": ({"network": "cuda_convnet_13pct"}, RATES),
    "batch-32": ({"batch_size": 32}, times(1 / 2)),
    "batch-512": ({"batch_size": 512}, times(2)),
    "unit-glorot": ({**UNIT, "start": "glorot"}, {"relu": LARGE, "tanh": LARGE}),
    "unit-he": ({**UNIT, "start": "he"}, {"relu": LARGE, "tanh": LARGE}),
    "one-rate": ({"bias_rate": 1.0}, RATES),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(VARIATIONS)}")
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--run_dir", required=True, type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=relu_vs_tanh.EPOCHS)
    options = parser.parse_args()
    if foreign := set(options.names) - set(VARIATIONS):
        parser.error(f"expected some of {', '.join(VARIATIONS)}. Received: {', '.join(foreign)}")
    rows = [("variation", "ReLU: rate, epochs", "tanh: rate, epochs", "tanh / ReLU")]
    for name in options.names or VARIATIONS:
        changes, rates = VARIATIONS[name]
        recipe, folder = dataclasses.replace(RECIPE, **changes), options.run_dir / name
        lengths = options.seeds, options.epochs
        reached = relu_vs_tanh.compare(options.data_dir, folder, *lengths, recipe, rates)
        cells = []
        for rate, curves in reached.values():
            epochs = (relu_vs_tanh.crossing(curve) for curve in curves)
            each = ", ".join("not reached" if e is None else f"{e:.1f}" for e in epochs)
            cells.append(f"{rate:g}, {each}")
        ratio = relu_vs_tanh.ratio(reached)
        rows.append((name, *cells, ratio and f"{ratio:.1f}"))
        print(tables.markdown(rows), flush=True)


if __name__ == "__main__":
    main()
