"""Networks of other libraries with random weights, and their files, as these publish them.

Images come and outputs go as in Keras: channels last, RGB, NumPy.
"""

import math
import re
import struct
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch, for peers to compare with")
nn, F = torch.nn, torch.nn.functional


def library(name):
    """torchvision, or what needs it, also beside a PyTorch whose operators it was not built for.

    Its compiled operators, which no network here uses, are declared one by one as they are missed.
    """
    pytest.importorskip("safetensors", reason="needs safetensors, which timm needs, too")
    for _ in range(60):
        try:
            return pytest.importorskip(name, reason=f"needs {name}, to compare with")
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if not missing:
                raise
            OPERATORS.define(f"{missing[1]}(Tensor a) -> Tensor")
            for module in [m for m in sys.modules if m.startswith(("torchvision", "timm"))]:
                del sys.modules[module]
    return pytest.skip(f"{name} misses operators")


# Random numbers are drawn once; a weight takes a window of them.
POOL = np.random.default_rng(0).standard_normal(2**18 + 3, "float32")


def window(shape, rng):
    """Numbers of the pool from a random place on, which goes round as often as it takes."""
    size, start = math.prod(shape), rng.integers(len(POOL))
    rounds = [POOL] * -(-(start + size) // len(POOL))
    numbers = POOL if len(rounds) == 1 else np.concatenate(rounds)
    return numbers[start : start + size].reshape(shape)


def transformers():
    """The library, which imports torchvision; and leaves alone what this process logs."""
    library("torchvision")
    return pytest.importorskip("transformers", reason="needs transformers, to compare with")


OPERATORS = torch.library.Library("torchvision", "FRAGMENT")


def build(network, *arguments, **named):
    """A network with random weights, without the time that its own start of them takes."""
    with torch.device("meta"):
        module = network(*arguments, **named)
    return lively(module.to_empty(device="cpu"))


def lively(module, seed=1):
    """Gives all weights random values, far from where they start."""
    rng = np.random.default_rng(seed)
    tensors = dict(module.named_parameters()) | dict(module.named_buffers())
    with torch.no_grad():
        for name, tensor in tensors.items():
            shape = tuple(tensor.shape)
            if not tensor.is_floating_point():
                tensor.fill_(7)  # a counter
            elif name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
                tensor.copy_(torch.from_numpy(rng.uniform(0.5, 1.5, shape)))
            elif len(shape) > 1 and name.endswith("weight"):
                values = window(shape, rng)
                tensor.copy_(torch.from_numpy(values)).mul_(math.sqrt(2 / math.prod(shape[1:])))
            else:
                tensor.copy_(torch.from_numpy(0.3 * window(shape, rng)))
    return module.eval()


def outputs(module, x):
    """What a network gives for images `(n, height, width, channels)`."""
    with torch.no_grad():
        return module(torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))).numpy()


def write(state, path, form=""):
    """Writes a state dict: as `.safetensors`; or as a pickle, `"legacy"` for one without zip."""
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file({k: v.contiguous() for k, v in state.items()}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form != "legacy")
    return path


# akamaster/pytorch_resnet_cifar10


class Added(nn.Module):
    """Shortcut A, with half of the zero maps before the others and half behind."""

    def __init__(self, maps):
        super().__init__()
        self.maps = maps

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.maps // 4, self.maps // 4))


class Block(nn.Module):
    def __init__(self, inputs, maps, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, maps, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(maps)
        self.shortcut = Added(maps) if stride > 1 else nn.Identity()

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class Akamaster(nn.Module):
    """A residual network for CIFAR-10 of 6n + 2 layers."""

    def __init__(self, depth, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inputs = 16
        for stage, maps in enumerate((16, 32, 64), start=1):
            blocks = []
            for i in range(depth // 6):
                blocks.append(Block(inputs, maps, 2 if stage > 1 and i == 0 else 1))
                inputs = maps
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


# chenyaofo/pytorch-cifar-models, and akamaster's option B


class Projecting(nn.Module):
    """A residual network for CIFAR whose shortcuts project where the maps change."""

    def __init__(self, depth, classes=10, shortcut="downsample", head="fc"):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.shortcut, self.head, inputs = shortcut, head, 16
        for stage, maps in enumerate((16, 32, 64), start=1):
            blocks = []
            for i in range(depth // 6):
                stride = 2 if stage > 1 and i == 0 else 1
                block = Block(inputs, maps, stride)
                del block.shortcut
                if stride > 1:
                    project = nn.Conv2d(inputs, maps, 1, stride, bias=False)
                    setattr(block, shortcut, nn.Sequential(project, nn.BatchNorm2d(maps)))
                blocks.append(block)
                inputs = maps
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        setattr(self, head, nn.Linear(64, classes))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for block in (*self.layer1, *self.layer2, *self.layer3):
            y = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
            x = F.relu(y + getattr(block, self.shortcut, nn.Identity())(x))
        return getattr(self, self.head)(x.mean((2, 3)))


# vision_transformer and big_vision

# What the authors call the layers of `ViTTwin`, and what Flax calls their weights.
RELEASED = {
    r"^encoder_block_(\d+)": lambda m: f"Transformer/encoderblock_{int(m[1]) - 1}",
    r"^conv(\d)_(\d+)_": lambda m: f"block{int(m[1]) - 1}/unit{m[2]}/",
    r"unit(\d+)/conv(\d)_gn": r"unit\1/gn\2",
    r"unit(\d+)/shortcut_gn": r"unit\1/gn_proj",
    r"unit(\d+)/shortcut": r"unit\1/conv_proj",
    r"^conv_root_gn": "gn_root",
    r"^encoder_norm": "Transformer/encoder_norm",
    r"^predictions": "head",
    r"^patch_embedding": "embedding",
    r"^class_token$": "cls",
    r"^position_embedding$": "Transformer/posembed_input/pos_embedding",
    r"\.norm1": "/LayerNorm_0",
    r"\.norm2": "/LayerNorm_2",
    r"\.attention": "/MultiHeadDotProductAttention_1",
    r"\.mlp1": "/MlpBlock_3/Dense_0",
    r"\.mlp2": "/MlpBlock_3/Dense_1",
    r"\.out_proj": "/out",
    r"((?:LayerNorm_\d|encoder_norm|gn\d|gn_root|gn_proj)).weight": r"\1/scale",
    r"\.weight$": "/kernel",
    r"\.bias$": "/bias",
}
BIG_VISION = {
    r"LayerNorm_2": "LayerNorm_1",
    r"MultiHeadDotProductAttention_1": "MultiHeadDotProductAttention_0",
    r"MlpBlock_3": "MlpBlock_0",
    r"Transformer/posembed_input/pos_embedding": "pos_embedding",
    r"^": "params/",
}


def renamed(name, table):
    for pattern, replacement in table.items():
        name = re.sub(pattern, replacement, name)
    return name


def released(twin, heads, big_vision=False):
    """The arrays of a `ViTTwin` as the authors' files have them."""
    arrays = {}
    for name, tensor in twin.state_dict().items():
        value, key = tensor.numpy(), renamed(name, RELEASED)
        if "in_proj" in key:
            module = key.rpartition(".in_proj")[0]
            for part, each in zip(("query", "key", "value"), np.split(value, 3), strict=True):
                if each.ndim == 2:
                    arrays[f"{module}/{part}/kernel"] = each.T.reshape(len(each), heads, -1)
                else:
                    arrays[f"{module}/{part}/bias"] = each.reshape(heads, -1)
            continue
        if key.endswith("/out/kernel"):
            value = value.T.reshape(heads, -1, len(value))
        elif key.endswith("kernel"):
            value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
        elif re.search("(^|/)gn", key):
            value = value.reshape(1, 1, 1, -1)
        elif key == "cls" or key.endswith("pos_embedding"):
            value = value.reshape(1, -1, value.shape[-1])
        arrays[key] = value
    return {renamed(k, BIG_VISION): v for k, v in arrays.items()} if big_vision else arrays


# Caffe


class Caffe:
    """A network of Caffe: it computes layer by layer, and keeps what its file says of them.

    Blobs get random values when their layer first computes. Images come as BGR, as there.
    """

    def __init__(self, seed=1):
        self.layers, self.rng = {}, np.random.default_rng(seed)

    def __call__(self, network, x, *arguments):
        bgr = torch.from_numpy(np.ascontiguousarray(x[..., ::-1].transpose(0, 3, 1, 2)))
        with torch.no_grad():
            given = network(self, bgr, *arguments)
        if isinstance(given, dict):
            return {name: tensor.numpy() for name, tensor in given.items()}
        return given.numpy()

    def layer(self, kind, name, *shapes, **parameters):
        """Notes a layer, and returns its blobs; a shape may be the blob itself."""
        if name not in self.layers:
            blobs = [s if isinstance(s, np.ndarray) else self.random(s) for s in shapes]
            self.layers[name] = (kind, [b.astype("float32") for b in blobs], parameters)
        return [torch.from_numpy(blob) for blob in self.layers[name][1]]

    def random(self, shape):
        if len(shape) == 1:
            return 0.3 * window(shape, self.rng)
        return window(shape, self.rng) * np.float32(math.sqrt(2 / math.prod(shape[1:])))

    def convolution(self, x, name, maps, size, stride=1, pad=0, group=1, bias=True):
        shapes = [(maps, x.shape[1] // group, size, size)] + [(maps,)] * bias
        given = {"num_output": maps, "kernel_size": size, "stride": stride, "pad": pad}
        given |= {"group": group, "bias_term": bias}
        blobs = self.layer("Convolution", name, *shapes, **given)
        return F.conv2d(x, *blobs, stride=stride, padding=pad, groups=group)

    def relu(self, x, name):
        self.layer("ReLU", name)
        return F.relu(x)

    def fc(self, x, name, outputs):
        x = x.flatten(1)
        shapes = [(outputs, x.shape[1]), (outputs,)]
        return F.linear(x, *self.layer("InnerProduct", name, *shapes, num_output=outputs))

    def lrn(self, x, name):
        self.layer("LRN", name, local_size=5, alpha=1e-4, beta=0.75)
        return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)

    def pool(self, x, name, size, stride, pad=0):
        self.layer("Pooling", name, kernel_size=size, stride=stride, pad=pad)
        return F.max_pool2d(x, size, stride, pad, ceil_mode=True)

    def average(self, x, name, size=None, stride=1):
        size = size or x.shape[2:]
        self.layer("Pooling", name, pool=1, kernel_size=size if type(size) is int else size[0])
        return F.avg_pool2d(x, size, stride, ceil_mode=True)

    def normalize(self, x, name):
        """BatchNorm, whose statistics are sums of so many batches, and Scale."""
        maps, count = x.shape[1], self.rng.uniform(0.5, 1000)
        sums = (count * self.random((maps,)), count * self.rng.uniform(0.5, 1.5, maps))
        mean, variance, factor = self.layer("BatchNorm", f"bn{name}", *sums, np.array([count]))
        gamma = self.rng.uniform(0.5, 1.5, maps)
        gamma, beta = self.layer("Scale", f"scale{name}", gamma, (maps,))
        return F.batch_norm(x, mean / factor, variance / factor, gamma, beta, eps=1e-5)


def alexnet(net, x, classes, lrn_first=True, units=4096):
    """bvlc_alexnet; or bvlc_reference_caffenet, which pools first."""

    def subsample(x, i):
        if lrn_first:
            return net.pool(net.lrn(x, f"norm{i}"), f"pool{i}", 3, 2)
        return net.lrn(net.pool(x, f"pool{i}", 3, 2), f"norm{i}")

    x = net.relu(net.convolution(x, "conv1", 96, 11, 4), "relu1")
    x = subsample(x, 1)
    x = net.relu(net.convolution(x, "conv2", 256, 5, 1, 2, 2), "relu2")
    x = subsample(x, 2)
    x = net.relu(net.convolution(x, "conv3", 384, 3, 1, 1), "relu3")
    x = net.relu(net.convolution(x, "conv4", 384, 3, 1, 1, 2), "relu4")
    x = net.relu(net.convolution(x, "conv5", 256, 3, 1, 1, 2), "relu5")
    x = net.pool(x, "pool5", 3, 2)
    x = net.relu(net.fc(x, "fc6", units), "relu6")
    x = net.relu(net.fc(x, "fc7", units), "relu7")
    return net.fc(x, "fc8", classes)


def vgg(net, x, classes, counts=(2, 2, 3, 3, 3), share=1, units=4096):
    """VGG_ILSVRC_16_layers, or with other counts the one of 19; or with a share of the maps."""
    for s, count in enumerate(counts, start=1):
        for i in range(1, count + 1):
            x = net.convolution(x, f"conv{s}_{i}", min(32 * 2**s, 512) // share, 3, 1, 1)
            x = net.relu(x, f"relu{s}_{i}")
        x = net.pool(x, f"pool{s}", 2, 2)
    x = net.relu(net.fc(x, "fc6", units), "relu6")
    x = net.relu(net.fc(x, "fc7", units), "relu7")
    return net.fc(x, "fc8", classes)


# #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
INCEPTION = """
    3a  64  96 128 16  32  32
    3b 128 128 192 32  96  64
    4a 192  96 208 16  48  64
    4b 160 112 224 24  64  64
    4c 128 128 256 24  64  64
    4d 112 144 288 32  64  64
    4e 256 160 320 32 128 128
    5a 256 160 320 32 128 128
    5b 384 192 384 48 128 128
"""


def googlenet(net, x, classes):
    """bvlc_googlenet; the three outputs by our names."""

    def convolve(x, name, *given):
        return net.relu(net.convolution(x, name, *given), name.replace("/", "/relu_"))

    def auxiliary(x, name):
        x = net.average(x, f"{name}/ave_pool", 5, 3)
        x = convolve(x, f"{name}/conv", 128, 1)
        x = net.relu(net.fc(x, f"{name}/fc", 1024), f"{name}/relu_fc")
        return net.fc(x, f"{name}/classifier", classes)

    x = convolve(x, "conv1/7x7_s2", 64, 7, 2, 3)
    x = net.lrn(net.pool(x, "pool1/3x3_s2", 3, 2), "pool1/norm1")
    x = convolve(x, "conv2/3x3_reduce", 64, 1)
    x = convolve(x, "conv2/3x3", 192, 3, 1, 1)
    x = net.pool(net.lrn(x, "conv2/norm2"), "pool2/3x3_s2", 3, 2)
    found = {}
    for line in INCEPTION.split("\n")[1:-1]:
        module, *maps = line.split()
        name, maps = f"inception_{module}", [int(m) for m in maps]
        b = convolve(x, f"{name}/3x3_reduce", maps[1], 1)
        c = convolve(x, f"{name}/5x5_reduce", maps[3], 1)
        d = net.pool(x, f"{name}/pool", 3, 1, 1)
        branches = [
            convolve(x, f"{name}/1x1", maps[0], 1),
            convolve(b, f"{name}/3x3", maps[2], 3, 1, 1),
            convolve(c, f"{name}/5x5", maps[4], 5, 1, 2),
            convolve(d, f"{name}/pool_proj", maps[5], 1),
        ]
        x = torch.cat(branches, 1)
        if module in ("4a", "4d"):
            found[f"auxiliary_{module}"] = auxiliary(x, f"loss{len(found) + 1}")
        if module in ("3b", "4e"):
            x = net.pool(x, f"pool{module[0]}/3x3_s2", 3, 2)
    x = net.average(x, "pool5/7x7_s1").flatten(1)
    return {"predictions": net.fc(x, "loss3/classifier", classes), **found}


def resnet(net, x, classes, depth):
    """The authors' ResNet-50, whose first convolution has a bias, 101 and 152."""

    def convolve(x, name, *given):
        return net.normalize(net.convolution(x, f"res{name}", *given, bias=False), name)

    x = net.convolution(x, "conv1", 64, 7, 2, 3, bias=depth == 50)
    x = net.relu(net.normalize(x, "_conv1"), "conv1_relu")
    x = net.pool(x, "pool1", 3, 2)
    counts = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}[depth]
    for stage, count in enumerate(counts, start=2):
        maps = 32 * 2**stage // 2
        for i in range(count):
            numbered = depth > 50 and stage in (3, 4) and i > 0
            block = f"{stage}b{i}" if numbered else f"{stage}{'abcdef'[i]}"
            stride = 2 if stage > 2 and i == 0 else 1
            y = convolve(x, f"{block}_branch2a", maps, 1, stride)
            y = net.relu(y, f"res{block}_branch2a_relu")
            y = convolve(y, f"{block}_branch2b", maps, 3, 1, 1)
            y = net.relu(y, f"res{block}_branch2b_relu")
            y = convolve(y, f"{block}_branch2c", 4 * maps, 1)
            if i == 0:
                x = convolve(x, f"{block}_branch1", 4 * maps, 1, stride)
            x = net.relu(x + y, f"res{block}_relu")
    return net.fc(net.average(x, "pool5"), "fc1000", classes)


def varint(number):
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    return bytes([*octets, number])


def field(number, value):
    """A field of a message of Protocol Buffers, as it is on the wire."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(int(value))


def blob(array, legacy):
    """A BlobProto, with a shape or as before 2014 with four sides."""
    data = field(5, array.astype("<f4").tobytes())
    if legacy:
        sides = (1, 1, 1, 1, *array.shape)[-4:]
        return b"".join(field(i, side) for i, side in enumerate(sides, start=1)) + data
    return data + field(7, field(1, b"".join(map(varint, array.shape))))


# Numbers of the fields of both forms of layers, and of the types of the older one.
V2 = {"name": 1, "type": 2, "bottom": 3, "top": 4, "blobs": 7, "layer": 100}
V2 |= {"Convolution": 106, "InnerProduct": 117, "LRN": 118, "Pooling": 121}
V1 = {"name": 4, "type": 5, "bottom": 2, "top": 3, "blobs": 6, "layer": 2}
V1 |= {"Convolution": 10, "InnerProduct": 17, "LRN": 18, "Pooling": 19}
V1_TYPES = {"Convolution": 4, "InnerProduct": 14, "LRN": 15, "Pooling": 17, "ReLU": 18}
PARAMETERS = {
    "Convolution": {
        **{"num_output": 1, "bias_term": 2, "pad": 3, "kernel_size": 4, "group": 5, "stride": 6}
    },
    "InnerProduct": {"num_output": 1},
    "LRN": {"local_size": 1, "alpha": 2, "beta": 3},
    "Pooling": {"pool": 1, "kernel_size": 2, "stride": 3, "pad": 4},
}
DEFAULTS = {"bias_term": True, "pad": 0, "group": 1, "stride": 1, "pool": 0}


def caffemodel(layers, path, form="V2", legacy=False):
    """Writes the layers of a `Caffe` network, byte by byte; what is as by default is left out."""
    numbers = {"V1": V1, "V2": V2}[form]
    content = [field(1, "net")]
    for name, (kind, blobs, given) in layers.items():
        message = field(numbers["name"], name) + field(numbers["bottom"], "data")
        message += field(numbers["top"], name)
        message += field(numbers["type"], V1_TYPES[kind] if form == "V1" else kind)
        message += b"".join(field(numbers["blobs"], blob(b, legacy)) for b in blobs)
        if form == "V1" and blobs:  # blobs_lr and weight_decay
            message += field(7, 1.0) + field(7, 2.0) + field(8, 1.0) + field(8, 0.0)
        if given:
            set_ = {k: v for k, v in given.items() if DEFAULTS.get(k) != v}
            parameters = (field(PARAMETERS[kind][k], v) for k, v in set_.items())
            message += field(numbers[kind], b"".join(parameters))
        content.append(field(numbers["layer"], message))
    path.write_bytes(b"".join(content))
    return path
