"""Which patches are corrupted, and how, against the paper's shares."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.layers import PatchCorruption

BATCH, N = 240, 100


def patches():
    """Patch `n` of image `b` has the numbers `b` and `n`, from 1 on."""
    places = np.stack(np.meshgrid(np.arange(BATCH), np.arange(N), indexing="ij"), axis=-1)
    return 1 + places.astype("float32")


def corrupted(**arguments):
    """What a training call gives, with the numbers -1 as [mask]."""
    layer = PatchCorruption(seed=3, **arguments)
    layer.build((None, N, 2))
    layer.set_weights([np.array([-1, -1])])
    outputs, which = layer(patches(), training=True, return_corrupted=True)
    return ops.convert_to_numpy(outputs), ops.convert_to_numpy(which)


@pytest.mark.parametrize(
    ("arguments", "rate", "shares"),
    [
        ({}, 0.5, (0.8, 0.1, 0.1)),
        ({"rate": 0.15, "mask_share": 0.3, "random_share": 0.5}, 0.15, (0.3, 0.5, 0.2)),
        ({"rate": 1, "mask_share": 0, "random_share": 1}, 1, (0, 1, 0)),
        ({"rate": 0}, 0, None),
    ],
)
def test_shares(arguments, rate, shares):
    """Each patch is [mask], another one of its image, or what it was."""
    outputs, which = corrupted(**arguments)
    np.testing.assert_allclose(which.mean(), rate, atol=0.02)
    masked, same = (outputs == -1).all(-1), (outputs == patches()).all(-1)
    other = ~masked & ~same
    assert not (masked | other)[~which].any()
    np.testing.assert_array_equal(outputs[other][:, 0], patches()[other][:, 0])  # of its image
    if shares:
        found = [kind[which].mean() for kind in (masked, other, same)]
        np.testing.assert_allclose(found, shares, atol=0.03)


def test_the_other_patch_is_any_other():
    outputs, _ = corrupted(rate=1, mask_share=0, random_share=1)
    steps = (outputs[..., 1] - patches()[..., 1]) % N
    assert set(steps.ravel()) == set(range(1, N))
    np.testing.assert_allclose(steps.mean(), N / 2, rtol=0.03)


def test_outside_of_training():
    layer = PatchCorruption()
    for given in ({}, {"training": False}):
        outputs, which = layer(patches(), return_corrupted=True, **given)
        np.testing.assert_array_equal(outputs, patches())
        assert not ops.convert_to_numpy(which).any()
    _, which = layer(patches(), training=False, always=True, return_corrupted=True)
    assert ops.convert_to_numpy(which).any()


def test_draws():
    """Each call has its own, and a seed gives them again."""
    first, second = (PatchCorruption(seed=1) for _ in range(2))
    draws = [ops.convert_to_numpy(first(patches(), training=True)) for _ in range(2)]
    assert (draws[0] != draws[1]).any()
    for draw in draws:
        again = ops.convert_to_numpy(second(patches(), training=True))
        np.testing.assert_array_equal(again, draw)


def test_the_mask_is_learned():
    """Its gradient is the number of the patches that it stands for; it starts at 0."""
    model = keras.Sequential([keras.Input((N, 2)), PatchCorruption(seed=3)])
    assert not model.get_weights()[0].any()
    model.compile("sgd", loss=lambda y, x: ops.sum(x))
    optimizer = model.optimizer
    optimizer.learning_rate = 1.0
    model.fit(patches(), np.zeros((BATCH, N, 2)), batch_size=BATCH, verbose=0)
    expected = (corrupted()[0][..., 0] == -1).sum()
    np.testing.assert_allclose(
        -ops.convert_to_numpy(model.layers[0].mask), [expected] * 2, rtol=1e-5
    )


def test_refusals():
    with pytest.raises(ValueError, match="at most 1 together. Received: mask_share=0.8, random_s"):
        PatchCorruption(random_share=0.3)
    with pytest.raises(ValueError, match="`rate` must be a number from 0 to 1. Received: rate=1.5"):
        PatchCorruption(1.5)
    with pytest.raises(ValueError, match=r"two patches at least.*input_shape=\(2, 1, 4\)"):
        PatchCorruption()(np.ones((2, 1, 4)))
