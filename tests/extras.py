"""Installs each extra alone in an environment of its own, and does what it is for.

    python -m tests.extras [EXTRA...]

It takes some ten minutes and a network, and is no part of the tests.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
BACKENDS = ("tensorflow", "jax", "torch", "openvino")

NETWORK = "kc.build('lenet5').predict(np.zeros((2, 32, 32, 1)), verbose=0)"
PHOTOGRAPHS = (
    "from PIL import Image; import pathlib\n"
    "for k in range(8):\n"
    "    path = pathlib.Path('photographs', 'ab'[k % 2], f'{k}.png')\n"
    "    path.parent.mkdir(parents=True, exist_ok=True)\n"
    "    Image.fromarray(np.full((40, 50, 3), 9 * k, 'uint8')).save(path)\n"
)
# The modules that an extra brings, and what it is for: the first runs with the extra alone, the
# second with a backend beside it, JAX or TensorFlow, where it brings none.
USES = {
    "tensorflow": ("tensorflow", NETWORK),
    "jax": ("jax", NETWORK),
    "torch": ("torch", NETWORK),
    "plots": (
        "matplotlib",
        "image = np.ones((1, 4, 4, 3)); kc.analysis.overlay(image, image[..., 0])",
    ),
    "digits": ("sklearn", "assert len(kc.datasets.load('digits').train) == 1437"),
    "tfds": (
        "tensorflow_datasets",
        "import tensorflow_datasets as tfds; tfds.builder('mnist').info.features['image']",
    ),
    "pack": (
        "array_record.python.array_record_module",
        PHOTOGRAPHS + "kc.datasets.pack(kc.datasets.load('photographs'), 'packed')\n"
        "assert kc.datasets.verify('packed') == {}",
    ),
    "openvino": (
        "openvino, nncf",
        NETWORK + "\n"
        "images = np.random.default_rng(0).normal(size=(32, 32, 32, 1)).astype('float32')\n"
        "kc.serve(kc.build('lenet5'), 'int8', images).predict(images)",
    ),
    "augment": ("keras_cv", "from keras_classics.training.mixing import mixing; mixing(0.8)"),
    "export": (
        "tf2onnx, onnxruntime, ai_edge_litert.interpreter",
        "model = kc.build('lenet5'); model.predict(np.zeros((2, 32, 32, 1)), verbose=0)\n"
        "model.export('lenet5.onnx', format='onnx', verbose=False)\n"
        "model.export('lenet5.tflite', format='litert', verbose=False)",
    ),
    "tensorboard": ("tensorboard", "kc.training.TensorBoard('logs')"),
}


def attempt(extra: str) -> str:
    """What came of an extra: nothing, or the last line of what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        python = f"{folder}/venv/bin/python"
        modules, code = USES[extra]
        brought = {each.split(">")[0] for each in EXTRAS[extra]}
        backend = next((each for each in BACKENDS if each in brought), None)
        joined = backend or ("tensorflow" if extra == "tfds" else "jax")
        variables = os.environ | {"KERAS_BACKEND": joined, "KERAS_HOME": folder}
        variables.pop("PYTHONPATH", None)
        pip = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
        steps = [
            [sys.executable, "-m", "venv", f"{folder}/venv"],
            [*pip, f"{ROOT}[{extra}]"],
            [python, "-c", f"import {modules}"],
            *([] if backend else [[*pip, f"{ROOT}[{joined}]"]]),
            [python, "-c", f"import numpy as np, keras_classics as kc\n{code}"],
        ]
        for step in steps:
            done = subprocess.run(step, cwd=folder, env=variables, capture_output=True, text=True)
            if done.returncode:
                return f"{' '.join(step[1:3])}: {done.stderr.strip().splitlines()[-1]}"
    return ""


def main(extras: list[str]) -> None:
    """Attempts extras, or all."""
    failed = []
    for extra in extras or USES:
        start = time.time()
        wrong = attempt(extra)
        failed += [extra] if wrong else []
        print(f"{extra:12} {time.time() - start:4.0f} s  {wrong or 'works'}", flush=True)
    sys.exit(f"These fail: {', '.join(failed)}" if failed else None)


if __name__ == "__main__":
    main(sys.argv[1:])
