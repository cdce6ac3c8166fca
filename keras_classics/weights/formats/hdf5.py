"""Weights files of Keras: the `.h5` of keras.applications, `.weights.h5` and `.keras`.

The HDF5 library crashes, hangs or takes gigabytes where a file is damaged, and follows links to
other files. So these files are read here, as far as Keras writes HDF5: groups by symbol tables,
and datasets in one piece. The comments note the sections of the HDF5 File Format Specification.
"""

import bisect
import collections
import math
import struct

import numpy as np

from keras_classics.weights.formats.parts import File, itemsize, members, open_part

# Messages of an object (section IV.A.2).
SPACE, TYPE, ATTRIBUTE, LAYOUT, CONTINUATION, SYMBOL_TABLE = 1, 3, 12, 8, 16, 17
ELSEWHERE = dict.fromkeys((2, 6), "is a group with links of a newer form")
ELSEWHERE |= {7: "is an array with its numbers in another file", 11: "is a compressed array"}
LONGEST, DEEPEST, MOST = 1024, 50, 10**5


def read(path, stack):
    """The `File` of a `.h5` or a `.weights.h5`."""
    return _file(_Objects(open_part(path, stack)))


def read_keras(path, stack):
    """The `File` of the weights within a `.keras` file. Its other members are not read."""
    return _file(_Objects(members(path, stack)["model.weights.h5"].part()))


def _file(objects):
    """The arrays of an HDF5 file, by the names of their layers."""
    for root in ("", "model_weights"):  # within the second, Keras 2 saved a whole model
        if objects.strings(root, "layer_names") is not None:
            version = "".join(objects.strings(root, "keras_version") or "")
            arrays, models = _legacy(objects, root)
            return File(arrays, "legacy" if version[:1] > "2" else "old", models=models)
    # Groups are named after classes, `layers/conv2d_1`, and note the names of their layers.
    noted = {
        path.removesuffix("/vars"): "".join(names)
        for path in objects.messages
        if path.endswith("/vars") and (names := objects.strings(path, "name"))
    }
    paths = [path for path in objects.messages if _of_a_layer(path.split("/"))]
    if not paths:
        raise ValueError("no layer has weights in it")
    keys = [_key(noted, path) for path in paths]
    if len(set(keys)) < len(keys):
        if not noted:
            raise ValueError(
                "its layers have no names, as an old version of Keras 3 wrote it: load it into the "
                "model that it is of, and save that by a newer one"
            )
        # Of two models in a third; with the names of the models, they differ.
        keys = [_key(noted, path, outer=True) for path in paths]
        twice = [key for key, count in collections.Counter(keys).items() if count > 1]
        if twice:
            raise ValueError(f"two layers have the name {twice[0].rpartition('/')[0]}")
    models = {key: _model(path) for key, path in zip(keys, paths, strict=True)}
    ((most, _),) = collections.Counter(models.values()).most_common(1)
    inside = f"{most}/layers/".lstrip("/")
    kinds = {
        name: path.removeprefix(inside).rstrip("0123456789").rstrip("_")
        for path, name in noted.items()
        if path.startswith(inside) and "/" not in path.removeprefix(inside)
    }
    arrays = {key: objects.array(path) for key, path in zip(keys, paths, strict=True)}
    return File(arrays, "nested" if any(models.values()) else "flat", kinds, models)


def _of_a_layer(levels):
    """Whether an object is a weight of a layer: not of an optimizer, and no state of a seed."""
    state = levels[-2:-1] == ["vars"]
    return state and not {"seed_generator", "optimizer"} & set(levels)


def _model(path):
    """The path of the innermost model above an array."""
    return f"/{path}".rpartition("/layers/")[0].removeprefix("/")


def _key(noted, path, outer=False):
    """The names of the layers above an array, from the innermost model on, and its number.

    Args:
        noted: The names of layers by their paths.
        path: The path of the array.
        outer: Whether to begin with the names of the models.
    """
    *levels, _, number = path.split("/")
    names = []
    for depth, level in enumerate(levels, 1):
        name = noted.get("/".join(levels[:depth]))
        if name is not None:
            names.append(name)
        elif level == "layers" and not outer:
            names = []
    return "/".join([*names, number])


def _legacy(objects, root):
    """The arrays of a file of Keras 1 or 2, and their models; its groups note all names.

    The weights of a model within the model are in one group. Their own names have their layers'.
    """
    arrays, models, root = {}, {}, root and f"{root}/"
    for group in objects.strings(root.rstrip("/"), "layer_names"):
        names = objects.strings(f"{root}{group}", "weight_names") or []
        layers = [name.rpartition("/")[0] for name in names]
        nested = len(set(layers)) > 1 and group not in layers
        for number, name in enumerate(names):
            layer = layers[number] if nested else group
            key = f"{layer}/{layers[:number].count(layer) if nested else number}"
            if key in arrays:
                raise ValueError(f"two layers have the name {layer}")
            array = objects.array(f"{root}{group}/{name}")
            arrays[key] = array._replace(name=f"{group}/{name}")
            models[key] = group if nested else ""
    return arrays, models


def _encoded(dtype):
    """The encoding of a dataset's type (IV.A.2.d): the places of the bits in a number."""
    dtype = np.dtype(dtype)
    bits = 8 * dtype.itemsize
    if dtype.kind in "iu":
        return struct.pack("<BBxxIHH", 0x10, 8 * (dtype.kind == "i"), dtype.itemsize, 0, bits)
    exponent, mantissa = np.finfo(dtype).nexp, np.finfo(dtype).nmant
    places = (0, bits, mantissa, exponent, 0, mantissa, 2 ** (exponent - 1) - 1)
    return struct.pack("<BBBxIHHBBBBI", 0x11, 0x20, bits - 1, dtype.itemsize, *places)


TYPES = {_encoded(f"<{kind}"): f"<{kind}" for kind in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8".split()}
OPAQUE = struct.pack("<BxxxI", 0x15, 2)  # as Keras writes bfloat16, noting it in an attribute


class _Objects:
    """The messages of all groups and datasets of an HDF5 file, `messages[path][number]`.

    No two parts of the file may overlap. So the walk ends, and takes no more memory than the
    file has bytes.
    """

    def __init__(self, file):
        self._file, self._starts, self._ends, self._heaps = file, [], [], {}
        top = self._take(0, 96, file.bytes(0, 8))  # the superblock (II.A)
        self._leaf, self._internal = struct.unpack_from("<HH", top, 16)
        base, end, root = struct.unpack_from("<Q8xQ16xQ", top, 24)
        if top[8] or top[13:15] != b"\x08\x08" or base:
            raise ValueError(f"it is of the version {top[8]} of HDF5; Keras writes the version 0")
        if end > file.size:
            raise ValueError(f"it is cut off: {file.size:,} of {end:,} bytes are there")
        self.messages, pending = {}, [("", root)]
        for path, address in pending:  # which grows
            if path in self.messages or path.count("/") > DEEPEST or len(pending) > MOST:
                raise ValueError(f"{path[:LONGEST]} is there twice, or one of far too many groups")
            self.messages[path] = messages = self._header(address)
            for number, words in ELSEWHERE.items():
                if number in messages:
                    raise ValueError(f"{path or 'it'} {words}, as nothing in Keras's files is")
            for table in messages.get(SYMBOL_TABLE, []):
                for name, address, kind in self._links(table):
                    if kind == 2:
                        raise ValueError(f"{path}/{name} is a link, and no group or dataset")
                    pending.append((f"{path}/{name}".lstrip("/"), address))

    def _take(self, start, size, sign=b""):
        """Bytes of the file, which must begin with a sign, and are claimed."""
        data = self._file.bytes(start, size)
        if not data.startswith(sign):
            raise ValueError(f"it is damaged at byte {start:,}: {sign} should be there")
        self._claim(start, size)
        return data

    def _claim(self, start, size):
        """Notes that bytes belong to one part of the file. A second claim is refused."""
        at, end = bisect.bisect(self._starts, start), start + size
        after = self._starts[at] if at < len(self._starts) else end
        if after < end or (at and self._ends[at - 1] > start):
            raise ValueError(f"two parts of it, or links, overlap at byte {start:,}")
        self._starts.insert(at, start)
        self._ends.insert(at, end)

    def _header(self, address):
        """The messages of an object by their numbers, `{number: [bytes, ...]}` (IV.A.1.a)."""
        count, size = struct.unpack("<2xH4xI4x", self._take(address, 16, b"\x01\x00"))
        messages, found, pending = {}, 0, [(address + 16, size)]
        for start, size in pending:
            block, at = self._take(start, size), 0
            while at + 8 <= size:
                number, length, flags = struct.unpack_from("<HHB", block, at)
                body, at = block[at + 8 : at + 8 + length], at + 8 + length
                if at > size or flags & 2:
                    raise ValueError(f"the object at byte {address:,} is damaged, or shared")
                if number == CONTINUATION:
                    pending.append(struct.unpack("<QQ", body[:16]))
                messages.setdefault(number, []).append(body)
                found += 1
        if found != count:
            raise ValueError(f"the object at byte {address:,} is damaged: {count} messages")
        return messages

    def _links(self, table):
        """`(name, address, kind)` of what is in a group, by its symbol table (III.A to III.D)."""
        tree, heap = struct.unpack("<QQ", table[:16])
        size, address = struct.unpack_from("<Q8xQ", self._take(heap, 32, b"HEAP"), 8)
        names, pending = self._take(address, size), [tree]
        for node in pending:
            if self._file.bytes(node, 4) == b"TREE":
                data = self._take(node, 24 + 8 * (4 * self._internal + 1), b"TREE\x00")
                (count,) = struct.unpack_from("<H", data, 6)
                pending += struct.unpack_from("<" + "Q8x" * count, data, 32)
            else:
                data = self._take(node, 8 + 80 * self._leaf, b"SNOD\x01")
                (count,) = struct.unpack_from("<H", data, 6)
                for name, address, kind in struct.iter_unpack("<QQI20x", data[8 : 8 + 40 * count]):
                    end = names.find(b"\0", name, name + LONGEST)
                    if end < 0:
                        raise ValueError(f"the names at byte {heap:,} are damaged")
                    yield names[name:end].decode(), address, kind

    def strings(self, path, attribute):
        """The strings of an attribute, or `None`. Keras splits a long one into several."""
        found = {}
        for body in self.messages.get(path, {}).get(ATTRIBUTE, []):  # IV.A.2.m
            version, *sizes = struct.unpack_from("<BxHHH", body)
            at, step = (9 if version == 3 else 8), (8 if version == 1 else 1)
            parts = []
            for size in sizes:
                parts.append(body[at : at + size])
                at += -(-size // step) * step
            found[parts[0].rstrip(b"\0").decode()] = (*parts[1:], body[at:])
        numbered = [f"{attribute}{number}" for number in range(len(found))]
        parts = [found[name] for name in (attribute, *numbered) if name in found]
        return [text for part in parts for text in self._texts(*part)] if parts else None

    def _texts(self, kind, space, data):
        (size,), count = struct.unpack_from("<I", kind, 4), math.prod(_shape(space))
        if max(size, 1) * count > len(data):
            raise ValueError("an attribute is damaged")
        texts = [data[size * number : size * (number + 1)] for number in range(count)]
        if kind[0] & 15 == 9:  # strings of variable length, which lie in a heap (III.E)
            texts = [self._text(*struct.unpack("<IQI", text)) for text in texts]
        elif count and (kind[0] & 15 != 3 or size > LONGEST):  # of no names, the type is another
            raise ValueError("an attribute holds no names")
        return [text.rstrip(b"\0").decode() for text in texts]

    def _text(self, size, address, number):
        if not size:
            return b""
        if address not in self._heaps:
            (length,) = struct.unpack("<Q", self._file.bytes(address + 8, 8))
            heap, at = self._take(address, length, b"GCOL\x01"), 16
            texts = self._heaps[address] = {}
            while at + 16 <= length:
                index, length_of_one = struct.unpack_from("<H6xQ", heap, at)
                texts[index] = heap[at + 16 : at + 16 + length_of_one]
                at += 16 + -(-length_of_one // 8) * 8
        text = self._heaps[address].get(number, b"")
        if size > min(LONGEST, len(text)):
            raise ValueError("a name is damaged, or far too long")
        return text[:size]

    def array(self, path):
        """The `Array` of a dataset. Its numbers must be in one piece (IV.A.2.i)."""
        messages = self.messages.get(path, {})
        if not {SPACE, TYPE, LAYOUT} <= messages.keys():
            raise ValueError(f"{path} is missing, or no array")
        (space, *_), (kind, *_), (layout, *_) = (messages[n] for n in (SPACE, TYPE, LAYOUT))
        dtype = next((name for code, name in TYPES.items() if kind.startswith(code)), None)
        if kind.startswith(OPAQUE) and self.strings(path, "dtype") == ["bfloat16"]:
            dtype = "bfloat16"
        if dtype is None:
            raise ValueError(f"{path} is of a type that Keras does not write: {kind[:20].hex()}")
        if layout[:2] != b"\x03\x01":
            raise ValueError(f"{path} is in several pieces, or compressed, as Keras writes none")
        start, size = struct.unpack_from("<QQ", layout, 2)
        shape = _shape(space)
        if size != math.prod(shape) * itemsize(dtype):
            raise ValueError(f"{path} has {size:,} bytes for the shape {shape}")
        if start + size > self._file.size:
            raise ValueError(f"{path} has no numbers, or not all of its {size:,} bytes")
        self._claim(start, size)
        return self._file.array(path, start, shape, dtype)


def _shape(space):
    """The shape in a message of a dataspace (IV.A.2.b)."""
    version, rank, _, kind = space[:4]
    if version not in (1, 2) or (version == 2 and kind == 2) or rank > 32:
        raise ValueError("it has an empty array, or it is damaged")
    return struct.unpack_from(f"<{rank}Q", space, 8 if version == 1 else 4)
