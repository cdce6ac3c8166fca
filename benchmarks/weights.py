"""Weights from files into a model: `python benchmarks/weights.py [--rounds=7] [NAME...]`.

A row for each format, of a file of VGG16 of 553 MB: the seconds that `weights.load` takes, over
those of `open(path, "rb").read()`, in rounds that alternate, with the file in memory already.
Below it the peak memory that one `load` takes beyond the model, in a process of its own that has
imported the format's library, as a share of the file; and without pages of the file that are
mapped into the process (PyTorch reads so), which the system takes back when it needs them. All of
it takes some three minutes on two idle cores, and 3 GB in a temporary folder.

h5           as keras.applications has it: laid out as ours
safetensors, npz, pth, caffemodel   matrices and kernels transposed
"""

import gc
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from rounds import alternate, main, report

from keras_classics import applications, weights

FOLDER = pathlib.Path(os.environ.get("KERAS_CLASSICS_BENCHMARK", tempfile.gettempdir()))
LIBRARIES = {"safetensors": "safetensors", "pth": "torch"}


def file_of(form):
    """The file of a format, which is written where it is not there yet."""
    path = FOLDER / f"keras_classics-vgg16.{form}"
    if path.exists():
        return path
    if form in ("h5", "safetensors", "npz"):
        model = applications.VGG16()
        convention = "keras" if form == "h5" else "torchvision"
        return weights.save(model, path, convention=convention) or path
    arrays = weights.read(file_of("npz"))
    if form == "pth":
        import torch

        torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
    else:
        write_caffemodel(arrays, path)
    return path


def write_caffemodel(arrays, path):
    """Layers of the wire format: name, and the two blobs with their shapes."""

    def varint(number):
        more = []
        while number > 127:
            more.append(number & 127 | 128)
            number >>= 7
        return bytes([*more, number])

    def field(number, content):
        return varint(number << 3 | 2) + varint(len(content)) + content

    convolutions = [f"conv{stage}_{i}" for stage in range(1, 6) for i in range(1, 4 - (stage < 3))]
    names = iter([*convolutions, "fc6", "fc7", "fc8"])
    with path.open("wb") as stream:
        for key, kernel in arrays.items():
            if not key.endswith(".weight"):
                continue
            name = next(names)
            kind = b"Convolution" if kernel.ndim == 4 else b"InnerProduct"
            layer = field(1, name.encode()) + field(2, kind)
            for array in (kernel, arrays[key.replace(".weight", ".bias")]):
                shape = field(1, b"".join(map(varint, array.shape)))
                layer += field(7, field(7, shape) + field(5, array.tobytes()))
            stream.write(field(100, layer))


def status():
    """Memory of this process, in MiB: all of it, and without pages of files."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return [int(found[name].split()[0]) / 2**10 for name in ("VmRSS", "RssAnon")]


def peaks(form):
    """Prints both peaks of one load, beyond what there was before."""
    __import__(LIBRARIES.get(form, "numpy"))
    model, path = applications.VGG16(), file_of(form)
    model.set_weights(model.get_weights())  # for what TensorFlow imports when it is needed
    gc.collect()
    before, found, done = status(), [], threading.Event()

    def watch():
        while not done.is_set():
            found.append(status())
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    weights.load(model, path)
    done.set()
    watcher.join()
    print(
        *(max(side) - start for side, start in zip(zip(*found, strict=True), before, strict=True))
    )


def compare(form, rounds):
    path, models = file_of(form), [applications.VGG16()]
    pairs = alternate(lambda: weights.load(models[0], path), lambda: path.open("rb").read(), rounds)
    report(f".{form}, load / read()", pairs, "at most 1.5", of=lambda ours, peer: ours / peer)
    models.clear()
    keras.backend.clear_session()
    command = [sys.executable, __file__, "peaks", form]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    size = path.stat().st_size / 2**20
    both, ours = (float(peak) / size for peak in done.stdout.split()[-2:])
    print(f"{'':70} {both:6.2f} of the size in memory, {ours:.2f} without mapped pages", flush=True)


COMPARISONS = {
    form: lambda rounds, form=form: compare(form, rounds)
    for form in ("h5", "safetensors", "npz", "pth", "caffemodel")
}


if __name__ == "__main__":
    if sys.argv[1:2] == ["peaks"]:
        peaks(sys.argv[2])
    else:
        main("Weights from files into a model.", COMPARISONS)
