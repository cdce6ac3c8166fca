"""What holds when processes are killed, collide, and find damaged files. One command:

    python -m tests.reliability [PART...] [--seconds=100] [--backends=tensorflow,jax,torch]

A part is a file of this folder with `TITLE`, and `run(seconds)`, which gives rows `(kind, tried,
good, remarks)`. Each runs in a process of its own; those with `ON_EACH_BACKEND` on each backend.
"""

import argparse
import ast
import json
import os
import pathlib
import subprocess
import sys
import time

from keras_classics.tables import markdown

HERE = pathlib.Path(__file__).parent
PARTS = sorted(path.stem for path in HERE.glob("[a-z]*.py") if "def run(" in path.read_text())
CODE = (
    "import sys, json; from tests.reliability import {0} as part; print(json.dumps(part.run({1})))"
)


def constants(part):
    """The constants of a part, which is not imported: it would load Keras here."""
    tree = ast.parse((HERE / f"{part}.py").read_text())
    return {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }


def rows_of(part, backend, seconds):
    """The rows of a part on a backend, and how long it took."""
    begin = time.time()
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(part, seconds)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[1],
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1]), time.time() - begin


def main():
    """Runs the parts that are named, or all, and prints their tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", default=[])
    parser.add_argument("--seconds", type=float, default=100, help="of a part on a backend, about")
    parser.add_argument("--backends", default="tensorflow,jax,torch")
    arguments = parser.parse_args()
    good = True
    for part in arguments.parts or PARTS:
        known = constants(part)
        backends = arguments.backends.split(",")
        for backend in backends if known.get("ON_EACH_BACKEND") else backends[:1]:
            rows, seconds = rows_of(part, backend, arguments.seconds)
            total = ("all", sum(row[1] for row in rows), sum(row[2] for row in rows), "")
            good &= total[1] == total[2]
            print(f"\n{known['TITLE']} ({backend}, {seconds:.0f} s)\n")
            print(markdown([("what", "tried", "good", "remarks"), *rows, total]), flush=True)
    sys.exit(not good)


if __name__ == "__main__":
    main()
