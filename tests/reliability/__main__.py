"""What holds when processes are killed, collide, and find damaged files. One command:

    python -m tests.reliability [PART...] [--seconds=100] [--backends=tensorflow,jax,torch]

A part is a file of this folder with a function `run`, which takes `seconds` or nothing, and gives
rows. It may have a `TITLE`, else its first line is the title; `HEAD`, the names of the columns, of
which `tried` and `good` are summed and must be equal; and `ON_EACH_BACKEND`. Each runs in a process
of its own.
"""

import argparse
import ast
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
from typing import NamedTuple

from keras_classics.tables import markdown

HERE = pathlib.Path(__file__).parent
PARTS = sorted(path.stem for path in HERE.glob("[a-z]*.py") if "def run(" in path.read_text())
CODE = (
    "import sys, json; from tests.reliability import {0} as part; print(json.dumps(part.run({1})))"
)


class Part(NamedTuple):
    """What is known of a part, which is not imported here: it would load Keras."""

    title: str
    head: tuple
    on_each_backend: bool
    arguments: str  # of `run`


def find(name, seconds=100.0):
    """The part of a name."""
    tree = ast.parse((HERE / f"{name}.py").read_text())
    constants = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Constant, ast.Tuple)):
            with contextlib.suppress(ValueError):
                constants[node.targets[0].id] = ast.literal_eval(node.value)
        elif isinstance(node, ast.FunctionDef) and node.name == "run":
            takes = any(argument.arg == "seconds" for argument in node.args.args)
    title = constants.get("TITLE", ast.get_docstring(tree).splitlines()[0])
    each = constants.get("ON_EACH_BACKEND", False)
    return Part(title, constants.get("HEAD", ()), each, f"seconds={seconds}" if takes else "")


def rows_of(name, part, backend):
    """The rows of a part on a backend, and how long it took."""
    begin = time.time()
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(name, part.arguments)],
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
    for name in arguments.parts or PARTS:
        part = find(name, arguments.seconds)
        backends = arguments.backends.split(",")
        for backend in backends if part.on_each_backend else backends[:1]:
            rows, seconds = rows_of(name, part, backend)
            head = part.head or [""] * len(rows[0])
            print(f"\n{part.title} ({backend}, {seconds:.0f} s)\n")
            if "good" in head:
                at = head.index("tried"), head.index("good")
                sums = [sum(row[k] for row in rows) for k in at]
                rows.append(["all", *sums, *[""] * (len(head) - 3)])
                good &= sums[0] == sums[1]
            print(markdown([head, *rows]), flush=True)
    sys.exit(not good)


if __name__ == "__main__":
    main()
