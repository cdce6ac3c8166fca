"""Functions in processes of their own, forked from one that has imported Keras before.

A process that imports it anew takes many seconds. With TensorFlow, a process may be forked only
before it has computed anything: the server does nothing else.
"""

import contextlib
import importlib
import json
import multiprocessing
import os
import pathlib
import socket
import sys
import traceback

ROOT = pathlib.Path(__file__).parents[2]


def start(module, arguments, errors, **variables):
    """Starts `main(*arguments)` of a module of this folder.

    Args:
        module: Name of the module.
        arguments: Texts.
        errors: Path of a file that receives what the process says.
        **variables: Variables of its environment.

    Returns:
        The process.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.warm"])
    before, main = os.environ.get("PYTHONPATH"), sys.modules["__main__"]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before]))
    sys.modules["__main__"] = importlib.import_module(__name__)  # children import it, not pytest
    try:
        environment = {**os.environ, **variables}
        job = context.Process(target=_call, args=(module, arguments, str(errors), environment))
        job.start()
    finally:
        sys.modules["__main__"] = main
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return job


def _call(module, arguments, errors, environment):
    os.environ.clear()
    os.environ.update(environment)
    with open(errors, "w") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    try:
        importlib.import_module(f"tests.training.{module}").main(*arguments)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # without the end of TensorFlow's threads, which wait for other workers


def run(module, *arguments, folder, workers=0, last=None, **variables):
    """Calls `main` of a module in a process, or in one for each worker.

    Args:
        module: Name of the module.
        *arguments: Arguments of `main`.
        folder: Where the processes write what they say.
        workers: Number of workers.
        last: Variables of the environment of the last worker alone.
        **variables: Variables of all.

    Returns:
        `(return code, errors)` of each.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(workers)]
        for each in sockets:
            each.bind(("localhost", 0))
        addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    jobs = []
    for index in range(workers or 1):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        own = {"TF_CONFIG": json.dumps(task)} if workers else {}
        own |= (last or {}) if index == workers - 1 else {}
        said = pathlib.Path(folder) / f"said-{index}.txt"
        jobs.append((start(module, list(map(str, arguments)), said, **variables, **own), said))
    try:
        for job, _ in jobs:
            job.join(600)
    finally:
        for job, _ in jobs:
            job.kill()
    return [(job.exitcode, said.read_text()[-3000:]) for job, said in jobs]
