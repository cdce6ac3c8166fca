"""The networks once more, in plain PyTorch, for comparison.

Channels first, as PyTorch has them. Submodules carry the names of the Keras layers.
"""

import torch
from torch import nn
from torch.nn import functional as F

# Table 1 of the GoogLeNet paper: type, output size, #1x1, #3x3 reduce, #3x3, #5x5 reduce,
# #5x5, pool proj.
GOOGLENET_TABLE_1 = """
    inception(3a)  28x28x256   64   96  128  16  32   32
    inception(3b)  28x28x480  128  128  192  32  96   64
    inception(4a)  14x14x512  192   96  208  16  48   64
    inception(4b)  14x14x512  160  112  224  24  64   64
    inception(4c)  14x14x512  128  128  256  24  64   64
    inception(4d)  14x14x528  112  144  288  32  64   64
    inception(4e)  14x14x832  256  160  320  32  128  128
    inception(5a)  7x7x832    256  160  320  32  128  128
    inception(5b)  7x7x1024   384  192  384  48  128  128
"""

# Table 1 of the ResNet paper: layers, a block of conv2_x, and the blocks of each stage.
RESNET_TABLE_1 = {
    18: ("3x3,64 3x3,64", (2, 2, 2, 2)),
    34: ("3x3,64 3x3,64", (3, 4, 6, 3)),
    50: ("1x1,64 3x3,64 1x1,256", (3, 4, 6, 3)),
    101: ("1x1,64 3x3,64 1x1,256", (3, 4, 23, 3)),
    152: ("1x1,64 3x3,64 1x1,256", (3, 8, 36, 3)),
}


def flat(x):
    """The units of the maps, channels fastest, as Keras's `Flatten` orders them."""
    return x.permute(0, 2, 3, 1).flatten(1)


def pad_same(x, size, stride, value=0.0):
    """Pads for `ceil(side / stride)` windows, the odd row or column right and below."""
    edges = []
    for side in (x.shape[3], x.shape[2]):
        missing = max((-(-side // stride) - 1) * stride + size - side, 0)
        edges += [missing // 2, missing - missing // 2]
    return F.pad(x, edges, value=value)


def copy_weights(model, twin):
    """Copies the weights of a Keras model into its twin, layer by layer, by name."""
    with torch.no_grad():
        for name, module in twin.named_children():
            arrays = model.get_layer(name).get_weights()
            statistics = filter(torch.is_floating_point, module.buffers())
            for array, tensor in zip(arrays, [*module.parameters(), *statistics], strict=True):
                tensor.copy_(torch.from_numpy(to_torch(array)))


def to_torch(array):
    """A weight of Keras in the layout of PyTorch: outputs first, then inputs."""
    return array.transpose({4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[array.ndim]).copy()


class AlexNetTwin(nn.Module):
    """Krizhevsky et al., section 3.5, for images of `height x width`; gives the scores."""

    def __init__(self, towers=2, height=224, width=224, channels=3, classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 96, 11, stride=4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=towers)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=towers)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=towers)
        with torch.no_grad():
            units = self.maps(torch.zeros(1, channels, height, width)).numel()
        self.fc6 = nn.Linear(units, 4096)
        self.dropout6 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096)
        self.dropout7 = nn.Dropout(0.5)
        self.predictions = nn.Linear(4096, classes)

    def maps(self, x):
        x = F.relu(self.conv1(F.pad(x, (0, 3, 0, 3))))
        x = F.max_pool2d(self.normalize(x), 3, 2)
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(self.normalize(x), 3, 2)
        x = F.relu(self.conv3(x))
        x = F.relu(self.conv4(x))
        x = F.relu(self.conv5(x))
        return F.max_pool2d(x, 3, 2)

    def normalize(self, x):
        """Section 3.3; PyTorch divides `alpha` by the five maps of a window."""
        return F.local_response_norm(x, 5, alpha=5 * 1e-4, beta=0.75, k=2.0)

    def forward(self, x):
        x = flat(self.maps(x))
        x = self.dropout6(F.relu(self.fc6(x)))
        x = self.dropout7(F.relu(self.fc7(x)))
        return self.predictions(x)


class GoogLeNetTwin(nn.Module):
    """Szegedy et al., Table 1 and figure 3; gives the scores, in training of all three heads."""

    def __init__(self, height=224, width=224, channels=3, classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2)
        self.conv2_reduce = nn.Conv2d(64, 64, 1)
        self.conv2 = nn.Conv2d(64, 192, 3)
        inputs = {"2": 192}
        for line in GOOGLENET_TABLE_1.split("\n")[1:-1]:
            kind, _, *widths = line.split()
            name = kind[-3:-1]
            inputs[name] = self.add_inception(name, list(inputs.values())[-1], *map(int, widths))
        for name in ("4a", "4d"):
            positions = 1
            for side in (height, width):
                side = -(-side // 16)
                positions *= (side - 5) // 3 + 1
            head = f"auxiliary_{name}"
            self.add_module(f"{head}_conv", nn.Conv2d(inputs[name], 128, 1))
            self.add_module(f"{head}_fc", nn.Linear(128 * positions, 1024))
            self.add_module(head, nn.Linear(1024, classes))
            self.add_module(f"{head}_dropout", nn.Dropout(0.7))
        self.dropout = nn.Dropout(0.4)
        self.predictions = nn.Linear(inputs["5b"], classes)

    def add_inception(self, name, inputs, one, three_reduce, three, five_reduce, five, projection):
        for part, module in {
            "1x1": nn.Conv2d(inputs, one, 1),
            "3x3_reduce": nn.Conv2d(inputs, three_reduce, 1),
            "3x3": nn.Conv2d(three_reduce, three, 3),
            "5x5_reduce": nn.Conv2d(inputs, five_reduce, 1),
            "5x5": nn.Conv2d(five_reduce, five, 5),
            "pool_proj": nn.Conv2d(inputs, projection, 1),
        }.items():
            self.add_module(f"inception_{name}_{part}", module)
        return one + three + five + projection

    def convolve(self, x, name):
        module = self.get_submodule(name)
        return F.relu(module(pad_same(x, module.kernel_size[0], module.stride[0])))

    def subsample(self, x, stride=2):
        return F.max_pool2d(pad_same(x, 3, stride, -torch.inf), 3, stride)

    def inception(self, x, name):
        name = f"inception_{name}"
        branches = [
            self.convolve(x, f"{name}_1x1"),
            self.convolve(self.convolve(x, f"{name}_3x3_reduce"), f"{name}_3x3"),
            self.convolve(self.convolve(x, f"{name}_5x5_reduce"), f"{name}_5x5"),
            self.convolve(self.subsample(x, 1), f"{name}_pool_proj"),
        ]
        return torch.cat(branches, dim=1)

    def auxiliary(self, x, name):
        x = flat(self.convolve(F.avg_pool2d(x, 5, 3), f"{name}_conv"))
        x = F.relu(self.get_submodule(f"{name}_fc")(x))
        return self.get_submodule(name)(self.get_submodule(f"{name}_dropout")(x))

    def forward(self, x):
        def normalize(x):  # PyTorch divides `alpha` by the five maps of a window
            return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)

        x = normalize(self.subsample(self.convolve(x, "conv1")))
        x = self.convolve(self.convolve(x, "conv2_reduce"), "conv2")
        x = self.subsample(normalize(x))
        x = self.subsample(self.inception(self.inception(x, "3a"), "3b"))
        x = a = self.inception(x, "4a")
        x = d = self.inception(self.inception(self.inception(x, "4b"), "4c"), "4d")
        x = self.subsample(self.inception(x, "4e"))
        x = self.inception(self.inception(x, "5a"), "5b")
        x = self.predictions(self.dropout(x.mean((2, 3))))
        if not self.training:
            return x
        return {
            "predictions": x,
            "auxiliary_4a": self.auxiliary(a, "auxiliary_4a"),
            "auxiliary_4d": self.auxiliary(d, "auxiliary_4d"),
        }


class ResNetTwin(nn.Module):
    """He et al., Table 1, or with `cifar` section 4.2; gives the scores.

    `shortcut` is "A", "B", "C", or `None` for a plain network.
    """

    def __init__(self, depth, shortcut, stride_in="1x1", cifar=False, channels=3, classes=1000):
        super().__init__()
        self.shortcut, self.cifar = shortcut, cifar
        if cifar:
            block, counts = "3x3,16 3x3,16", [(depth - 2) // 6] * 3
        else:
            block, counts = RESNET_TABLE_1[depth]
        block = [(int(entry[0]), int(entry[4:])) for entry in block.split()]
        halving = 1 if stride_in == "3x3" and len(block) == 3 else 0
        width = block[0][1]
        self.add_convolution("conv1", channels, width, *((3, 1) if cifar else (7, 2)))
        self.blocks = []
        for stage, count in enumerate(counts):
            for i in range(count):
                name, inputs = f"conv{stage + 2}_{i + 1}", width
                stride = 2 if i == 0 and stage > 0 else 1
                self.blocks.append((name, len(block), stride))
                for j, (size, maps) in enumerate(block):
                    outputs, step = maps * 2**stage, stride if j == halving else 1
                    self.add_convolution(f"{name}_conv{j + 1}", width, outputs, size, step)
                    width = outputs
                new = stride > 1 or inputs != width
                if shortcut == "C" or (shortcut == "B" and new):
                    self.add_convolution(f"{name}_shortcut", inputs, width, 1, stride)
        self.predictions = nn.Linear(width, classes)

    def add_convolution(self, name, inputs, maps, size, stride):
        convolution = nn.Conv2d(inputs, maps, size, stride, padding=size // 2, bias=False)
        self.add_module(name, convolution)
        self.add_module(f"{name}_bn", nn.BatchNorm2d(maps, eps=1e-5, momentum=0.1))

    def convolve(self, x, name):
        return self.get_submodule(f"{name}_bn")(self.get_submodule(name)(x))

    def pass_on(self, x, y, stride, name):
        """What the shortcut adds to the maps `y`."""
        if self.shortcut is None:
            return 0.0
        if f"{name}_shortcut" in dict(self.named_children()):
            return self.convolve(x, f"{name}_shortcut")
        if x.shape == y.shape:
            return x
        added = torch.zeros_like(y)
        added[:, : x.shape[1]] = x[:, :, ::stride, ::stride]
        return added

    def forward(self, x):
        x = F.relu(self.convolve(x, "conv1"))
        if not self.cifar:
            x = F.max_pool2d(x, 3, 2, padding=1)
        for name, count, stride in self.blocks:
            y = x
            for j in range(1, count + 1):
                y = self.convolve(y, f"{name}_conv{j}")
                if j < count:
                    y = F.relu(y)
            x = F.relu(y + self.pass_on(x, y, stride, name))
        return self.predictions(x.mean((2, 3)))


class EncoderBlockTwin(nn.Module):
    """Dosovitskiy et al., equations 2 and 3."""

    def __init__(self, d, mlp_dim, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(d, eps=1e-6)
        self.attention = nn.MultiheadAttention(d, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(d, eps=1e-6)
        self.mlp1 = nn.Linear(d, mlp_dim)
        self.gelu = nn.GELU(approximate="tanh")
        self.mlp2 = nn.Linear(mlp_dim, d)

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp2(self.gelu(self.mlp1(self.norm2(x))))


class ViTTwin(nn.Module):
    """Dosovitskiy et al., section 3.1; gives the scores.

    With `blocks` a hybrid, of so many blocks in each stage of its ResNet; `()` is its root alone.
    """

    def __init__(self, size, patch, grid, classes, token=True, hidden=None, blocks=None):
        super().__init__()
        d, depth, mlp_dim, heads = size
        self.token, self.hidden, self.units = token, hidden, []
        self.hybrid = blocks is not None
        if self.hybrid:
            self.add_convolution("conv_root", 3, 64, 7, 2)
        channels = 64 if self.hybrid else 3
        for stage, count in enumerate(blocks or ()):
            for i in range(count):
                name, width = f"conv{stage + 2}_{i + 1}", 64 * 2**stage
                stride = 2 if stage > 0 and i == 0 else 1
                self.units.append(name)
                self.add_convolution(f"{name}_conv1", channels, width, 1, 1)
                self.add_convolution(f"{name}_conv2", width, width, 3, stride)
                self.add_convolution(f"{name}_conv3", width, 4 * width, 1, 1)
                if i == 0:
                    self.add_convolution(f"{name}_shortcut", channels, 4 * width, 1, stride)
                channels = 4 * width
        self.patch_embedding = nn.Conv2d(channels, d, patch, patch)
        if token:
            self.class_token = nn.Parameter(torch.zeros(d))
        self.position_embedding = nn.Parameter(torch.zeros(token + grid[0] * grid[1], d))
        self.depth = depth
        for i in range(depth):
            self.add_module(f"encoder_block_{i + 1}", EncoderBlockTwin(d, mlp_dim, heads))
        self.encoder_norm = nn.LayerNorm(d, eps=1e-6)
        if hidden:
            self.pre_logits = nn.Linear(d, hidden)
        self.predictions = nn.Linear(hidden or d, classes)

    def add_convolution(self, name, inputs, maps, size, stride):
        self.add_module(name, nn.Conv2d(inputs, maps, size, stride, bias=False))
        self.add_module(f"{name}_gn", nn.GroupNorm(32, maps, eps=1e-6))

    def convolve(self, x, name):
        """By a kernel of mean 0 and deviation 1 for each output map."""
        convolution = self.get_submodule(name)
        kernel = convolution.weight - convolution.weight.mean((1, 2, 3), keepdim=True)
        kernel = kernel / (kernel.std((1, 2, 3), correction=0, keepdim=True) + 1e-5)
        stride = convolution.stride[0]
        x = F.conv2d(pad_same(x, kernel.shape[2], stride), kernel, stride=stride)
        return self.get_submodule(f"{name}_gn")(x)

    def resnet(self, x):
        x = F.relu(self.convolve(x, "conv_root"))
        x = F.max_pool2d(pad_same(x, 3, 2, -torch.inf), 3, 2)
        for name in self.units:
            y = F.relu(self.convolve(x, f"{name}_conv1"))
            y = F.relu(self.convolve(y, f"{name}_conv2"))
            y = self.convolve(y, f"{name}_conv3")
            if f"{name}_shortcut" in dict(self.named_children()):
                x = self.convolve(x, f"{name}_shortcut")
            x = F.relu(x + y)
        return x

    def forward(self, x):
        if self.hybrid:
            x = self.resnet(x)
        x = self.patch_embedding(x).flatten(2).transpose(1, 2)
        if self.token:
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)
        x = x + self.position_embedding
        for i in range(self.depth):
            x = self.get_submodule(f"encoder_block_{i + 1}")(x)
        x = self.encoder_norm(x)
        x = x[:, 0] if self.token else x.mean(1)
        return self.predictions(torch.tanh(self.pre_logits(x)) if self.hidden else x)
