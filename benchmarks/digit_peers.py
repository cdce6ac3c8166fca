"""The networks of digits without Keras: a loop in PyTorch, a scan in JAX.

Both read the layers of a Keras model, begin with its weights, and train by stochastic diagonal
Levenberg-Marquardt, with the loss and the accuracy of the recipe, on batches in a new order.
"""

import numpy as np

AMPLITUDE, SLOPE = 1.7159, 2 / 3


def steps_of(model):
    """`[(kind, settings, arrays), ...]` of a chain of layers, the arrays of NHWC and HWIO."""
    found = []
    for layer in model.layers:
        kind, config = type(layer).__name__, layer.get_config()
        arrays = [np.asarray(weight) for weight in layer.weights]
        if kind == "MapConv2D":
            arrays[0] = (arrays[0], layer._placement)
        found.append((kind, config, arrays))
    return found


def is_squashed(config):
    return "scaled_tanh" in str(config.get("activation"))


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def torch_epoch(model, curvatures, images, targets, batch_size, eta, mu=0.02, j=None):
    """A function of one epoch in eager PyTorch, which returns the mean loss and the accuracy."""
    import torch
    import torch.nn.functional as F

    images = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    targets = torch.from_numpy(targets)
    targets = targets.long() if targets.ndim == 1 else targets
    calls, trained = [], []

    def leaf(array):
        trained.append(torch.from_numpy(array.copy()).requires_grad_())
        return trained[-1]

    def added(kind, config, arrays):
        strides = pair(config.get("strides", 1))
        if kind == "MapConv2D":
            (links, placement), *bias = arrays
            kernel, placement = leaf(links), torch.from_numpy(placement)
            bias = leaf(bias[0]) if bias else None
            shape = (*links.shape[:2], -1, config["filters"])

            def call(x):
                full = (kernel.flatten(0, 1) @ placement).view(shape).permute(3, 2, 0, 1)
                return F.conv2d(x, full, bias, strides)

        elif kind in ("Conv2D", "CoveringConv2D"):
            kernel = leaf(np.ascontiguousarray(arrays[0].transpose(3, 2, 0, 1)))
            bias = leaf(arrays[1]) if len(arrays) > 1 else None
            call = lambda x: F.conv2d(x, kernel, bias, strides)  # noqa: E731
        elif kind == "ScaledSubsampling2D":
            coefficient, bias = (leaf(array.reshape(1, -1, 1, 1)) for array in arrays)
            call = lambda x: 4 * coefficient * F.avg_pool2d(x, 2) + bias  # noqa: E731
        elif kind == "UnitBias":
            bias = leaf(np.ascontiguousarray(arrays[0].transpose(2, 0, 1)))
            call = lambda x: x + bias  # noqa: E731
        elif kind == "ConstantPadding2D":
            call = lambda x: F.pad(x, (2, 2, 2, 2), value=-1.0)  # noqa: E731
        elif kind == "Flatten":  # in the order of channels last, which the weights have
            call = lambda x: x.permute(0, 2, 3, 1).flatten(1)  # noqa: E731
        elif kind == "Dense":
            kernel, bias = leaf(np.ascontiguousarray(arrays[0].T)), leaf(arrays[1])
            call = lambda x: F.linear(x, kernel, bias)  # noqa: E731
        elif kind == "RBFOutput":
            code = torch.from_numpy(arrays[0])
            call = lambda x: (x[:, None] - code).square().sum(-1)  # noqa: E731
        else:
            call = {"InputLayer": lambda x: x, "Rescaling": torch.neg}[kind]
        calls.append((call, is_squashed(config)))

    for step in steps_of(model):
        added(*step)
    # The curvatures in PyTorch's order of axes; their values do not matter for the time.
    rates = [
        eta / (mu + torch.from_numpy(np.resize(np.asarray(c), tuple(w.shape))))
        for c, w in zip(curvatures, trained, strict=True)
    ]

    def epoch():
        order = torch.randperm(len(images))
        losses, rights = [], []
        for rows in order.split(batch_size):
            x, y = images[rows], targets[rows]
            for call, squashes in calls:
                x = call(x)
                if squashes:
                    x = AMPLITUDE * torch.tanh(SLOPE * x)
            if j is None:
                loss, labels = F.mse_loss(x, y), y.argmax(-1)
            else:
                rubbish = torch.full_like(x[:, :1], -j)
                loss, labels = F.cross_entropy(torch.cat([x, rubbish], 1), y), y
            gradients = torch.autograd.grad(loss, trained)
            with torch.no_grad():
                torch._foreach_addcmul_(trained, rates, gradients, -1.0)
                losses.append(loss.detach())
                rights.append((x.argmax(-1) == labels).sum())
        return float(torch.stack(losses).mean()), int(torch.stack(rights).sum()) / len(images)

    return epoch


def jax_epoch(model, curvatures, images, targets, batch_size, eta, mu=0.02, j=None):
    """The same as one `jax.jit`: a `lax.scan` over the batches, whose number divides the images."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    steps = steps_of(model)
    trained = [
        [] if kind == "RBFOutput" else [a[0] if isinstance(a, tuple) else a for a in arrays]
        for kind, _, arrays in steps
    ]
    flat, tree = jax.tree.flatten(trained)
    rates = tree.unflatten([eta / (mu + np.asarray(c)) for c in curvatures])

    def forward(weights, x):
        for (kind, config, arrays), own in zip(steps, weights, strict=True):
            if kind in ("Conv2D", "CoveringConv2D", "MapConv2D"):
                kernel = own[0]
                if kind == "MapConv2D":
                    kernel = kernel.reshape(-1, kernel.shape[-1]) @ arrays[0][1]
                    kernel = kernel.reshape(*own[0].shape[:2], -1, config["filters"])
                if kernel.shape[:3] == x.shape[1:]:  # as one product
                    x = x.reshape(len(x), -1) @ kernel.reshape(-1, kernel.shape[-1])
                    x = x[:, None, None]
                else:
                    x = lax.conv_general_dilated(
                        x,
                        kernel,
                        pair(config["strides"]),
                        "VALID",
                        dimension_numbers=("NHWC", "HWIO", "NHWC"),
                    )
                x = x + own[1] if len(own) > 1 else x
            elif kind == "ScaledSubsampling2D":
                n, height, width, channels = x.shape
                x = x.reshape(n, height // 2, 2, width // 2, 2, channels).sum((2, 4))
                x = own[0] * x + own[1]
            elif kind == "UnitBias":
                x = x + own[0]
            elif kind == "ConstantPadding2D":
                x = jnp.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=-1.0)
            elif kind == "Flatten":
                x = x.reshape(len(x), -1)
            elif kind == "Dense":
                x = x @ own[0] + own[1]
            elif kind == "RBFOutput":
                x = jnp.square(x[:, None] - arrays[0]).sum(-1)
            elif kind == "Rescaling":
                x = -x
            if is_squashed(config):
                x = AMPLITUDE * jnp.tanh(SLOPE * x)
        return x

    def objective(weights, x, y):
        x = forward(weights, x)
        if j is None:
            return jnp.square(x - y).mean(), (x.argmax(-1) == y.argmax(-1)).sum()
        everything = jnp.concatenate([x, jnp.full_like(x[:, :1], -j)], -1)
        true = jnp.take_along_axis(x, y[:, None], -1)[:, 0]
        return (jax.nn.logsumexp(everything, -1) - true).mean(), (x.argmax(-1) == y).sum()

    @jax.jit
    def epoch(weights, key, images, targets):
        order = jax.random.permutation(key, len(images))

        def step(weights, rows):
            of = jax.value_and_grad(objective, has_aux=True)
            (loss, right), gradients = of(weights, images[rows], targets[rows])
            update = lambda w, rate, g: w - rate * g  # noqa: E731
            return jax.tree.map(update, weights, rates, gradients), (loss, right)

        whole = len(images) // batch_size
        rows = order[: whole * batch_size].reshape(whole, batch_size)
        weights, (losses, rights) = lax.scan(step, weights, rows)
        return weights, losses.mean(), rights.sum()

    state = [tree.unflatten([jnp.asarray(array) for array in flat]), 0]
    images, targets = jnp.asarray(images), jnp.asarray(targets)

    def run():
        state[0], loss, right = epoch(state[0], jax.random.key(state[1]), images, targets)
        state[1] += 1
        return float(loss), int(right) / (len(images) // batch_size * batch_size)

    return run
