"""Writes networks for OpenVINO: a program, started by `engine.convert` in a process of its own.

Keras computes on one backend in a process. On its OpenVINO backend, a network that is called with
a parameter of OpenVINO becomes a graph of OpenVINO's operations, whichever backend trained it.
"""

import importlib
import sys

import keras

from keras_classics.graphs import deep_recursion


def write(source: str, target: str) -> None:
    """Writes a network for OpenVINO, for batches of any size.

    Keras's own export calls the network with a batch of one: what reshapes its maps then takes
    no other batch.

    Args:
        source: Path of a `.keras` file of one input.
        target: Path of the `.xml` file, beside which a `.bin` file is written.
    """
    import openvino
    import openvino.opset13 as opset

    with deep_recursion():
        network = keras.saving.load_model(source, compile=False, safe_mode=False)
        shape = [-1 if side is None else side for side in network.inputs[0].shape]
        images = opset.parameter(shape, openvino.Type.f32, "images")
        outputs = network(keras.ops.convert_to_tensor(images.output(0)), training=False)
    results = [opset.result(output.output) for output in keras.tree.flatten(outputs)]
    openvino.save_model(openvino.Model(results, [images]), target, compress_to_fp16=False)


if __name__ == "__main__":
    for module in sys.argv[3:]:  # of layers of one's own, which Keras then knows
        importlib.import_module(module)
    write(*sys.argv[1:3])
