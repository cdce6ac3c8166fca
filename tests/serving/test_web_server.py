"""The example of a web server, over HTTP, in a process of its own."""

import concurrent.futures
import http.client
import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image

import keras_classics as kc
from keras_classics.preprocessing import ClassifierInput

pytest.importorskip("openvino", reason="needs OpenVINO, which computes what is served")
pytest.importorskip("starlette", reason="needs starlette, of which the example is made")
pytest.importorskip("uvicorn", reason="needs uvicorn, which runs the example")
EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the server has Keras on OpenVINO anyway"
)


def jpeg(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG")
    return file.getvalue()


def post(port, content):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/", content)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


@pytest.fixture(scope="module")
def classifier():
    layer = ClassifierInput(36, 32, mean=123.0, std=60.0)
    classes = [(f"n{k}", f"class {k}") for k in range(10)]
    return kc.Classifier(kc.build("resnet8_cifar"), layer, classes)


@pytest.fixture(scope="module")
def port(classifier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    kc.serve(classifier, precision="float32").save(folder / "served")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "SERVED": str(folder / "served"),
        "KERAS_BACKEND": "openvino",
        "PYTHONPATH": os.pathsep.join([str(EXAMPLES), str(EXAMPLES.parent)]),
    }
    command = [sys.executable, "-m", "uvicorn", "web_server:app", f"--port={port}"]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(600):
            if process.poll() is not None:
                pytest.fail((folder / "log").read_text())
            with socket.socket() as begun:
                if begun.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def test_classes_of_photographs(port, classifier):
    rng = np.random.default_rng(0)
    for sides in [(60, 80), (90, 50)]:
        content = jpeg(rng.integers(0, 256, (*sides, 3)).astype("uint8"))
        status, found = post(port, content)
        pixels = np.asarray(Image.open(io.BytesIO(content)))
        expected = classifier.decode_predictions(classifier.predict(pixels, verbose=0))[0]
        assert status == 200
        assert [each["class"] for each in found] == [name for _, name, _ in expected]
        np.testing.assert_allclose(
            [each["score"] for each in found], [score for *_, score in expected], rtol=1e-3
        )


def test_what_is_no_image_is_refused(port):
    for content in (b"", b"no image", jpeg(np.zeros((40, 40, 3), "uint8"))[:100]):
        status, found = post(port, content)
        assert status == 400, found
    assert post(port, bytes(21 * 2**20))[0] == 413
    assert post(port, jpeg(np.zeros((40, 40, 3), "uint8")))[0] == 200


def test_more_than_can_wait_are_sent_away(port):
    content = jpeg(np.zeros((1500, 1500, 3), "uint8"))
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        statuses = [status for status, _ in pool.map(lambda _: post(port, content), range(120))]
    assert set(statuses) == {200, 503}
    assert post(port, content)[0] == 200
