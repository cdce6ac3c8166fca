"""A web server that names what a photograph shows: `SERVED=FOLDER uvicorn web_server:app`.

FOLDER was written by `keras_classics.serve(kc.classifier("resnet50")).save(FOLDER)`. Then

    curl --data-binary @cat.jpg http://127.0.0.1:8000/

answers with the five best classes. Needs `pip install starlette uvicorn`, and Keras only for the
preprocessing: `KERAS_BACKEND=openvino` starts the fastest.
"""

import os

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import keras_classics as kc

LARGEST = 20 * 2**20  # bytes of a file
WAITING = 16  # requests at once; more are sent away, so that none waits long
served = kc.serve(os.environ["SERVED"])
computing = anyio.CapacityLimiter(os.cpu_count() or 1)  # threads; the engine shares the processors
waiting = 0


def refused(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status, {"Retry-After": "1"} if status == 503 else None)


async def classify(request: Request) -> JSONResponse:
    global waiting
    if waiting >= WAITING:
        return refused(503, "busy")
    waiting += 1
    try:
        content = bytearray()
        async for part in request.stream():
            content += part
            if len(content) > LARGEST:
                return refused(413, f"more than {LARGEST:,} bytes")
        scores = await anyio.to_thread.run_sync(served.predict, bytes(content), limiter=computing)
        best = served.decode_predictions(scores)[0]
        return JSONResponse([{"class": name, "score": score} for _, name, score in best])
    except ValueError as error:  # no image, or one that is too large or damaged
        return refused(400, str(error).splitlines()[0])
    finally:
        waiting -= 1


app = Starlette(routes=[Route("/", classify, methods=["POST"])])
