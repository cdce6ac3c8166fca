import sys

import keras
import numpy as np
import pytest

from keras_classics.training.mixing import mixing

N, HEIGHT, WIDTH = 12, 9, 14
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="recipes mix on TensorFlow only"
)


@pytest.fixture
def mixed():
    """A function from `mixing`'s arguments to what it makes of some batches in some epochs.

    Image `i` is `i + 1` at all pixels but for a ramp that all images share, and its label
    is its place: what was mixed can be read off.
    """
    pytest.importorskip("keras_cv")
    tf = pytest.importorskip("tensorflow")

    def run(*arguments, batches=30, epochs=1, kind="float32", images=IMAGES, **more):
        labels = np.eye(N, dtype=kind)
        data = tf.data.Dataset.from_tensors((images.astype(kind), labels)).repeat(batches)
        mix, results = mixing(*arguments, **more), []
        for number in range(epochs):
            each = data.enumerate().map(lambda k, xy, number=number: mix(*xy, number, k))
            assert each.element_spec[0].shape == images.shape
            assert each.element_spec[1].shape == (N, N)
            results += [tuple(x.numpy() for x in batch) for batch in each]
        return [np.stack(column) for column in zip(*results, strict=True)]

    return run


ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
IMAGES = np.stack([np.stack([10 * i + ROWS, 10 * i + COLUMNS], -1) for i in range(N)])
IMAGES = IMAGES.astype("float32")


def check_convex(labels):
    np.testing.assert_allclose(labels.sum(axis=-1), 1, rtol=1e-5)
    assert labels.min() >= 0
    assert ((labels > 1e-6).sum(axis=-1) <= 2).all()


def check_partners(labels):
    """Each image of a batch is given away at most once, and most are."""
    partners = np.argmax(np.where(np.eye(N), 0, labels), axis=-1)
    mixed = labels.diagonal(0, -2, -1) < 0.999
    for partner, there in zip(partners, mixed, strict=True):
        assert len(set(partner[there])) == there.sum()
    assert mixed.mean() > 0.6
    return mixed


def test_mixup_mixes_images_as_labels(mixed):
    images, labels = mixed(0.8, seed=1)
    check_convex(labels)
    check_partners(labels)
    np.testing.assert_allclose(images, np.einsum("bij,jrcd->bircd", labels, IMAGES), rtol=1e-4)


@pytest.mark.parametrize("alpha", [0.3, 0.8, 4.0])
def test_mixup_draws_from_the_beta_distribution(alpha, mixed):
    _, labels = mixed(alpha, batches=300, seed=1)
    own = labels.diagonal(0, -2, -1)
    own = own[own < 0.99999]  # where it is not its own partner
    assert own.mean() == pytest.approx(0.5, abs=0.03)
    assert own.std() == pytest.approx(0.5 / np.sqrt(2 * alpha + 1), rel=0.05)
    assert own.reshape(-1).size > 0.8 * labels.shape[0] * N
    # One draw for each image.
    assert len(np.unique(np.round(own[:N], 5))) > N // 2


def test_cutmix_pastes_one_box_and_its_share_of_the_label(mixed):
    images, labels = mixed(cutmix_alpha=1.0, seed=2)
    check_convex(labels)
    check_partners(labels)
    source = (images[..., 0] - ROWS) / 10
    np.testing.assert_array_equal((images[..., 1] - COLUMNS) / 10, source)
    shares, clipped = [], 0
    for batch, label in zip(source, labels, strict=True):
        for i in range(N):
            pasted = batch[i] != i
            share = pasted.mean()
            assert 1 - label[i, i] == pytest.approx(share, abs=1e-5)
            shares.append(share)
            if share > 0:
                partner = batch[i][pasted]
                assert (partner == partner[0]).all()
                assert label[i, int(partner[0])] == pytest.approx(share, abs=1e-5)
                rows, columns = pasted.any(axis=1), pasted.any(axis=0)
                np.testing.assert_array_equal(pasted, rows[:, None] & columns)
                clipped += rows[0] | rows[-1] | columns[0] | columns[-1]
    assert np.std(shares) > 0.15
    assert clipped > 50  # where keras_cv's own labels are wrong


def test_the_size_of_a_box_is_that_of_the_paper(mixed):
    """Where it lies inside: about sqrt(1 - lam) of each side, the same share of both."""
    images, _ = mixed(cutmix_alpha=1.0, batches=200, seed=2)
    pasted = (images[..., 0] - ROWS) / 10 != np.arange(N)[:, None, None]
    rows, columns = pasted.any(axis=-1), pasted.any(axis=-2)
    edges = [rows[..., 0], rows[..., -1], columns[..., 0], columns[..., -1]]
    inside = pasted.any(axis=(-1, -2)) & ~np.any(edges, axis=0)
    assert inside.sum() > 100
    difference = rows.sum(-1) / HEIGHT - columns.sum(-1) / WIDTH
    assert np.abs(difference[inside]).max() < 1 / HEIGHT + 1 / WIDTH
    # Any point can be the middle.
    assert pasted.mean(axis=(0, 1)).min() > 0.1


def test_both_take_turns_at_random(mixed):
    images, labels = mixed(0.8, 1.0, batches=300, seed=3)
    check_convex(labels)
    source = (images[..., 0] - ROWS) / 10
    cut = (np.abs(source - np.round(source)) < 1e-4).all(axis=(1, 2, 3))
    assert cut.mean() == pytest.approx(0.5, abs=0.1)
    runs = np.mean(cut[1:] == cut[:-1])
    assert runs == pytest.approx(0.5, abs=0.12)
    blend = np.einsum("bij,jrcd->bircd", labels, IMAGES)
    np.testing.assert_allclose(images[~cut], blend[~cut], rtol=1e-4)


@pytest.mark.parametrize("alphas", [(0.8, 0.0), (0.0, 1.0), (0.8, 1.0)])
def test_seed(alphas, mixed):
    results = []
    for k, seed in enumerate((5, 5, 6)):
        keras.utils.set_random_seed(k)  # which does not count
        results.append(mixed(*alphas, seed=seed, batches=4))
    for x, y, z in zip(*results, strict=True):
        np.testing.assert_array_equal(x, y)
        assert not np.allclose(x, z)


@pytest.mark.parametrize("seed", [5, None])
def test_each_epoch_draws_anew(seed, mixed):
    _, labels = mixed(0.8, 1.0, seed=seed, batches=3, epochs=2)
    for i in range(6):
        for j in range(i):
            assert not np.allclose(labels[i], labels[j])


def test_draws_follow_from_epoch_and_batch(mixed):
    """Also of a process that comes in late: in the third batch of the second epoch."""
    import tensorflow as tf

    unbroken = mixed(0.8, 1.0, seed=5, batches=4, epochs=2)
    mix = mixing(0.8, 1.0, seed=5)
    for k in (2, 3):
        images, labels = mix(tf.constant(IMAGES), tf.eye(N), 1, k)
        np.testing.assert_array_equal(images, unbroken[0][4 + k])
        np.testing.assert_array_equal(labels, unbroken[1][4 + k])
    (other, _), (again, _) = (mixed(0.8, 1.0, seed=s, batches=1) for s in ((5, 1), (5, 1)))
    np.testing.assert_array_equal(other, again)
    assert not np.allclose(other[0], unbroken[0][0])


def test_the_seed_of_tensorflow_stays(mixed):
    import tensorflow as tf

    tf.random.set_seed(1)
    expected = tf.random.uniform((3,)).numpy()
    tf.random.set_seed(1)
    mixed(0.8, 1.0, seed=7, batches=1)
    np.testing.assert_array_equal(tf.random.uniform((3,)).numpy(), expected)


def test_bytes_and_integer_labels(mixed):
    images, labels = mixed(0.8, 1.0, seed=5, batches=4, kind="uint8")
    expected = mixed(0.8, 1.0, seed=5, batches=4)
    assert images.dtype == labels.dtype == "float32"
    for x, y in zip((images, labels), expected, strict=True):
        np.testing.assert_array_equal(x, y)


def test_mixed_precision_stays_out(mixed):
    expected = mixed(0.8, 1.0, seed=5, batches=4)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        for x, y in zip(mixed(0.8, 1.0, seed=5, batches=4), expected, strict=True):
            assert x.dtype == "float32"
            np.testing.assert_array_equal(x, y)
    finally:
        keras.config.set_dtype_policy(policy)


def test_batches_of_unknown_size():
    pytest.importorskip("keras_cv")
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((IMAGES, np.eye(N, dtype="float32"))).batch(5)
    mix = mixing(0.8, 1.0)
    sizes = [(len(x), y.shape) for x, y in data.map(lambda x, y: mix(x, y, 0, 0))]
    assert sizes == [(5, (5, N)), (5, (5, N)), (2, (2, N))]


@pytest.mark.parametrize(
    "arguments", [{}, {"mixup_alpha": -0.1, "cutmix_alpha": 1.0}, {"cutmix_alpha": -1.0}]
)
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match="must not be negative, and one.*Received: mixup_alpha="):
        mixing(**arguments)


@pytest.mark.parametrize("package", ["keras_cv", "tensorflow"])
def test_without_its_packages(package, monkeypatch):
    if package == "tensorflow":
        pytest.importorskip("keras_cv")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r'need keras_cv: pip install "keras-classics\[augment'):
        mixing(0.8)
