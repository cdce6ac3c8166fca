"""What all tests share: quiet and quick backends, one state to begin in, data sets, gradients.

Keras is imported where it is used: with several workers, the process that only hands out the
tests needs none.
"""

import collections
import gc
import gzip
import hashlib
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUICK = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",  # as the command
    # XLA compiles hundreds of small functions, each of which runs a few times: it need not
    # optimize them. This halves the time of the tests on JAX.
    "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false",
}
# Workers share the cores: threads of one would wait for those of another.
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    QUICK |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
for name, value in QUICK.items():
    os.environ.setdefault(name, value)


def pytest_configure(config):
    # Deprecations of other packages are theirs to mend; ours fail. The later line wins.
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")
    config.addinivalue_line("filterwarnings", r"error::DeprecationWarning:keras_classics\b")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The slow tests first, so that no worker ends with a long one while the others wait.

    With the variable `TEST_ORDER`, any text, the files and the functions of a file come in another
    order for each text. The cases of a function stay together: many share what they are made of.
    """
    order = os.environ.get("TEST_ORDER")
    if order:
        items.sort(
            key=lambda item: [_draw(order, part) for part in item.nodeid.split("[")[0].split("::")]
        )
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def _draw(order, name):
    """A number by chance, the same in each process."""
    return hashlib.sha256(f"{order} {name}".encode()).digest()


def pytest_report_header():
    return f"TEST_ORDER={os.environ.get('TEST_ORDER', '')}"


GIVEN: dict[str, int] = {}  # how often Keras gave each name while the tests were collected


def pytest_collection_finish():
    """Keeps what has been imported out of garbage collection, which many tests ask for.

    The libraries have half a million objects: a collection took 0.3 s. By itself it comes less
    often: it took a third of the time in which TensorFlow traces a training step. What a test
    leaves is collected when it ends.
    """
    if "keras" in sys.modules:
        from keras.src.backend.common import global_state

        GIVEN.update(global_state.get_global_attribute("object_name_uids", {}))
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def begin_anew():
    """The state in which each test begins, and each fixture that several tests share.

    What tests share is made within the first of them: it must not depend on which one that is.
    """
    import keras
    from keras.src.backend.common import global_state

    keras.utils.set_random_seed(1998)
    # Keras lists the variables that a test has made without values. On JAX and PyTorch the next
    # `fit` would give them values: gigabytes of another test's networks.
    global_state.set_global_attribute("uninitialized_variables", [])
    # Keras counts the names that it gives, `dense` and `dense_1`. The layers that stand in the
    # lists of parameters have theirs already, and no test may give one again.
    given = collections.defaultdict(int, GIVEN)
    global_state.set_global_attribute("object_name_uids", given)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef):
    if fixturedef.scope != "function":
        begin_anew()


@pytest.fixture(autouse=True, scope="module")
def memory():
    """Gives back what several tests of a file shared, which is not young any more."""
    yield
    gc.collect()


# What Keras 3.15's OpenVINO backend does otherwise, by the tests that show it.
OTHERWISE_ON_OPENVINO = {
    "test_the_fused_operation_where_it_can": "it has no training step",
    "test_stochastic_depth_leaves_out": "it draws one number for all images",
    "test_an_image_without_tokens_stays_finite[the": "a mask that allows nothing gives NaN",
    "test_mixed_precision[mixed_float16-GroupedConv2D]": "a part of a float16 kernel is int16",
    "test_every_network[cuda-convnet-11pct]": "convolution, pooling and gather in one graph differ",
    "test_unknown_sides": "`predict` computes in bfloat16 where the processor does",
}


@pytest.fixture(autouse=True)
def only_what_openvino_does(request, monkeypatch):
    """On Keras's OpenVINO backend, which only predicts, what asks for gradients is skipped."""
    import keras

    if keras.backend.backend() != "openvino":
        return
    for name, reason in OTHERWISE_ON_OPENVINO.items():
        if request.node.name.startswith(name):
            pytest.skip(reason)

    def skip(*args, **kwargs):
        pytest.skip("no gradients on OpenVINO")

    monkeypatch.setattr("keras_classics.backend.training.gradient", skip)
    monkeypatch.setattr("keras_classics.backend.gradient", skip)
    monkeypatch.setattr(keras.Model, "fit", skip)


@pytest.fixture(autouse=True)
def order_does_not_matter():
    """Each test begins in the same state, and its settings end with it."""
    import keras
    from keras.src.backend.common import global_state

    begin_anew()
    variables, folder, depth = dict(os.environ), os.getcwd(), sys.getrecursionlimit()
    config = keras.config
    settings = [
        (set_it, get())
        for set_it, get in [
            (config.set_floatx, config.floatx),
            (config.set_epsilon, config.epsilon),
            (config.set_image_data_format, config.image_data_format),
        ]
    ]
    # The policy itself follows floatx until it is set, or asked for.
    policy = global_state.get_global_attribute("dtype_policy")
    yield
    gc.collect(1)  # the young objects, those of this test: a network may have a gigabyte
    for set_it, value in settings:
        set_it(value)
    global_state.set_global_attribute("dtype_policy", policy)
    os.chdir(folder)
    sys.setrecursionlimit(depth)
    for name in [name for name in os.environ if name not in variables]:
        del os.environ[name]
    os.environ.update(variables)


@pytest.fixture
def quick_to_quantize(monkeypatch):
    """Keras collects garbage at each weight that it quantizes, which takes most of the time."""
    monkeypatch.setattr(gc, "collect", lambda generation=2: 0)


@pytest.fixture
def data_dir():
    """A function from the name of a data set to its folder; skips where that is absent."""
    default = ROOT.parent / "shared" / "data"
    parent = pathlib.Path(os.environ.get("KERAS_CLASSICS_TEST_DATA", default))

    def locate(name):
        folder = parent / name
        if not folder.is_dir():
            pytest.skip(f"needs the data set {name!r} in {parent} (KERAS_CLASSICS_TEST_DATA)")
        return folder

    return locate


@pytest.fixture
def gradients():
    """A function from a built layer and inputs to the gradients along inputs and weights.

    Differentiates a sum of the outputs with uneven coefficients: with equal ones, gradients
    that should differ could cancel.
    """
    import keras
    import numpy as np

    from keras_classics import backend

    def differentiate(layer, inputs):
        weights = [keras.ops.convert_to_numpy(v) for v in layer.trainable_variables]
        outputs = keras.ops.convert_to_numpy(layer(inputs))
        uneven = np.linspace(0.5, 1.5, outputs.size, dtype="float32").reshape(outputs.shape)
        uneven = keras.ops.convert_to_tensor(uneven)

        def total(tensors):
            fixed = [v.value for v in layer.non_trainable_variables]
            result, _ = layer.stateless_call(tensors[1:], fixed, tensors[0])
            return keras.ops.sum(result * uneven)

        return [keras.ops.convert_to_numpy(g) for g in backend.gradient(total, [inputs, *weights])]

    return differentiate


@pytest.fixture
def mnist(tmp_path):
    """A folder with MNIST's four files, of 12 and 7 images of noise."""
    import numpy as np

    rng = np.random.default_rng(0)
    for prefix, n in [("train", 12), ("t10k", 7)]:
        images, labels = rng.integers(0, 256, (n, 28, 28)), np.arange(n) % 10
        for name, array in [("images-idx3", images), ("labels-idx1", labels)]:
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            content = gzip.compress(header + array.astype("uint8").tobytes())
            (tmp_path / f"{prefix}-{name}-ubyte.gz").write_bytes(content)
    return tmp_path
