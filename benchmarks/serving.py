"""Finished networks: `python benchmarks/serving.py [--rounds=7] speed|call|start|web [NAME...]`,
or `python benchmarks/serving.py agree RUN DATA_DIR`.

speed   Time of each form over that of the network in float32, as a function of TensorFlow: the
        median of the rounds' ratios, the smallest and the largest. Below 1 it is faster. All
        forms are in one process and take turns. Images of 224x224, one and eight. Of resnet50
        also the same graph in PyTorch, compiled, in bfloat16, and onnxruntime's float32 and int8.
call    One image: what `Served.predict` adds to the bare engine, and what Keras's `predict` and a
        call of the model take. The wall clock and the time of the processors.
start   Seconds until the first prediction, and memory, of a new process: from a folder of
        `Served.save`, and from a `.keras` file.
web     examples/web_server.py under load: requests a second, milliseconds until the answer (half of
        the requests, 99 %) and the share that is sent away, by the clients that ask at once, with
        JPEG files of 500x375.
agree   Errors of a run (`keras-classics train lenet5 --run_dir=RUN`) in float32, bfloat16 and int8,
        which is calibrated by 300 training images, and the test images whose class changes.

Names: resnet50, vgg16, googlenet, alexnet, vit_b16, and any other network.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import io
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from rounds import keep

import keras_classics as kc
from keras_classics import training

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "applications"))
NETWORKS = ("resnet50", "vgg16", "googlenet", "alexnet", "vit_b16")


def images(network, n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, *network.input_shape[1:])).astype("float32")


def graph(network):
    call = tf.function(lambda x: network(x, training=False))
    return lambda x: call(tf.constant(x))


def forms(network):
    """A function from images to predictions for each form, by its name."""
    yield "float32 (reference)", graph(network)
    yield "fuse", graph(kc.fuse(network))
    yield "fuse bfloat16", graph(kc.fuse(network, precision="bfloat16"))
    for precision in ("float32", "bfloat16"):
        yield f"serve {precision}", kc.serve(network, precision)
    yield "serve int8", kc.serve(network, "int8", calibration=images(network, 16, 1))
    if network.name == "resnet50":
        yield from in_torch()
        yield from in_onnxruntime(network)


def in_torch():
    try:
        import torch
        import twins
    except ImportError:
        return
    model = twins.ResNetTwin(50, "B").eval().to(memory_format=torch.channels_last)
    model = torch.compile(model)

    def call(x):
        x = torch.from_numpy(x.transpose(0, 3, 1, 2))  # whose channels are last in memory
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            return model(x).float().numpy()

    yield "torch compiled bfloat16", call


def in_onnxruntime(network):
    try:
        import onnxruntime
        from onnxruntime import quantization
    except ImportError:
        return
    folder = pathlib.Path(tempfile.mkdtemp())
    whole, int8 = folder / "float32.onnx", folder / "int8.onnx"
    fused = kc.fuse(network)
    fused(images(network, 1))  # Keras exports no model that was never called
    fused.export(whole, format="onnx", verbose=False)
    name = onnxruntime.InferenceSession(whole).get_inputs()[0].name

    left = [{name: image[None]} for image in images(network, 16, 1)]

    class Reader(quantization.CalibrationDataReader):
        def get_next(self):
            return left.pop() if left else None

    quantization.quantize_static(whole, int8, Reader())
    for path in (whole, int8):
        session = onnxruntime.InferenceSession(path)
        yield (
            f"onnxruntime {path.stem}",
            lambda x, session=session: session.run(None, {name: x})[0],
        )


def seconds(call, x):
    begin = time.perf_counter()
    np.asarray(call(x))
    return time.perf_counter() - begin


def in_turns(calls, x, rounds, clock=time.perf_counter, times=1):
    """The seconds of each call, round by round, each round beginning with another one."""
    order = list(calls)
    for name in order:
        np.asarray(calls[name](x))  # traces and compiles
    taken = {name: [] for name in order}
    for k in range(rounds):
        for name in order[k % len(order) :] + order[: k % len(order)]:
            begin = clock()
            for _ in range(times):
                np.asarray(calls[name](x))
            taken[name].append((clock() - begin) / times)
    return taken


def rows(label, taken):
    """Prints the ratios to the first one."""
    reference, *_ = taken.values()
    for name, values in taken.items():
        ratios = [a / b for a, b in zip(values, reference, strict=True)]
        keep(f"{label} {name}", ratios)
        print(
            f"{label} {name:24} {statistics.median(ratios):6.3f}"
            f"  {min(ratios):6.3f} .. {max(ratios):6.3f}"
            f"  {statistics.median(values) * 1e3:9.2f} ms",
            flush=True,
        )


def speed(name, rounds):
    network = kc.build(name)
    calls = dict(forms(network))
    for batch in (1, 8):
        rows(f"{name:10} {batch}", in_turns(calls, images(network, batch), rounds))


def call(name, rounds):
    network = kc.build(name)
    served = kc.serve(network)
    x = images(network, 1)
    request = served._engine._compiled.create_infer_request()
    calls = {
        "the bare engine": lambda x: request.infer({0: x}, share_inputs=True)[0],
        "Served.predict": served.predict,
        "graph of TensorFlow": graph(network),
        "Keras's predict": lambda x: network.predict(x, verbose=0),
        "a call of the model": lambda x: network(x),
    }
    for clock, of in [(time.perf_counter, "wall"), (time.process_time, "CPU")]:
        rows(f"{name:10} {of:4}", in_turns(calls, x, rounds, clock, times=20))


START = """
import time, numpy as np
import keras_classics as kc, keras
imported = time.perf_counter()
shape = {shape}
if {served}:
    kc.serve({path!r}).predict(np.zeros(shape, "float32"))
else:
    keras.saving.load_model({path!r}, compile=False).predict(np.zeros(shape, "float32"), verbose=0)
lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
now, peak = (int(lines[name].split()[0]) / 2**10 for name in ("VmRSS", "VmHWM"))
print(time.perf_counter() - imported, now, peak)
"""


def start(name, rounds):
    network = kc.build(name)
    with tempfile.TemporaryDirectory() as folder:
        network.save(f"{folder}/a.keras")
        kc.serve(network).save(f"{folder}/served")
        kc.serve(network, "int8", calibration=images(network, 16)).save(f"{folder}/int8")
        for backend, path in [
            ("tensorflow", "a.keras"),
            ("tensorflow", "served"),
            ("openvino", "served"),
            ("openvino", "int8"),
        ]:
            code = START.format(
                shape=(1, *network.input_shape[1:]),
                served=path != "a.keras",
                path=f"{folder}/{path}",
            )
            found = []
            for _ in range(rounds):
                begin = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-c", code],
                    env={**os.environ, "KERAS_BACKEND": backend},
                    check=True,
                    capture_output=True,
                    text=True,
                )
                took = time.perf_counter() - begin
                found.append((took, *map(float, done.stdout.split()[-3:])))
            took, later, now, peak = map(statistics.median, zip(*found, strict=True))
            print(
                f"{name:10} {path:8} Keras on {backend:10} {took:6.2f} s, of which after imports"
                f" {later:5.2f}; memory {now:6.0f} MiB, at most {peak:6.0f}",
                flush=True,
            )


def web(name, rounds):
    network = kc.build(name)
    layer = kc.preprocessing.ClassifierInput(256, 224, [123.68, 116.78, 103.94])
    classes = kc.classification.class_names(1000)
    served = kc.serve(kc.Classifier(network, layer, classes))
    file = io.BytesIO()
    slopes = np.add(*np.mgrid[:375, :500])[..., None] / 5 + np.random.default_rng(0).normal(
        0, 10, (375, 500, 3)
    )
    Image.fromarray(slopes.clip(0, 255).astype("uint8")).save(file, "JPEG", quality=90)
    content = file.getvalue()

    def ask(port):
        begin = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/", content)
        response = connection.getresponse()
        response.read()
        return response.status, time.perf_counter() - begin

    with tempfile.TemporaryDirectory() as folder:
        served.save(f"{folder}/served")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        examples = pathlib.Path(__file__).parents[1] / "examples"
        options = [f"--port={port}", f"--app-dir={examples}", "--log-level=warning"]
        server = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "web_server:app", *options],
            env={**os.environ, "SERVED": f"{folder}/served", "KERAS_BACKEND": "openvino"},
        )
        try:
            while True:
                with contextlib.suppress(ConnectionError):
                    ask(port)
                    break
                time.sleep(0.1)
            for clients in (1, 2, 4, 16, 64):
                with concurrent.futures.ThreadPoolExecutor(clients) as pool:
                    begin = time.perf_counter()
                    done = list(pool.map(lambda _: ask(port), range(max(50 * rounds, 4 * clients))))
                    took = time.perf_counter() - begin
                times = np.array([1e3 * each for status, each in done if status == 200])
                print(
                    f"{name:10} {clients:3} clients: {len(times) / took:6.1f} answers a second, "
                    f"{np.median(times):6.0f} ms, {np.quantile(times, 0.99):6.0f} ms; sent away "
                    f"{100 * (1 - len(times) / len(done)):.0f} %",
                    flush=True,
                )
        finally:
            server.terminate()


def agree(folder, data_dir):
    run = training.Run(folder)
    data = kc.datasets.load(run.manifest["data"]["name"], data_dir)
    network = run.network
    sign = -1 if isinstance(network.layers[-1], kc.layers.RBFOutput) else 1  # penalties
    splits = run.recipe.splits(data)
    some = np.random.default_rng(0).choice(len(splits["train"]), 300, replace=False)
    calibration = run.preprocess(splits["train"].images[np.sort(some)])
    calls = {"Keras float32": lambda x: fused.predict(x, batch_size=100, verbose=0)}
    fused = kc.fuse(network, precision="float32")
    for precision in ("float32", "bfloat16", "int8"):
        more = {"calibration": calibration} if precision == "int8" else {}
        calls[f"served {precision}"] = kc.serve(network, precision, **more).predict
    for part in ("test", "train"):
        labels = np.asarray(splits[part].labels)
        x, first = run.preprocess(splits[part].images), None
        for name, call in calls.items():
            guesses = (sign * call(x)).argmax(-1)
            first = guesses if first is None else first
            wrong, changed = int((guesses != labels).sum()), np.flatnonzero(guesses != first)
            print(
                f"{part:5} {name:16} error {100 * wrong / len(labels):6.3f} % ({wrong} of "
                f"{len(labels):,}), {len(changed)} classes changed",
                flush=True,
            )
            for k in changed if part == "test" else ():
                print(f"    image {k}: class {labels[k]}, read as {first[k]}, now as {guesses[k]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["speed", "call", "start", "web", "agree"])
    parser.add_argument("names", nargs="*", metavar="NAME", default=NETWORKS)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_intermixed_args()
    if arguments.part == "agree":
        agree(*arguments.names)
    else:
        for each in arguments.names:
            keras.utils.set_random_seed(0)
            part = {"speed": speed, "call": call, "start": start, "web": web}[arguments.part]
            part(each, arguments.rounds)
            keras.backend.clear_session()
