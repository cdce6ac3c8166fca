"""The benchmarks in one command: `python benchmarks/all.py [--quick] [--out=docs/speed.json]`.

Writes the rows as JSON, with the machine, its load and the versions, and the table of them into
`docs/results.md`. `--quick` takes at most ten minutes on two idle cores: three rounds of the rows
that say the most. Without it, all rows of these benchmarks take two hours. A benchmark that fails
is named, and the command fails at the end.

`python benchmarks/all.py --table` writes the table of the JSON file that is there.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).resolve().parent
RESULTS = FOLDER.parent / "docs" / "results.md"
BEGIN, END = "<!-- made by python benchmarks/all.py -->", "<!-- until here -->"
# What is run: arguments of a quick run, then of a whole one. The meaning of its ratios.
OURS = "the peer's time over ours"
THEIRS = "time over that of the network in float32"
PARTS = {
    "lenet.py": (["step", "subsampling", "mapconv", "--rounds=5"], ["--rounds=7"], OURS),
    "resnet.py": (["cifar20", "--rounds=3"], ["--rounds=5"], OURS),
    "imagenet.py": ([], ["alexnet", "vgg16", "googlenet", "--rounds=5"], OURS),
    "vit.py": ([], ["s16", "b16", "--rounds=5"], OURS),
    "lrn.py": (["lrn", "--rounds=3"], ["--rounds=5"], OURS),
    "serving.py": (["speed", "resnet50", "--rounds=5"], ["speed", "--rounds=7"], THEIRS),
}
PACKAGES = ("tensorflow", "keras", "jax", "torch", "torchvision", "openvino", "onnxruntime")


def machine():
    """What the figures depend on."""
    text = pathlib.Path("/proc/cpuinfo").read_text() if platform.system() == "Linux" else ""
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in lines.items()}
    flags = set(facts.get("flags", "").split())
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": facts.get("model name", platform.processor()),
        "cores": os.cpu_count(),
        "bfloat16": sorted(flags & {"avx512_bf16", "amx_bf16"}),
        "load before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": versions,
    }


def run(quick):
    """The rows of all parts, and the parts that failed."""
    parts, failed = [], []
    for script, (few, all_of_them, meaning) in PARTS.items():
        arguments = few if quick else all_of_them
        if not arguments:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "rows")
            begin = time.perf_counter()
            done = subprocess.run(
                [sys.executable, FOLDER / script, *arguments],
                env={**os.environ, "BENCHMARK_ROWS": str(path)},
                check=False,
            )
            seconds = round(time.perf_counter() - begin)
            rows = path.read_text().splitlines() if path.exists() else []
        command = f"python benchmarks/{script} {' '.join(arguments)}"
        if done.returncode:
            failed.append(command)
        parts.append(
            {
                "command": command,
                "ratio": meaning,
                "seconds": seconds,
                "rows": [*map(json.loads, rows)],
            }
        )
    return parts, failed


def table(found):
    """The table, in Markdown."""
    where = found["machine"]
    bfloat16 = ", ".join(where["bfloat16"]) or "no bfloat16"
    packages = ", ".join(
        f"{name} {version}" for name, version in where["versions"].items() if version
    )
    lines = [
        f"{where['date']}, {where['cores']} cores of {where['processor']} ({bfloat16}), load "
        f"{where['load before']} before; Python {where['python']}, {packages}.",
    ]
    for part in found["parts"]:
        lines += ["", f"`{part['command']}`, {part['seconds']} s: {part['ratio']}.", ""]
        lines += ["| | median | least to most | aim |", "|---|---|---|---|"]
        lines += [
            f"| {row['row']} | {row['median']:.2f} | {row['least']:.2f} to {row['most']:.2f} "
            f"| {row['aim']} |"
            for row in part["rows"]
        ]
    return "\n".join(lines)


def into_results(found):
    """Puts the table between its marks in `docs/results.md`."""
    before, rest = RESULTS.read_text().split(BEGIN)
    after = rest.split(END)[1]
    RESULTS.write_text(f"{before}{BEGIN}\n\n{table(found)}\n\n{END}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER.parent / "docs" / "speed.json")
    arguments = parser.parse_args()
    failed = []
    if not arguments.table:
        where = machine()
        parts, failed = run(arguments.quick)
        found = {"machine": where, "quick": arguments.quick, "parts": parts}
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    into_results(json.loads(arguments.out.read_text()))
    if failed:
        sys.exit(f"These failed: {failed}")


if __name__ == "__main__":
    main()
