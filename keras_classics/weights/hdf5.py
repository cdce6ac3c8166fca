"""Weights files of Keras: the `.h5` of keras.applications, `.weights.h5` and `.keras`."""

import io
import zipfile

from keras_classics.weights.files import Array, File, check_member

KIND = "a weights file of Keras (HDF5)"


def read(path, stack):
    """The `File` of a `.h5` or a `.weights.h5`."""
    import h5py

    return _index(path, KIND, stack.enter_context(h5py.File(path)))


def read_keras(path, stack):
    """The `File` of the weights within a `.keras` file; nothing else of it is read."""
    import h5py

    archive = stack.enter_context(zipfile.ZipFile(path))
    info = archive.getinfo("model.weights.h5")
    check_member(archive, info)
    if info.compress_type == zipfile.ZIP_STORED:
        stream = stack.enter_context(_Part(path, archive, info))
    else:
        stream = io.BytesIO(archive.read(info))
    return _index(path, "a model of Keras (.keras)", stack.enter_context(h5py.File(stream)))


class _Part(io.RawIOBase):
    """A member of a zip archive that is not compressed, as a file that can be sought in."""

    def __init__(self, path, archive, info):
        with archive.open(info) as member:
            member.read(1)
            self._start = archive.fp.tell() - 1 if info.file_size else 0
        self._file, self._size, self._at = path.open("rb"), info.file_size, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self._at = offset + {0: 0, 1: self._at, 2: self._size}[whence]
        return self._at

    def tell(self):
        return self._at

    def readinto(self, buffer):
        view = memoryview(buffer)[: max(self._size - self._at, 0)]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(view)
        self._at += count
        return count

    def close(self):
        self._file.close()
        super().close()


def _index(path, kind, root):
    """The arrays of an HDF5 file, by the names of their layers."""
    datasets = list(_walk(root))
    if "layer_names" in root.attrs or "layer_names0" in root.attrs:
        return File(path, kind, _legacy(root), "legacy")
    if "model_weights" in root:  # a whole model, as Keras 2 saved it
        return File(path, kind, _legacy(root["model_weights"]), "legacy")
    arrays, nested = {}, False
    for name, dataset in datasets:
        *levels, state, number = name.split("/")
        if state != "vars" or "seed_generator" in levels or levels[:1] == ["optimizer"]:
            continue  # no weights of layers
        key = "/".join([*_layer(root, levels), number])
        if key in arrays:
            raise ValueError(f"two layers have the name {key.rpartition('/')[0]}")
        arrays[key] = _array(name, dataset)
        nested = nested or levels.count("layers") > 1
    if not arrays:
        raise ValueError("no layer has weights in it")
    if nested:
        return File(path, kind, arrays, "nested")
    return File(path, kind, arrays, "flat", _kinds(root))


def _kinds(root):
    """The layers of a model and what they are, `{"conv2_1_add": "add"}`."""
    return {
        _layer(root, ["layers", group])[-1]: group.rstrip("0123456789").rstrip("_")
        for group in root["layers"]
        if f"layers/{group}/vars" in root and "name" in root[f"layers/{group}/vars"].attrs
    }


def _walk(group):
    """All datasets of a group with their names; links out of the file are refused."""
    import h5py

    pending = [("", group)]
    while pending:
        prefix, group = pending.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ValueError(f"{prefix}{name} is a link, perhaps to another file")
            item = group[name]
            if isinstance(item, h5py.Group):
                if prefix.count("/") > 50:
                    raise ValueError("groups are nested without end")
                pending.append((f"{prefix}{name}/", item))
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise ValueError(f"{prefix}{name} has its numbers in another file")
                yield f"{prefix}{name}", item


def _layer(root, levels):
    """The names of the layers on the way to an array, within the last model on it.

    Groups are named after classes, `layers/conv2d_1`, and note the names of their layers.
    """
    path, names = "", []
    for level in levels:
        path = f"{path}/{level}"
        noted = root[f"{path}/vars"].attrs.get("name") if f"{path}/vars" in root else None
        if level == "layers" and noted is None:
            names = []
        elif noted is not None:
            names.append(noted.decode() if isinstance(noted, bytes) else str(noted))
    return names


def _legacy(root):
    """The arrays of a file of Keras 1 or 2: groups note the names of their layers and weights."""
    arrays = {}
    for layer in _names(root, "layer_names"):
        for number, name in enumerate(_names(root[layer], "weight_names")):
            arrays[f"{layer}/{number}"] = _array(f"{layer}/{name}", root[layer][name])
    return arrays


def _names(group, attribute):
    """A list of names, which Keras splits where it is too long for one attribute."""
    parts = [group.attrs[attribute]] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{attribute}{len(parts)}"])
    return [name.decode() if isinstance(name, bytes) else str(name) for p in parts for name in p]


def _array(name, dataset):
    if dataset.shape is None:
        raise ValueError(f"{name} is empty")
    return Array(name, tuple(dataset.shape), str(dataset.dtype), lambda: dataset[()])
