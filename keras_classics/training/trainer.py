"""Trains a network by its recipe: one straight line from the data to a run folder."""

import contextlib
import functools
import operator
import os
import random
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from keras_classics import backend, graphs, surgery
from keras_classics.checks import arguments
from keras_classics.training import admission, identity, imaging, strategies
from keras_classics.training.checkpoint import Averaged, Checkpoints, write_history
from keras_classics.training.engine import Recipe
from keras_classics.training.inputs import Position, in_plain_words
from keras_classics.training.progress import Rate, Replaced, input_rate
from keras_classics.training.run import Run, refuse_taken
from keras_classics.training.strategies import ONE

if TYPE_CHECKING:
    from keras_classics.datasets import Images

OUTPUT = "predictions"  # the name of the output that counts, of several


@arguments(**admission.ARGUMENTS)
def train(
    recipe: Recipe,
    data: "Images",
    run_dir: str | os.PathLike,
    seed: int = 0,
    verbose: int | str = 1,
    *,
    builder: Callable[..., keras.Model] | None = None,
    strategy: Any = "auto",
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    best: bool = False,
    early_stopping: int | None = None,
) -> Run:
    """Trains the recipe's network and leaves model, history and manifest in a folder.

    The headers of image files are read first: files that are no images are left out. A file that
    cannot be decoded is met later, and the next one of its split takes its place. The manifest
    names them all.

    The same seed on the same machine and versions gives the same history, also if the training
    was interrupted, at whatever moment, and resumed.

    Args:
        recipe: A recipe, of `training.RECIPES` or of one's own.
        data: What `datasets.load` or `datasets.wrap` gives for the recipe's kind of images.
        run_dir: Folder to make; of several workers, one on a disk that they share. One that
            has anything in it is refused, or resumed.
        seed: Seed of the weights, of the order of the images, and of all that is
            drawn while training.
        verbose: Keras's `verbose` of `fit`.
        builder: A function of `input_shape` and `classes` that gives another network, a
            `keras.Model` of the same outputs, to train by the recipe. Default: the recipe's,
            whose fields of its own network, such as `bias_start`, say nothing to a builder.
        strategy: A name that `training.strategy` takes, or what it gives.
        resume: Whether to go on with the run in `run_dir`, if there is one, from its last
            checkpoint. Recipe, network, data and seed must be the same: of arrays the values and
            labels, of files the names, sizes and labels. Of other versions, or another number of
            replicas, it warns.
        callbacks: Further Keras callbacks. Of theirs the numbers are resumed.
        best: Whether to keep the network of the best validation accuracy, in `best.keras`. Of a
            rule that averages the weights, the averages are validated and kept.
        early_stopping: Epochs without a better validation accuracy after which the training ends.

    Returns:
        The finished `Run`.

    Raises:
        FileExistsError: If there is anything in `run_dir`, and `resume` is false.
        ValueError: If an argument is of another kind, recipe and data do not fit together, there
            is no network of the recipe's name, a field of that network was changed beside a
            `builder`, the network has other outputs than the recipe trains, or weights that are
            not finite, another run is to be resumed, or a file of the run is damaged. What a new
            run has written is removed again.
        FloatingPointError: If the loss or a weight is not finite.
        OSError: If the disk has no room for the network and its checkpoints, or a file cannot be
            written.
        RuntimeError: If another process trains in `run_dir`, another worker is lost, or finds
            other checkpoints.
        Interrupted: If the training was asked to stop, after the step that was running.

    Example:

    ```python
    import dataclasses
    import tempfile

    import numpy as np

    from keras_classics import datasets, training

    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), "uint8")
    labels = np.arange(40) % 2
    data = datasets.wrap((images[:32], labels[:32]), (images[32:], labels[32:]))
    recipe = training.recipe("resnet8_cifar")
    recipe = dataclasses.replace(recipe, epochs=1, batch_size=8)
    run = training.train(recipe, data, tempfile.mkdtemp() + "/run", verbose=0)
    print(run.manifest["errors"])
    ```
    """
    if isinstance(strategy, str):
        strategy = strategies.strategy(strategy)
    replicas, seed = strategies.replicas(strategy), operator.index(seed)
    admission.refuse_data(recipe, data)
    recipe = recipe.settled()
    splits = recipe.splits(data)
    if replicas.is_chief:
        refuse_taken(run_dir, resume)
    keras.utils.set_random_seed(seed)
    network = build(recipe, len(data.classes), strategy, builder)  # is refused before all else
    if replicas.workers > 1:
        own = identity.number_of(identity.of_data(data, splits))
        if not strategies.agree(strategy, own):
            raise RuntimeError(
                "The workers have different data: all must find the same files, of the same names "
                f"and sizes. Received by worker {replicas.worker}: {data.name}, "
                f"{', '.join(f'{len(split):,} {part}' for part, split in splits.items())}"
            )
    with contextlib.ExitStack() as stack:
        run, is_new = None, False
        if replicas.is_chief:
            opened = Run.open(run_dir, recipe, data, splits, seed, replicas.count, resume)
            run, is_new = stack.enter_context(opened)
        strategies.agree(strategy)  # the others wait for the folder
        run = run or Run(run_dir, recipe)
        if run.is_finished:
            if replicas.is_chief:
                run.look_through(data)  # if the mean is missing
                run.has(identity.of_network(network, builder))
            return run
        with run.removed_on_error() if is_new else contextlib.nullcontext():
            if replicas.is_chief:
                run.rehearse(splits)
                run.look_through(data, bool(verbose))
            strategies.agree(strategy)  # the others wait for what it found
            data = run.kept(data)
            splits = recipe.splits(data)
            classes = len(data.classes)
            job = prepare(recipe, splits, classes, seed, run.mean, strategy, builder, network)
            strategies.refuse_unsupported(job.model, strategy)
            run.has(job.network, writes=replicas.is_chief)
            variables = _variables(job.model, strategy)  # which all workers make together
            if replicas.is_chief:
                run.check_room(variables, best)
                alone = job.model if replicas.count == 1 else _copy(job.model)
                run.begin(_network(alone, job), splits, verbose)
            strategies.agree(strategy)  # the others wait for what it found
            run.give_start(_network(job.model, job))

        folder = data.name if hasattr(data.train, "paths") else None
        says = bool(verbose) and replicas.is_chief
        rate = Rate(recipe.batch_size, job.batches, folder, says)
        met = Replaced(run.folder, data, run.replaced, replicas.worker)
        callbacks = [*job.callbacks, *callbacks]
        if early_stopping:
            stop = keras.callbacks.EarlyStopping(job.monitor, patience=early_stopping, mode="max")
            callbacks.append(stop)
        checkpoints = Checkpoints(
            run.folder,
            job.position,
            callbacks,
            recipe.epochs,
            job.steps,
            writes=replicas.is_chief,
            together=functools.partial(strategies.any_of, strategy)
            if replicas.workers > 1
            else None,
            best=job.monitor if best else None,
            twin=recipe.wrapped(_twin(job.model), data.classes)
            if best and replicas.is_chief
            else None,
            lock=run.lock,
        )
        checkpoints.load()
        at = checkpoints.state["epoch"] + checkpoints.state["step"] / job.steps
        if not strategies.agree(strategy, at):
            raise RuntimeError(
                "The workers found different checkpoints: the run folder must be on a disk that "
                f"all share. Received: run_dir={run_dir}"
            )
        if checkpoints.ended:
            checkpoints.set_model(job.model)
            if checkpoints.values is None:  # the start is all that is trained
                checkpoints.state["rows"] = run.manifest["start"]
                write_history(run.folder, run.manifest["start"])
            else:
                checkpoints.restore()
            job.model.optimizer.finalize_variable_values(job.model.trainable_variables)
        else:
            shown = verbose if replicas.is_chief else 0
            _fit(job, recipe.epochs, shown, checkpoints, [rate, met], strategy)

        job.position.epoch, job.position.step = recipe.epochs, 0
        if replicas.is_chief:
            model = job.model if replicas.count == 1 else _copy(job.model)
            seconds, rates = checkpoints.seconds, {}
            with in_plain_words(job.batches):
                network = finished(model, job)
            if rate.rate:
                alone = input_rate(job.batches, min(2.0, 0.05 * seconds))
                rates = {"training": rate.rate, "input": alone and alone * replicas.workers}
                if rate.arrivals is not None:
                    rates["waiting"] = rate.share
            met.note()
            run.finish(network, splits, seconds, rates)
        strategies.agree(strategy)  # the others wait
        return run


class Job(NamedTuple):
    """What `fit` trains: a compiled model, its batches, and what goes with them.

    `model` is the network, behind the layers that run on the device, if there are any. `network`
    is what the run states of it.
    """

    model: keras.Model
    behind_layers: bool
    network: dict
    batches: Any
    validation: Any
    steps: int
    position: Position
    monitor: str
    callbacks: list


def build(recipe, classes, strategy=ONE, builder=None):
    """Builds a network for a recipe, and refuses one that the recipe cannot train.

    Args:
        recipe: The recipe.
        classes: Number of classes.
        strategy: What the network is trained under.
        builder: As in `train`.

    Returns:
        The network, with its variables.

    Raises:
        ValueError: See `admission.refuse_network`.
    """
    with strategy.scope():
        network = recipe.build_by(builder, input_shape=recipe.input_shape, classes=classes)
        if isinstance(network, keras.Model) and not network.built:
            network(keras.Input(recipe.input_shape))
        admission.refuse_network(network, recipe, classes)
    return network


def prepare(recipe, splits, classes, seed=0, mean=None, strategy=ONE, builder=None, network=None):
    """Compiles a recipe's network, and makes its batches.

    Args:
        recipe: The recipe.
        splits: The parts of the data, as `recipe.splits` gives them.
        classes: Number of classes.
        seed: Seed of the training.
        mean: The mean of the training images, if a layer of the recipe subtracts it.
        strategy: What the network is trained under.
        builder: As in `train`.
        network: The network. Default: what `build` gives.

    Returns:
        A `Job`.
    """
    train, validation = list(splits.values())[:2]
    train = imaging.in_order(recipe, train, seed)
    replicas, position = strategies.replicas(strategy), Position()
    if network is None:
        network = build(recipe, classes, strategy, builder)
    with strategy.scope():
        stated = identity.of_network(network, builder)
        outputs = _outputs(network)
        several = bool(outputs)
        if several and (recipe.in_memory or OUTPUT not in outputs):
            raise ValueError(
                f"{recipe.network} must have one output, or one of the name {OUTPUT!r} (and images "
                f"that are not in memory). Received: the outputs {', '.join(outputs)}"
            )

        def targets(labels):
            of_each = recipe.targets(labels, classes)
            return dict.fromkeys(outputs, of_each) if several else of_each

        batches, steps = imaging.batches(
            recipe, train, classes, seed, mean, position, replicas, targets
        )
        if hasattr(recipe, "synchronized"):
            strategies.synchronize(network, recipe.synchronized)
        device, model = imaging.device_layers_of(recipe, seed, mean), network
        if device:
            image = keras.Input(recipe.input_shape, dtype="uint8")
            model = keras.Sequential([image, *device, network])
        loss, metrics = recipe.loss_function(), recipe.metrics()
        at_once = min(steps, recipe.steps_per_execution) if replicas.count == 1 else 1
        compiles = recipe.compiles() and backend.has_xla() and replicas.count == 1
        model.compile(
            optimizer=recipe.update_rule(recipe.epochs * steps, network),
            loss=dict.fromkeys(outputs, loss) if several else loss,
            loss_weights=recipe.loss_weights if several else None,
            metrics={OUTPUT: metrics} if several else metrics,
            steps_per_execution=backend.steps_per_execution(at_once),
            jit_compile=True if compiles else "auto",
        )
    monitor = f"val_{OUTPUT}_{recipe.accuracy}" if several else f"val_{recipe.accuracy}"
    images = train.images if recipe.in_memory else None
    tested = imaging.test_batches(recipe, validation, mean, replicas, targets)
    callbacks = recipe.callbacks(monitor, images, seed)
    if getattr(getattr(model.optimizer, "inner_optimizer", model.optimizer), "use_ema", False):
        callbacks = [*callbacks, Averaged()]
    return Job(model, bool(device), stated, batches, tested, steps, position, monitor, callbacks)


def finished(model, job):
    """The network as it is tested: with the true averages of batch normalization, and one output.

    Args:
        model: The trained model.
        job: Its `Job`.
    """
    network = _network(model, job)
    kind = keras.layers.BatchNormalization
    if any(isinstance(layer, kind) and layer.trainable for layer in _all_layers(network)):
        surgery.recompute_statistics(model, job.batches)
    if outputs := _outputs(network):
        return keras.Model(network.input, outputs[OUTPUT], name=network.name)
    return network


def _network(model, job):
    """The network of a job's model, without the layers in front of it."""
    return model.layers[-1] if job.behind_layers else model


def _outputs(network):
    """The outputs of a network by their names; empty if it has only one output."""
    output = getattr(network, "output", None)  # a Sequential model has no such attribute
    return output if isinstance(output, dict) else {}


def _all_layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)


def _variables(model, strategy):
    """What a checkpoint has of a model: its variables, and those of its optimizer."""
    if model.built:
        with strategy.scope():
            model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _fit(job, epochs, verbose, checkpoints, watching, strategy):
    replicas = strategies.replicas(strategy)
    if not backend.fit_builds_variables() and replicas.count == 1:
        _build_variables(job.model, job.batches)
    with contextlib.ExitStack() as stack:
        stack.enter_context(checkpoints.listening())
        stack.enter_context(checkpoints.complete())
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(backend.scope_of_fit(strategy))
        # An epoch that goes on is shorter than the others.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        stack.enter_context(in_plain_words(job.batches, job.validation))
        try:
            job.model.fit(
                job.batches,
                validation_data=job.validation,
                shuffle=False,  # the batches come shuffled
                epochs=epochs,
                initial_epoch=checkpoints.state["epoch"],
                verbose=verbose,
                callbacks=[*watching, *checkpoints.others, checkpoints],
            )
        except backend.lost_worker_errors() as error:
            if replicas.workers == 1:
                raise
            raise RuntimeError(
                "Another worker was lost. Start the job again, on all workers, with "
                f"resume=True (--resume). {checkpoints.standing()}"
            ) from error


def _build_variables(model, batches):
    """Makes the variables of the optimizer and of the metrics before `fit` traces its first step.

    TensorFlow traces a step once more if it makes a variable. A step that is resumed within an
    epoch finds the metrics as they were.
    """

    def one(spec):  # image of a batch, or its label
        return np.zeros([1, *(side or 1 for side in spec.shape[1:])], spec.dtype.as_numpy_dtype)

    x, y, *_ = keras.tree.map_structure(one, batches.element_spec)
    predictions = model(x)  # makes the variables of a model without a known input
    model.optimizer.build(model.trainable_variables)
    model.compute_loss(x, y, predictions)
    model.compute_metrics(x, y, predictions)
    model.reset_metrics()


def _twin(model):
    """A copy of a model, which draws nothing that the training would draw."""
    state = random.getstate()  # of Keras's seeds
    twin = _copy(model)
    random.setstate(state)
    return twin


@graphs.deep_recursion()
def _copy(model):
    """The model outside of its strategy, whose replicas would all predict the same."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy
