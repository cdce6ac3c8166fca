"""Reading of weights files: valid ones exactly, and no others."""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import pickle
import re
import struct
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from keras_classics import weights
from keras_classics.weights.formats import open_weights

KERNEL = np.random.default_rng(0).standard_normal((3, 3, 3, 2), "float32")
BIAS = np.array([0.5, -0.25], "float32")
MATRIX = np.random.default_rng(1).standard_normal((32, 3), "float32")
BIASES = np.array([1.0, 2.0, -3.0], "float32")
OURS = [KERNEL, BIAS, MATRIX, BIASES]
# As PyTorch and Caffe have them: outputs first, and the flattened maps in the order C, H, W.
THEIRS = {
    "features.0.weight": KERNEL.transpose(3, 2, 0, 1).copy(),
    "features.0.bias": BIAS,
    "classifier.6.weight": MATRIX.reshape(4, 4, 2, 3).transpose(3, 2, 0, 1).reshape(3, 32).copy(),
    "classifier.6.bias": BIASES,
}


def network(**values):
    """A network with names of VGG that fits into a kilobyte."""
    x = image = keras.Input((4, 4, 3))
    x = layers.Conv2D(2, 3, padding="same", name="conv1_1")(x)
    x = layers.Dense(3, name="predictions")(layers.Flatten()(x))
    return keras.Model(image, x, name="tiny")


@pytest.fixture(autouse=True)
def memory():
    """In place of the other tests' fixture: here nothing takes any."""


@pytest.fixture(scope="module")
def model():
    return network()


# Writers of a small file of each format, from arrays like THEIRS, and what is to be read.


def write_h5(path, theirs):
    """As keras.applications has it: for BGR, with names of weights that contain slashes."""
    kernel, bias, _, biases = theirs.values()
    found = {
        "block1_conv1": {"kernel:0": kernel.transpose(2, 3, 1, 0)[:, :, ::-1], "bias:0": bias},
        "flatten": {},
        "predictions": {"kernel:0": MATRIX, "bias:0": biases},
    }
    with h5py.File(path, "w") as root:
        root.attrs["layer_names"] = np.array([name.encode() for name in found])
        root.attrs["keras_version"] = b"2.1"
        for layer, arrays in found.items():
            group = root.create_group(layer)
            names = [f"{layer}/{name}".encode() for name in arrays]
            group.attrs["weight_names"] = np.array(names)  # of no names, it is one of float64
            for name, array in arrays.items():
                group[f"{layer}/{name}"] = array
    return {f"{g}/{g}/{name}": a for g, arrays in found.items() for name, a in arrays.items()}


def write_keras(path, theirs):
    model = network()
    values = [theirs["features.0.weight"].transpose(2, 3, 1, 0), *list(theirs.values())[1:]]
    model.set_weights([*values[:2], MATRIX, values[3]])
    (model.save if path.suffix == ".keras" else model.save_weights)(path)
    names = [f"layers/{layer}/vars/{i}" for layer in ("conv2d", "dense") for i in range(2)]
    return dict(zip(names, model.get_weights(), strict=True))


def write_npz(path, theirs):
    np.savez(path, **theirs)
    return theirs


def write_compressed(path, theirs):
    np.savez_compressed(path, **theirs)
    return theirs


def write_torch(path, theirs):
    torch = pytest.importorskip("torch", reason="needs PyTorch, which reads its checkpoints")
    tensors = {name: torch.from_numpy(array.copy()) for name, array in theirs.items()}
    torch.save(tensors, path, _use_new_zipfile_serialization=path.suffix == ".pth")
    return theirs


def write_safetensors(path, theirs):
    import safetensors.numpy as library

    library.save_file(theirs, path)
    return theirs


def varint(number):
    return bytes([number & 127 | 128]) + varint(number >> 7) if number > 127 else bytes([number])


def field(number, content):
    """A field of a message of Protocol Buffers, as it is on the wire."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(array, *shape):
    """A BlobProto: of the shape, or with four sides as before 2014."""
    data = field(5, array.astype("<f4").tobytes())
    if shape:
        return b"".join(field(n, side) for n, side in enumerate(shape, 1)) + data
    return field(7, field(1, b"".join(map(varint, array.shape)))) + data


def write_caffemodel(path, theirs):
    kernel, bias, matrix, biases = theirs.values()
    kernel = kernel[:, ::-1]  # for BGR
    if "v1" in path.name:
        first = blob(kernel, 2, 3, 3, 3), blob(bias, 1, 1, 1, 2)
        last = blob(matrix, 1, 1, 3, 32), blob(biases, 1, 1, 1, 3)
        found = {"conv1_1": [kernel, bias.reshape(1, 1, 1, 2)]}
        found["fc8"] = [matrix.reshape(1, 1, 3, 32), biases.reshape(1, 1, 1, 3)]
        name, kind, blobs, layer, types = 4, 5, 6, 2, (4, 14)
    else:
        first, last = (blob(kernel), blob(bias)), (blob(matrix), blob(biases))
        found = {"conv1_1": [kernel, bias], "fc8": [matrix, biases]}
        name, kind, blobs, layer, types = 1, 2, 7, 100, (b"Convolution", b"InnerProduct")
    content = field(1, b"VGG")
    for label, each, type_ in zip((b"conv1_1", b"fc8"), (first, last), types, strict=True):
        inside = field(name, label) + field(kind, type_)
        content += field(layer, inside + b"".join(field(blobs, one) for one in each))
    path.write_bytes(content)
    return found


WRITERS = {
    "keras.applications.h5": write_h5,
    "keras3.weights.h5": write_keras,
    "keras3.keras": write_keras,
    "stored.npz": write_npz,
    "compressed.npz": write_compressed,
    "zip.pth": write_torch,
    "legacy.th": write_torch,
    "numpy.safetensors": write_safetensors,
    "v1.caffemodel": write_caffemodel,
    "v2.caffemodel": write_caffemodel,
}
CHECKED = ("keras3.keras", "stored.npz", "compressed.npz", "zip.pth")  # have checksums
every_format = pytest.mark.parametrize("form", WRITERS)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A function from the name of a format to the bytes of a file, and the arrays in it."""
    known = {}

    def write(form, theirs=THEIRS):
        key = form if theirs is THEIRS else None
        if key not in known:
            path = tmp_path_factory.mktemp("written") / form
            arrays = WRITERS[form](path, theirs)
            known[key] = path.read_bytes(), arrays
        return known.pop(None) if key is None else known[key]

    return write


@pytest.fixture
def fails(model, tmp_path):
    """A function that loads bytes, which must fail with the path, and leave the model as it was."""

    def check(content, match="."):
        path = tmp_path / "weights"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=match) as caught:
            weights.load(model, path)
        assert str(path) in str(caught.value)
        assert not any(variable.numpy().any() for variable in model.variables)

    model.set_weights([np.zeros_like(value) for value in OURS])
    return check


@every_format
@pytest.mark.parametrize("name", ["weights", "weights.h5", "a.pth", "b.npz", "c.caffemodel"])
def test_reads_exactly_under_any_name(written, tmp_path, form, name):
    content, expected = written(form)
    (tmp_path / name).write_bytes(content)
    arrays = weights.read(tmp_path / name)
    assert arrays.keys() == expected.keys()
    for key, value in expected.items():
        pairs = (
            zip(arrays[key], value, strict=True)
            if isinstance(value, list)
            else [(arrays[key], value)]
        )
        for actual, one in pairs:
            np.testing.assert_array_equal(actual, one, strict=True)


@every_format
def test_loads_exactly(written, tmp_path, model, form):
    (tmp_path / "weights").write_bytes(written(form)[0])
    weights.load(model, tmp_path / "weights")
    for actual, expected in zip(model.get_weights(), OURS, strict=True):
        np.testing.assert_array_equal(actual, expected)


@every_format
def test_truncated(written, fails, form):
    content = written(form)[0]
    size = len(content)
    for length in {0, 1, 8, 9, 100, size // 2, size - 8, size - 1, *range(0, size, 101)}:
        fails(content[:length])


def test_an_old_keras_noted_no_names_of_layers(fails, tmp_path):
    path = tmp_path / "old.weights.h5"
    network().save_weights(path)
    with h5py.File(path, "a") as root:
        root.visititems(lambda _, item: item.attrs.pop("name", None) and None)
    fails(path.read_bytes(), "its layers have no names, as an old version of Keras 3")


@pytest.mark.parametrize("form", ["keras.applications.h5", "keras3.weights.h5"])
def test_a_truncated_file_of_keras_says_so(written, fails, form):
    fails(written(form)[0][:-1], match=r"it is cut off: ([\d,]+) of [\d,]+ bytes are there")


@every_format
@pytest.mark.parametrize("mask", [0xFF, 0x04])
def test_one_byte_is_another(written, model, tmp_path, form, mask):
    """An error, or what a checksum would have to find: one number is another, and no more."""
    content, path = written(form)[0], tmp_path / "weights"
    zeros = [np.zeros_like(value) for value in OURS]
    for position in range(mask % 7, len(content), 1 + len(content) // 600):
        model.set_weights(zeros)
        damaged = bytearray(content)
        damaged[position] ^= mask
        path.write_bytes(damaged)
        try:
            weights.load(model, path)
            expected, allowed, said = OURS, form not in CHECKED, str(path)
        except ValueError as error:
            expected, allowed, said = zeros, 0, str(error)
        assert str(path) in said, position
        pairs = zip(model.get_weights(), expected, strict=True)
        assert sum((a != e).sum() for a, e in pairs) <= allowed, position


@every_format
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(written, fails, form, value):
    kernel = THEIRS["features.0.weight"].copy()
    kernel[1, 2, 0, 1] = value
    fails(written(form, {**THEIRS, "features.0.weight": kernel})[0], match="damaged.*not finite")


# What is no file of weights.


def archive(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "."), content)
    return stream.getvalue()


def saved(save, *args, **kwargs):
    stream = io.BytesIO()
    save(stream, *args, **kwargs)
    return stream.getvalue()


TAR = b"weights".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0")
NO_WEIGHTS = {
    "empty": (b"", "is empty"),
    "page": (b"\n<!DOCTYPE html>\n<title>Sign in</title>", "is a web page"),
    "pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:",
        "Git LFS: git lfs pull",
    ),
    "prototxt": (b'name: "VGG_ILSVRC_16_layers"\nlayers {\n', "is text, as a .prototxt"),
    "json": (b'{"abcd":{"a": 1}}', "is text, as a .prototxt or a .json"),
    "npy": (saved(np.save, BIAS), "one array of NumPy .*Save the arrays by their names where"),
    "tar": (TAR, "is a tar archive"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00", "compressed by gzip"),
    "zip": (archive(readme__txt="hello"), "is a zip archive, but holds neither .*readme.txt"),
    "no member": (archive(), "no file of weights|holds neither"),
    "program": (b"\x7fELF\x02\x01\x01\x00", "no file of weights that is known .*8 bytes, .*ELF"),
}


@pytest.mark.parametrize(("content", "match"), NO_WEIGHTS.values(), ids=NO_WEIGHTS)
def test_no_file_of_weights(fails, content, match):
    fails(content, match=match)


def test_a_folder(tmp_path):
    with pytest.raises(ValueError, match="is a folder without model.weights.h5"):
        weights.read(tmp_path)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file .*absent.h5"):
        weights.read(tmp_path / "absent.h5")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is no regular file"):
        weights.read(tmp_path / "pipe")


# Files that could do harm. Another process reads them all, and tells what came of it.


class Calls:
    """What a pickle calls when it is opened."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def h5(fill, **options):
    stream = io.BytesIO()
    with h5py.File(stream, "w", **options) as root:
        group = root.create_group("layers/dense/vars")
        group.attrs["name"] = "dense"
        fill(group, root)
    return stream.getvalue()


def dataset(**options):
    return h5(lambda group, root: group.create_dataset("0", dtype="float32", **options))


def linked(link):
    return h5(lambda group, root: group.__setitem__("0", link))


def virtual(group, root):
    source = h5py.VirtualSource("/etc/hostname", "x", shape=(4,))
    layout = h5py.VirtualLayout(shape=(4,), dtype="float32")
    layout[:] = source
    group.create_virtual_dataset("0", layout)


def cycle(group, root):
    group["0"] = BIAS
    group["again"] = root["layers"]


def twice(group, root):
    group["0"] = BIAS
    group["1"] = group["0"]


def long_name(group, root):
    group["0"] = BIAS
    group.attrs["name"] = "x" * 10**6


def checkpoint(name, legacy=False):
    """A file of PyTorch, of one thing that it should not hold."""

    def make(marker):
        import torch

        thing = {
            "runs code": lambda: Calls(os.system, f"touch {marker}"),
            "imports": lambda: Calls(exec, f"open({marker!r}, 'w')"),
            "takes memory": lambda: Calls(bytearray, 10**10),
            "takes time": lambda: list(range(10**6)),
            "is no dictionary": lambda: None,
            "expands": lambda: torch.zeros(1).expand(10**6, 10**6),
            "overlaps": lambda: torch.zeros(1000).as_strided((1000, 1000), (1, 0)),
        }[name]()
        content = [1] if thing is None else {"w": thing}
        stream = io.BytesIO()
        torch.save(content, stream, _use_new_zipfile_serialization=not legacy)
        return stream.getvalue()

    return make


def changed(content, sign, offset, form, value):
    """A file with another number at so many bytes after its last such sign."""
    content, at = bytearray(content), content.rindex(sign) + offset
    struct.pack_into(form, content, at, value)
    return bytes(content)


def deflated(*names):
    """A zip archive, the first of whose members is 200 MB of zeros."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name in names:
            file.writestr(name, bytes(2 * 10**8 if name == names[0] else 10))
    return stream.getvalue()


def npy(header, content=b"", version=b"\x01\x00"):
    header = str(header).encode() + b"\n"
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return b"\x93NUMPY" + version + size + header + content


def header(shape, descr="<f4"):
    return {"descr": descr, "fortran_order": False, "shape": shape}


def lying(size):
    """An archive whose compressed member, of 4,000,128 bytes, claims another size."""
    content = saved(np.savez_compressed, w=np.zeros(10**6, "float32"))
    return changed(content, b"PK\x01\x02", 24, "<I", size)


def within_another():
    """An archive whose second member lies within its first."""
    inner = archive(**{"b__npy": saved(np.save, BIAS)})
    inner = inner[: inner.index(b"PK\x01\x02")]
    outer = archive(**{"a__npy": inner, "b__npy": saved(np.save, BIAS)})
    return changed(outer, b"PK\x01\x02", 42, "<I", outer.index(inner))


def swallowed():
    """An archive whose first member has the entry of the second for a comment."""
    content = saved(np.savez, a=BIAS, b=BIAS)
    first = content.index(b"PK\x01\x02")
    second = content.rindex(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    struct.pack_into("<H", content := bytearray(content), first + 32, end - second)
    return bytes(content)


def lzma():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("w.npy", saved(np.save, BIAS))
    return stream.getvalue()


def long_list(group, root):
    root.attrs["layer_names"] = np.array([b"abc"] * 12345)


def other_number(content, old, new):
    return content.replace(struct.pack("<Q", old), struct.pack("<Q", new))


def swallowed_attribute():
    """A file whose first list of names has grown over the second one."""

    def fill(group, root):
        root.attrs["layer_names0"] = np.array([b"conv1"])
        root.attrs["layer_names1"] = np.array([b"conv2"])

    content = bytearray(h5(fill))
    first, second = (content.index(b"layer_names%d\0" % number) - 16 for number in range(2))
    (size,) = struct.unpack_from("<H", content, second + 2)
    struct.pack_into("<H", content, first + 2, second + size - first)
    return bytes(content)


def compressed_pth(marker):
    """A checkpoint that was packed anew."""
    import torch

    stream = io.BytesIO(saved(lambda stream: torch.save({"w": torch.ones(9)}, stream)))
    with zipfile.ZipFile(stream) as old:
        content = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name, each in content.items():
            new.writestr(name, each)
    return stream.getvalue()


def tensors(size, **offsets):
    """A file of safetensors, of which so many bytes are numbers."""
    text = {n: {"dtype": "F32", "shape": [2], "data_offsets": o} for n, o in offsets.items()}
    text = json.dumps(text).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def layer(*blobs, name=b"conv1_1"):
    return field(100, field(1, name) + b"".join(field(7, blob) for blob in blobs))


def shaped(*dims):
    return field(7, field(1, b"".join(varint(d % 2**64) for d in dims))) + field(5, bytes(8))


def nested(depth):
    content = b""
    for _ in range(depth):
        content = field(3, content[-100_000:])
    return content


HOSTILE = {
    "h5 link to another file": (
        lambda m: linked(h5py.ExternalLink("/etc/x", "y")),
        "links of a newer",
    ),
    "h5 link": (lambda m: linked(h5py.SoftLink("/elsewhere")), "vars/0 is a link"),
    "h5 numbers elsewhere": (
        lambda m: dataset(shape=(4,), external=[("/etc/hostname", 0, 16)]),
        "numbers in another file",
    ),
    "h5 virtual": (lambda m: h5(virtual), "in several pieces"),
    "h5 zeros": (
        lambda m: dataset(shape=(10**11,), chunks=(10**6,), compression="gzip"),
        "is a compressed array",
    ),
    "h5 chunks": (lambda m: dataset(shape=(10**11,), chunks=(10**6,)), "in several pieces"),
    "h5 not there": (
        lambda m: dataset(shape=(10**11,)),
        "vars/0 has no numbers, or not all of its 400,000,000,000",
    ),
    "h5 long heap": (
        lambda m: changed(dataset(data=BIAS), b"HEAP", 8, "<Q", 2**33),
        "8,589,934,592 bytes should be at byte",
    ),
    "h5 long list": (
        lambda m: other_number(h5(long_list), 12345, 2**40),
        "an attribute is damaged",
    ),
    "h5 size": (
        lambda m: other_number(dataset(data=np.ones(12345)), 12345, 12344),
        "vars/0 has 49,380 bytes for the shape .12344,.",
    ),
    "h5 swallowed": (lambda m: swallowed_attribute(), "is damaged: 4 messages"),
    "h5 cycle": (lambda m: h5(cycle), "or links, overlap"),
    "h5 twice": (lambda m: h5(twice), "or links, overlap"),
    "h5 long name": (lambda m: h5(long_name), "a name is damaged, or far too long"),
    "h5 depth": (lambda m: h5(lambda g, r: g.create_group("a/" * 99)), "one of far too many"),
    "h5 newer": (
        lambda m: h5(lambda g, r: None, libver="latest"),
        "is of the version [23] of HDF5",
    ),
    "h5 big-endian": (
        lambda m: h5(lambda g, r: g.create_dataset("0", data=BIAS.astype(">f4"))),
        "vars/0 is of a type that Keras does not write",
    ),
    "h5 other": (lambda m: h5(lambda g, r: None), "no layer has weights in it"),
    "pth code": (checkpoint("runs code"), "could run code: posix system"),
    "pth builtin": (checkpoint("imports"), "could run code: .*exec"),
    "pth memory": (checkpoint("takes memory"), "could run code: .*bytearray"),
    "pth time": (checkpoint("takes time"), "its pickle is too long"),
    "pth list": (checkpoint("is no dictionary"), "it holds a list, and no dictionary of tensors"),
    "pth compressed": (compressed_pth, "is compressed, as PyTorch compresses none"),
    "pth expanded": (checkpoint("expands"), "w is not a whole array: its strides are .0, 0."),
    "pth overlap": (checkpoint("overlaps"), "w is not a whole array"),
    "pth bomb": (lambda m: deflated("a/data/0", "a/data.pkl"), "which is no file of weights"),
    "th code": (checkpoint("runs code", True), "could run code: posix system"),
    "th memory": (checkpoint("takes memory", True), "could run code: .*bytearray"),
    "th expanded": (checkpoint("expands", True), "w is not a whole array"),
    "pickle": (
        lambda m: pickle.dumps(Calls(os.system, f"touch {m}")),
        "could run code: STACK_GLOBAL",
    ),
    "npy": (lambda m: saved(np.save, np.array([Calls(os.system, f"touch {m}")])), "run code"),
    "npz objects": (
        lambda m: saved(np.savez, w=np.array([Calls(os.system, f"touch {m}")])),
        "w holds Python objects, which could run code",
    ),
    "npz bomb": (lambda m: deflated("w.npy"), "200,000,000 bytes, of a file of"),
    "npz lzma": (lambda m: lzma(), "w.npy is compressed in a way that no file of weights is"),
    "npz comment": (lambda m: swallowed(), "a.npy is there twice, or within another member"),
    "npz more than it says": (lambda m: lying(10**6), "w has 1,000,000 bytes, and 4,000,128"),
    "npz less than it says": (lambda m: lying(6 * 10**7), "w has 60,000,000 bytes, and 4,000,128"),
    "npz overlap": (lambda m: within_another(), "b.npy is there twice, or within another member"),
    "npz shape": (lambda m: archive(w__npy=npy(header((10**12, 10**12)))), "w has .* bytes, and"),
    "npz negative": (lambda m: archive(w__npy=npy(header((-2, -2)), bytes(16))), "w has .* bytes"),
    "npz version": (
        lambda m: archive(w__npy=npy(header((2,)), bytes(8), b"\x02\x00")),
        "unknown version .2, 0. of .npy",
    ),
    "keras bomb": (lambda m: deflated("model.weights.h5"), "which is no file of weights"),
    "safetensors header": (
        lambda m: struct.pack("<Q", 2**60) + b"{}",
        "header would be 1,152,921,504,606,846,984 bytes",
    ),
    "safetensors depth": (
        lambda m: struct.pack("<Q", 10**5 + 1) + b"{" + b"[" * 10**5,
        "[Hh]eader",
    ),
    "safetensors type": (
        lambda m: tensors(8, a=[0, 8]).replace(b'"F32", "shape": [2]', b'"C64", "shape": [1]'),
        "a is of the type C64",
    ),
    "safetensors rest": (lambda m: tensors(12, a=[0, 8]), "not fully covered"),
    "safetensors cut off": (lambda m: tensors(4, a=[0, 8]), "not fully covered"),
    "safetensors gap": (lambda m: tensors(20, a=[0, 8], b=[12, 20]), "[Oo]ffset"),
    "safetensors overlap": (lambda m: tensors(8, a=[0, 8], b=[0, 8]), "[Oo]ffset"),
    "safetensors out": (lambda m: tensors(8, a=[0, 8], b=[10**15, 10**15 + 8]), "[Oo]ffset"),
    "safetensors shape": (lambda m: tensors(4 * 10**4, a=[0, 4 * 10**4]), "cannot be read"),
    "caffe length": (lambda m: varint(100 << 3 | 2) + varint(2**62) + b"x", "damaged at byte 0"),
    "caffe number": (lambda m: b"\x0a" + b"\xff" * 50, "cut off or damaged"),
    "caffe groups": (lambda m: b"\x0a\x00" + b"\x0b" * 10**5, "damaged at byte 2"),
    "caffe depth": (lambda m: field(100, nested(5000)), "no layer has weights"),
    "caffe fields": (lambda m: b"\x0a\x00" + b"\x08\x01" * 10**6, "more than 200,000 fields"),
    "caffe shape": (lambda m: layer(shaped(2**40, 2**40)), "conv1_1/0 of shape .* has 8 bytes"),
    "caffe negative": (lambda m: layer(shaped(-1, -2)), "conv1_1/0 of shape .-1, -2. has 8 bytes"),
    "caffe twice": (lambda m: 2 * layer(shaped(2)), "two layers have the name conv1_1"),
    "caffe type": (lambda m: field(100, field(1, 7)), "damaged before byte"),
    "caffe long name": (lambda m: layer(shaped(2), name=b"x" * 10**5), "a name or a shape is too"),
    "caffe no words": (lambda m: layer(shaped(2), name=b"\xff\xfe"), "codec can't decode"),
    "caffe pieces": (lambda m: layer(shaped(2) + field(5, bytes(8))), "its numbers in 2 pieces"),
    "caffe nothing": (lambda m: layer(), "no layer has weights in it"),
}
READ_ALL = """
import json, pathlib, resource, sys, time
from keras_classics import weights
from keras_classics.weights.formats import open_weights
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if path.name[0] == "1":  # from here on 4 GiB more are an error, and no harm to this machine
        size = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 2**32, -1))
    before, start, said = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.time(), "read"
    try:
        weights.read(path)
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([path.name, said, time.time() - start, grown / 2**10]), flush=True)
"""


def needed(name):
    libraries = {"pth": "torch", "th": "torch", "safetensors": "safetensors"}
    return libraries.get(name.split()[0], "numpy")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, written):
    """What another process says of each hostile file: the error, seconds, and MiB of memory."""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("measures memory as Linux tells it")
    folder, found = tmp_path_factory.mktemp("hostile"), {}
    for name in ("zip pth", "numpy.safetensors"):  # import what they need
        if importlib.util.find_spec(needed(name.replace("zip ", ""))):
            (folder / f"0 {name}").write_bytes(written(name.replace(" ", "."))[0])
    for name, (make, _) in HOSTILE.items():
        if importlib.util.find_spec(needed(name)):
            (folder / f"1 {name}").write_bytes(make(str(folder.with_name("marker"))))
    command = [sys.executable, "-c", READ_ALL, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        name, *outcome = json.loads(line)
        found[name[2:]] = (str(folder / name), *outcome)
    assert not folder.with_name("marker").exists()
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(outcomes, name):
    pytest.importorskip(needed(name), reason="needs the library of this format")
    path, said, seconds, grown = outcomes[name]
    assert said.startswith("ValueError")
    assert path in said
    assert re.search(HOSTILE[name][1], said.replace(path, ""))
    assert seconds < 2
    assert grown < 30  # MiB


@pytest.mark.parametrize(
    ("form", "library", "extra"),
    [
        ("zip.pth", "torch", "torch"),
        ("legacy.th", "torch", "torch"),
    ],
)
def test_a_missing_library(written, model, tmp_path, monkeypatch, form, library, extra):
    (tmp_path / form).write_bytes(written(form)[0])
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf'{form} takes .*"keras-classics\[{extra}\]"'):
        weights.load(model, tmp_path / form)


# What is not as in the small files above.


def test_caffemodels_of_protobuf(tmp_path):
    """Written by protobuf's own encoder, packed and not, with numbers of several bytes."""
    pytest.importorskip("google.protobuf", reason="needs protobuf, to write a caffemodel")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    schema = {  # of Caffe's public format
        "Shape": [("dim", 1, "INT64", "packed")],
        "Blob": [("data", 5, "FLOAT", "packed"), ("shape", 7, "Shape", "")],
        "Convolution": [("group", 5, "UINT32", ""), ("stride", 6, "UINT32", "repeated")],
        "LRN": [
            ("local_size", 1, "UINT32", ""),
            *(("alpha", 2, "FLOAT", ""), ("beta", 3, "FLOAT", ""), ("k", 5, "FLOAT", "")),
        ],
        "Layer": [
            *(("name", 1, "STRING", ""), ("type", 2, "STRING", "")),
            *(("loss_weight", 5, "FLOAT", "packed"), ("blobs", 7, "Blob", "repeated")),
            *(("convolution_param", 106, "Convolution", ""), ("lrn_param", 118, "LRN", "")),
        ],
        "Net": [("name", 1, "STRING", ""), ("layer", 100, "Layer", "repeated")],
    }
    file = descriptor_pb2.FileDescriptorProto(name="net.proto", package="test", syntax="proto2")
    for name, fields in schema.items():
        described = file.message_type.add(name=name)
        for label, number, kind, form in fields:
            one = described.field.add(name=label, number=number)
            one.label = one.LABEL_REPEATED if form else one.LABEL_OPTIONAL
            if kind in schema:
                one.type, one.type_name = one.TYPE_MESSAGE, f".test.{kind}"
            else:
                one.type, one.options.packed = getattr(one, f"TYPE_{kind}"), form == "packed"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    net = message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Net"))(name="net")
    conv = net.layer.add(name="conv1/7x7_s2", type="Convolution", loss_weight=[1.0, 2.0])
    conv.convolution_param.group, (numbers := np.float32(range(700)))[3] = 300, -0.5
    conv.convolution_param.stride.extend([200, 3])
    blob = conv.blobs.add(data=numbers)
    blob.shape.dim.extend([350, 2])
    net.layer.add(name="norm", type="LRN").lrn_param.alpha = 1e-4
    lrn = net.layer.add(name="norm2", type="LRN").lrn_param
    lrn.local_size, lrn.alpha, lrn.beta, lrn.k = 200, 0.5, 0.25, 2.0
    (tmp_path / "net.caffemodel").write_bytes(net.SerializeToString())
    with open_weights(tmp_path / "net.caffemodel") as found:
        assert found.structure == [
            ("conv1/7x7_s2", "Convolution", 200, 300, None),
            ("norm", "LRN", 1, 1, (1.0, np.float32(1e-4), 0.75, 5)),
            ("norm2", "LRN", 1, 1, (2.0, 0.5, 0.25, 200)),
        ]
        (array,) = found.arrays.values()
        np.testing.assert_array_equal(array.read(), numbers.reshape(350, 2), strict=True)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", "<f8", "<i8", "?", "<U3"])
def test_npz_of_other_types(tmp_path, dtype, order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4), dtype, order)
    np.savez(tmp_path / "a.npz", a=array, b=array[0, 0, 0])
    found = weights.read(tmp_path / "a.npz")
    native = np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(found["a"], array.astype(native), strict=True)
    np.testing.assert_array_equal(found["b"], array[0, 0, 0].astype(native), strict=True)


def bfloat16_of_keras(path):
    dense = layers.Dense(2, dtype="bfloat16")
    model = keras.Sequential([keras.Input((2,)), dense])
    dense.kernel.assign([[1, -0.5], [3.140625, 0]])
    model.save_weights(path)
    return "layers/dense/vars/0"


def bfloat16_of_torch(path):
    torch = pytest.importorskip("torch", reason="needs PyTorch, which reads its checkpoints")
    torch.save({"w": torch.tensor([[1, -0.5], [3.140625, 0]], dtype=torch.bfloat16)}, path)
    return "w"


def bfloat16_of_safetensors(path):
    text = json.dumps({"w": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    numbers = struct.pack("<4f", 1, -0.5, 3.140625, 0)
    halves = b"".join(numbers[i : i + 2] for i in range(2, 16, 4))
    path.write_bytes(struct.pack("<Q", len(text)) + text + halves)
    return "w"


@pytest.mark.parametrize("write", [bfloat16_of_keras, bfloat16_of_torch, bfloat16_of_safetensors])
def test_bfloat16(tmp_path, write):
    name = write(tmp_path / "a.weights.h5")
    expected = np.array([[1, -0.5], [3.140625, 0]], "float32")
    array = weights.read(tmp_path / "a.weights.h5")[name]
    np.testing.assert_array_equal(array, expected, strict=True)


def one_tensor(kind, shape, numbers):
    """A file of safetensors with one array, of bytes as they are."""
    text = json.dumps({"w": {"dtype": kind, "shape": shape, "data_offsets": [0, len(numbers)]}})
    return struct.pack("<Q", len(text)) + text.encode() + numbers


def float8(exponents, bias, byte):
    """A number by its bits, or `None` if it is not finite (Micikevicius et al., 2022, table 1)."""
    bits = f"{byte:08b}"
    exponent, mantissa = bits[1 : 1 + exponents], bits[1 + exponents :]
    ones = "1" * len(mantissa)
    if "0" not in exponent and (exponents == 5 or mantissa == ones):
        return None
    value = int(mantissa, 2) / 2 ** len(mantissa) + (int(exponent, 2) > 0)
    return (-1) ** int(bits[0]) * value * 2.0 ** (max(int(exponent, 2), 1) - bias)


@pytest.mark.parametrize(("kind", "exponents", "bias"), [("F8_E4M3", 4, 7), ("F8_E5M2", 5, 15)])
def test_float8(kind, exponents, bias, tmp_path, monkeypatch):
    """All 256 numbers, without the libraries that know these types."""
    for library in ("ml_dtypes", "torch"):
        monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / "a").write_bytes(one_tensor(kind, [16, 16], bytes(range(256))))
    found = weights.read(tmp_path / "a")["w"]
    assert found.dtype == "float32"
    for byte, number in enumerate(found.reshape(-1)):
        expected = float8(exponents, bias, byte)
        assert not np.isfinite(number) if expected is None else number == expected


def test_bfloat16_whatever_was_imported(tmp_path, monkeypatch):
    for library in ("ml_dtypes", "torch"):
        monkeypatch.setitem(sys.modules, library, None)
    name = bfloat16_of_safetensors(tmp_path / "a")
    assert weights.read(tmp_path / "a")[name][1, 0] == 3.140625


@pytest.mark.parametrize("kind", ["float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_float8_of_pytorch(kind, suffix, tmp_path):
    torch = pytest.importorskip("torch", reason="needs PyTorch, to write it")
    tensor, path = torch.tensor([[1, -0.5], [1.75, 0]]).to(getattr(torch, kind)), tmp_path / "a"
    if suffix == ".pth":
        torch.save({"w": tensor}, path)
    else:
        pytest.importorskip("safetensors.torch").save_file({"w": tensor}, path)
    expected = np.array([[1, -0.5], [1.75, 0]], "float32")
    np.testing.assert_array_equal(weights.read(path)["w"], expected, strict=True)


def test_float8_with_scales(model, tmp_path):
    """Of a quantized model: the kernels alone are other numbers."""
    torch = pytest.importorskip("torch", reason="needs PyTorch, to write it")
    tensors = {name: torch.tensor(array) for name, array in THEIRS.items()}
    kernel = tensors["features.0.weight"] = tensors["features.0.weight"].to(torch.float8_e4m3fn)
    torch.save(tensors, tmp_path / "a")
    weights.load(model, tmp_path / "a")
    rounded = kernel.float().numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(model.get_weights()[0], rounded)
    torch.save({**tensors, "features.0.weight_scale": torch.tensor(0.5)}, tmp_path / "a")
    with pytest.raises(ValueError, match="float8 with scales beside it .features.0.weight_scale"):
        weights.load(model, tmp_path / "a")


def test_many_groups_and_long_lists_of_names(tmp_path):
    """What takes more than one node of a tree, one part of a heap, and one attribute."""
    names = [f"a_layer_with_a_rather_long_name_{number}" for number in range(3000)]
    with h5py.File(tmp_path / "a.h5", "w") as root:
        for part in range(2):
            half = names[1500 * part : 1500 * (part + 1)]
            root.attrs[f"layer_names{part}"] = [name.encode() for name in half]
        for number, name in enumerate(names):
            root.create_group(name).attrs["weight_names"] = [b"w"]
            root[name]["w"] = np.float32([number])
    found = weights.read(tmp_path / "a.h5")
    assert [int(found[f"{name}/w"][0]) for name in names] == list(range(3000))


@every_format
def test_the_file_is_closed(written, model, tmp_path, form):
    content, path = written(form)[0], tmp_path / "weights"
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("counts open files as Linux tells them")
    for damaged in (content, content[:-9], content.replace(b"conv", b"Conv")):
        path.write_bytes(damaged)
        with contextlib.suppress(ValueError):
            weights.load(model, path)
        links = [pathlib.Path(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")]
        assert path not in [link.readlink() for link in links if link.is_symlink()]
        assert str(path) not in pathlib.Path("/proc/self/maps").read_text()
