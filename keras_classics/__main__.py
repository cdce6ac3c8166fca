"""keras-classics: the papers' own training, one command.

  keras-classics train NETWORK --data=NAME   train by the paper's recipe into a run folder
  keras-classics finetune NETWORK --data=FOLDER  fine-tune published weights, or a file of them
  keras-classics evaluate RUN...             count a run's errors again, or of several together
  keras-classics evaluate                    of releases or a file: --network, --weights, --data
  keras-classics predict RUN IMAGE...        name what is in image files
  keras-classics predict NETWORK IMAGE...    by published weights; lenet5 reads digits
  keras-classics look RUN IMAGE...           picture what a network looks at in them
  keras-classics look NETWORK IMAGE...       by published weights
  keras-classics compare RUN RUN...          what differs, the curves, and which is better
  keras-classics page [RUN|NETWORK...]       a page to draw a digit on, which shows all layers
  keras-classics check FOLDER                decode every image of a folder: which are damaged?
  keras-classics pack FOLDER OUT             pack a folder of images into shards, for --data=OUT
  keras-classics reproduce EXPERIMENT        run an experiment of a paper: table and figure
  keras-classics report NETWORK              the paper's table beside the network's, and its errors
  keras-classics report                      all networks by year: sizes, errors, hardware
  keras-classics recipe NETWORK              how it is trained, and which section says so
  keras-classics weights [NETWORK]           the published weights, with their errors
  keras-classics list                        networks, recipes, experiments and data sets
  keras-classics COMMAND [NAME] --help       the flags of a command, and of its recipe
  keras-classics --version

Examples:
  keras-classics train lenet5 --data=mnist --data_dir=~/mnist
  keras-classics train lecun1989 --data=usps --epochs=23
  keras-classics train alexnet --data=photographs/ --batch_size=64 --lrn=False --towers=1
  keras-classics train vgg11 --data=tfds:imagenette
  keras-classics train resnet18 --data=photographs/ --strategy=mirrored
  keras-classics train resnet56_cifar --data=cifar10 --precision=mixed_bfloat16
  keras-classics train resnet20_cifar --data=cifar10 --run_dir=runs/mine --resume
  keras-classics finetune resnet50 --data=photographs/ --epochs=5
  keras-classics finetune resnet18 --weights=mine.pth --data=photographs/ --image_size=160
  keras-classics evaluate runs/alexnet-photographs-1 --views=paper
  keras-classics evaluate runs/lenet1-usps-1 --reject=1% --figure=rejected.png
  keras-classics evaluate --network=vgg16,vgg19 --weights=imagenet --data=imagenet/
  keras-classics predict lenet5 digit.png
  keras-classics compare runs/lenet1-mnist-1 runs/lenet5-mnist-1 --data_dir=~/mnist
  keras-classics page lenet5 runs/lenet5-digits-1 --out=page/ --serve
  keras-classics pack imagenet/ packed/ --shards=1024 --short_side=480
  keras-classics reproduce lrn --data_dir=~/cifar-10-batches-bin --seeds=3
  KERAS_BACKEND=jax keras-classics train lenet5 --data=digits
"""

import contextlib
import dataclasses
import difflib
import importlib.util
import inspect
import itertools
import logging
import os
import pathlib
import re
import shlex
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from absl import flags

from keras_classics import __version__, names
from keras_classics.checks import explained
from keras_classics.tables import aligned, counted
from keras_classics.training import engine, finetuning, recipes

# Each command imports what it needs, so that the light ones load no Keras.

log = logging.getLogger("keras_classics")
DATA = (
    "digits, mnist, usps, cifar10, cifar100, keras:NAME, tfds:NAME, or a folder with a "
    "sub-folder for each class, in splits (train, val, test) or not, or what pack made of one"
)
STRATEGIES = ("auto", "default", "mirrored", "multi-worker")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
GRAD_CAM = "where the network looks, by Grad-CAM"
# People look for these flags.
IN_THE_NAME = {"network", "model", "depth", "variant", "configuration"}
NAMED = "The network is a word of its own: keras-classics train NETWORK"


class Flag(NamedTuple):
    """A flag: the function of absl that defines it, its default, and what it means."""

    define: Callable
    default: object
    help: str
    more: Mapping = MappingProxyType({})


FLAGS = {
    "data": Flag(flags.DEFINE_string, None, f"data set: {DATA}"),
    "data_dir": Flag(
        flags.DEFINE_string, None, "folder of its files; default: ~/.keras/datasets/NAME"
    ),
    "corrupt": Flag(
        flags.DEFINE_enum,
        "skip",
        "what to do about unreadable image files: skip or refuse",
        {"enum_values": ["skip", "refuse"]},
    ),
    "classes": Flag(
        flags.DEFINE_list,
        None,
        "sub-folders of --data that are its classes, with commas between them; default: all",
    ),
    "upright": Flag(
        flags.DEFINE_boolean,
        None,
        "turn photographs as their EXIF says; of a run's data, default: as it was trained",
    ),
    "rescan": Flag(
        flags.DEFINE_boolean,
        True,
        "look for files that were added or changed; False: take the list of the last time",
    ),
    "run_dir": Flag(flags.DEFINE_string, None, "folder to make; default: the next in runs/"),
    "seed": Flag(
        flags.DEFINE_integer,
        0,
        "seed of all that is drawn",
        {"lower_bound": 0, "upper_bound": 2**32 - 1},
    ),
    "resume": Flag(
        flags.DEFINE_boolean, False, "go on with the run in --run_dir, or the last one there"
    ),
    "best": Flag(
        flags.DEFINE_boolean, False, "keep the network of the best validation, in best.keras"
    ),
    "early_stopping": Flag(
        flags.DEFINE_integer,
        None,
        "epochs without a better validation, then the training ends",
        {"lower_bound": 1},
    ),
    "tensorboard": Flag(
        flags.DEFINE_boolean, False, "write TensorBoard's logs into the run folder"
    ),
    "precision": Flag(
        flags.DEFINE_enum, None, f"{', '.join(PRECISIONS)}", {"enum_values": PRECISIONS}
    ),
    "strategy": Flag(flags.DEFINE_string, "auto", ", ".join(STRATEGIES)),
    "confusion_dir": Flag(
        flags.DEFINE_string, None, "folder for confusion-PART.csv; default: none is written"
    ),
    "reject": Flag(
        flags.DEFINE_list,
        None,
        "errors of the rest, such as 1% or 1%,0.5%: how many images must be rejected for each",
    ),
    "criterion": Flag(
        flags.DEFINE_enum,
        None,
        "what images are rejected by: the margin of the two largest scores, the largest, or "
        "three thresholds; default: as the recipe's paper",
        {"enum_values": ["margin", "largest", "three"]},
    ),
    "network": Flag(
        flags.DEFINE_list,
        None,
        "a network with published weights; several, with commas between them, are averaged",
    ),
    "weights": Flag(
        flags.DEFINE_string,
        None,
        "a release, or the path of a file; default: imagenet, or what the network has",
    ),
    "like": Flag(
        flags.DEFINE_string, None, "for a file: the release whose preprocessing and classes it has"
    ),
    "shards": Flag(
        flags.DEFINE_integer,
        None,
        "files of the training images; default: one for 1,000 images",
        {"lower_bound": 1},
    ),
    "short_side": Flag(
        flags.DEFINE_integer,
        None,
        "pixels of the short side that larger images are made smaller to; default: as they are",
        {"lower_bound": 1},
    ),
    "quality": Flag(
        flags.DEFINE_integer,
        90,
        "of the JPEG files of images that are made smaller",
        {"lower_bound": 1, "upper_bound": 100},
    ),
    "figure": Flag(flags.DEFINE_string, None, "file for the curves, such as curves.png"),
    "out": Flag(flags.DEFINE_string, "page", "folder for the page, index.html"),
    "serve": Flag(
        flags.DEFINE_boolean, False, "show it to the browsers of this machine, until Ctrl-C"
    ),
    "port": Flag(
        flags.DEFINE_integer,
        8000,
        "where it is served; 0: a free one",
        {"lower_bound": 0, "upper_bound": 2**16 - 1},
    ),
    "fields": Flag(
        flags.DEFINE_boolean, False, "what the units of each layer see, in place of the numbers"
    ),
    "seeds": Flag(flags.DEFINE_integer, None, "number of seeds", {"lower_bound": 1}),
    "epochs": Flag(flags.DEFINE_integer, None, "epochs of a run, at most", {"lower_bound": 1}),
    "verbosity": Flag(flags.DEFINE_integer, 0, "1: also show where an error comes from"),
}
OF_DATA = ("data", "data_dir", "corrupt", "classes", "upright", "rescan")
OF_FOLDERS = ("classes", "upright")
OF_REJECTION = ("reject", "criterion", "figure")
OF_RUNS = ("run_dir", "seed", "resume", "best", "early_stopping", "tensorboard")
OF_DEVICES = ("precision", "strategy")
# The fields of a recipe that a test of a trained network can have otherwise.
OF_TESTS = ("batch_size", "short_side", "views")


def train(options, name):
    """Trains a network by its recipe, and draws what was learned."""
    known, network = names.find_recipe(name)
    _train(options, network or known)


def finetune(options, name):
    """Fine-tunes published weights, or a file of them, on images of your own."""
    _train(options, f"{names.find(name).name}-finetuned")


def _train(options, label):
    """Trains by the recipe of the options."""
    recipe = options.recipe.settled()
    if options.data is None:
        raise ValueError(f"Which data? {options.words[0]} trains on --data={recipe.data_names}.")
    from keras_classics import datasets, training

    _refuse_unfit(recipe, options.data)
    strategy = training.strategy(options.strategy)  # several workers meet before anything else
    from keras_classics.training import strategies

    replicas = strategies.replicas(strategy)
    if replicas.workers > 1 and not options.run_dir:
        raise ValueError("Several workers need the same --run_dir, on a disk that they share.")
    if not replicas.is_chief:
        strategies.agree(strategy)  # the first worker has looked for files, and kept the list
    data = datasets.load(
        options.data,
        options.data_dir,
        options.corrupt,
        options.classes,
        bool(options.upright),
        options.rescan and replicas.is_chief,
    )
    if replicas.is_chief:
        strategies.agree(strategy)
    label = f"{label}-{pathlib.Path(data.name).name.replace(':', '-')}"
    run_dir = options.run_dir or _free_folder(label, last=options.resume)
    options.folder = run_dir
    board = options.tensorboard and replicas.is_chief
    if replicas.is_chief:
        counts = ", ".join(f"{len(split):,} {part}" for part, split in data.parts.items())
        print(f"{recipe}\n\n{data.name} ({counts}), into {run_dir}")
    run = training.train(
        recipe,
        data,
        run_dir,
        options.seed,
        strategy=strategy,
        resume=options.resume,
        callbacks=[training.TensorBoard(pathlib.Path(run_dir) / "logs")] if board else [],
        best=options.best,
        early_stopping=options.early_stopping,
    )
    if not replicas.is_chief:
        return
    try:
        run.draw(data)
    except ImportError as error:
        log.warning("No pictures: %s", error)
    print(f"{counted(len(run.history['loss']), 'epoch')} in {run.manifest['seconds']:.0f} s")
    rates = run.manifest["images a second"]
    if rates.get("input"):
        words = f"{rates['training']:,} images a second; the input alone {rates['input']:,}"
        if "waiting for input" in run.manifest:
            words += f"; waiting for the input {run.manifest['waiting for input']:.0%} of the time"
        print(words)
    errors = run.manifest["errors"]
    last = list(errors)[-1]
    _print_errors(run, errors, last, run.confusion(last))
    print(f"In {run.folder}: model.keras, history.csv, manifest.json, pictures/")


def evaluate(options, folder, *others):
    """Counts the images that a run's network misreads, or those of several runs together.

    The predictions of several runs are averaged, as the papers did: each network reads an image as
    its own recipe says.
    """
    from keras_classics import datasets
    from keras_classics.training import ensembles, evaluation

    goals = _goals(options.reject)
    runs = [options.run, *map(_run, others)]
    for run in runs[1:]:
        run.recipe = options.changed(run.recipe)
    trained = options.run.manifest["data"]
    name, classes, upright = options.data or trained["name"], options.classes, options.upright
    if options.data:
        _refuse_unfit(options.recipe, name)
    if classes is None and datasets.is_folder(name):
        classes = trained["classes"]
    upright = trained.get("upright", False) if upright is None else upright
    data = datasets.load(name, options.data_dir, options.corrupt, classes, upright, options.rescan)
    if others:
        each = ensembles.members(runs, data)
        for run, found in zip(runs, each, strict=True):
            print(run.folder)
            _print_shares({part: evaluation.count(*pair) for part, pair in found.items()})
        predictions = ensembles.average(each)
    else:
        predictions = options.run.predictions(data)
    if others:
        print(f"{len(runs)} networks, averaged")
    tested = evaluation.counted(predictions)
    errors, last = {part: errors for part, (errors, _) in tested.items()}, list(tested)[-1]
    _print_errors(options.run, errors, last, tested[last][1])
    _print_rejections(options, goals, predictions, options.recipe.criterion)
    if options.confusion_dir:
        options.run.write_confusions(tested, options.confusion_dir)


def evaluate_published(options):
    """Counts the errors of a release, or of a file of weights, on one's own images.

    The predictions of several networks are averaged.
    """
    if not options.network:
        raise ValueError(
            "Which network? keras-classics evaluate RUN, or --network=NAME --weights=imagenet "
            "--data=FOLDER"
        )
    import numpy as np

    from keras_classics import classifier, datasets
    from keras_classics.training import evaluation
    from keras_classics.weights.catalogue import resolve, usual

    goals = _goals(options.reject)
    weights = _weights_of_each(options.weights, options.network)
    weights = [given or usual(of) for given, of in zip(weights, options.network, strict=True)]
    cards = [resolve(*pair) for pair in zip(weights, options.network, strict=True)]
    if options.data is None:
        count = f"{cards[0].classes} classes" if cards[0] else "those of the file"
        raise ValueError(f"Which data? --data=FOLDER, {count} or some of them.")
    chosen = options.corrupt, options.classes, bool(options.upright)
    if not datasets.is_folder(options.data):
        data = datasets.load(options.data, options.data_dir, *chosen)
        classes, split = data.classes, data.splits[-1]
    else:
        classes, split = datasets.test_folder(options.data, *chosen)
    if hasattr(split, "box"):  # ink from 0 to 1
        grey = (255 * split.images).round().astype("uint8")
        split = datasets.InMemory(grey, split.labels)
    models = [
        classifier(network, card or file, like=options.like)
        for network, card, file in zip(options.network, cards, weights, strict=True)
    ]
    evaluation.refuse_other_classes(models)
    order = models[0].positions(classes)
    known = {word for pair in models[0].classes for word in pair}
    if known.isdisjoint(classes):
        first, last = (f"{classes[k]}, as {models[0].classes[k][1]}" for k in (0, -1))
        print(
            f"{options.network[0]} knows none of these classes. They are taken in its order: from "
            f"{first}, to {last}."
        )
    start = time.time()
    each, labels, unread = evaluation.scores_of(models, split)
    if unread and options.corrupt == "refuse":
        raise unread[0]
    for error in unread:
        log.warning("Left out: %s", error)
    labels = np.array(order)[labels]
    took = f"{counted(len(labels), 'image')} in {time.time() - start:.0f} s"
    for card, file, scores in zip(cards, weights, each, strict=True):
        print(f"{card.name if card else file} on {took}")
        published = (card.top1, card.top5) if card else (None, None)
        error = evaluation.count(scores, labels)
        for name, found, there in zip(
            ("top-1 error", "top-5 error"), (error, error.get("top-5")), published, strict=True
        ):
            if found:
                beside = "not published" if there is None else f"published: {there:.2f} %"
                of = f"({found['wrong']:,} of {found['of']:,})" + (f"; {beside}" if card else "")
                print(f"{name:12} {found['percent']:6.2f} % {of}")
        if card:
            print(f"Published of {card.protocol} ({card.source}).")
    predictions = {"test": evaluation.average([(scores, labels) for scores in each])}
    if len(models) > 1:
        print(f"{len(models)} networks, averaged")
        _print_shares({"test": evaluation.count(*predictions["test"])})
    if len(classes) < len(models[0].classes):
        print(
            f"Of {len(classes)} classes, among all {len(models[0].classes)} that the network "
            "knows: no figure to compare."
        )
    usual_one = engine.recipe(names.find(options.network[0]).recipe).criterion
    _print_rejections(options, goals, predictions, usual_one)


def _weights_of_each(given, networks):
    """Of several networks, `--weights` is for all, or has one for each."""
    several = given.split(",") if given and len(networks) > 1 else [given]
    if len(several) not in (1, len(networks)):
        raise ValueError(
            "--weights is for all networks, or has one for each. Received: "
            f"--network={','.join(networks)}, --weights={given}"
        )
    return several * (len(networks) // len(several))


def predict(options, folder, *paths):
    """Names what is in each image file."""
    if not paths:
        raise ValueError("Which images? keras-classics predict RUN IMAGE...")
    found = options.run.predict(*paths)
    for path, (first, second, scores) in zip(paths, found, strict=True):
        _print_classes(path, (first, scores[0]), (second, scores[1]))


def predict_published(options, network, *paths):
    """Names what is in each image file, by published weights or a file of them."""
    if not paths:
        raise ValueError("Which images? keras-classics predict NETWORK IMAGE...")
    from keras_classics import classifier

    model = classifier(network, options.weights, like=options.like)
    for path in paths:
        ((first, second),) = model.decode_predictions(model.predict(path, verbose=0), top=2)
        _print_classes(path, first[1:], second[1:])


def _print_classes(path, first, second):
    """Prints the class of an image and the next one, each with its score."""
    words = (f"{name} (score {score:.3g})" for name, score in (first, second))
    print(f"{path}: {', runner-up '.join(words)}")


def page(options, *words):
    """Writes a page to draw a digit on, which computes and shows all layers of networks.

    Without words it has the networks of digits that are part of the package. The digits that can be
    chosen on it are the first ones of a test set, --data: those of scikit-learn, if it is there.
    """
    from keras_classics import page

    path = pathlib.Path(options.out, "index.html")
    chosen = [page.shown(word) for word in words] if words else page.releases()
    usual = "digits" if importlib.util.find_spec("sklearn") else None
    page.write(path, chosen, options.data or usual, options.data_dir)
    print(f"{', '.join(each.name for each in chosen)}: {path.stat().st_size / 1000:.0f} kB")
    if not options.serve:
        print(f"Open it in a browser: {path}")
        return
    with page.server(path, options.port) as server:
        print(f"Open http://127.0.0.1:{server.server_port}/ in a browser. Ctrl-C ends.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def look(options, folder, *paths):
    """Pictures what a run's network looks at in each image file, and names what it is."""
    stems = _stems(paths, "RUN")
    from keras_classics import analysis
    from keras_classics.analysis import attention_pictures, page
    from keras_classics.layers import TransformerEncoderBlock

    run = options.run
    attends = any(isinstance(layer, TransformerEncoderBlock) for layer in run.network.layers)
    for stem, path, (first, _, scores) in zip(stems, paths, run.predict(*paths), strict=True):
        caption = f"{first} (score {scores[0]:.3g})"
        print(f"{path}: {caption}")
        image = run.read(path)[None]
        maps = analysis.grad_cam(run.network, image)
        figures = {"grad_cam": analysis.overlay(image, maps, [caption], GRAD_CAM)}
        if attends:
            figures |= attention_pictures.of_images(run.network, image, [caption])
        figures = {f"{name}-{stem}": figure for name, figure in figures.items()}
        for written in page.save(figures, run.folder / "pictures"):
            print(f"  {written}")


def look_published(options, network, *paths):
    """Pictures what a network of published weights looks at in each image file."""
    stems = _stems(paths, "NETWORK")
    from keras_classics import analysis, classifier
    from keras_classics.analysis import page

    model = classifier(network, options.weights, like=options.like)
    for stem, path in zip(stems, paths, strict=True):
        (((_, name, score),),) = model.decode_predictions(model.predict(path, verbose=0), top=1)
        caption = f"{name} (score {score:.3g})"
        print(f"{path}: {caption}")
        maps = analysis.grad_cam(model, path)
        figure = analysis.overlay(model.seen(path), maps, [caption], GRAD_CAM)
        for written in page.save({f"grad_cam-{stem}": figure}, "pictures"):
            print(f"  {written}")


def _stems(paths, first):
    """The names of image files, without what stands behind the point."""
    if not paths:
        raise ValueError(f"Which images? keras-classics look {first} IMAGE...")
    stems = [pathlib.Path(path).stem for path in paths]
    if len(set(stems)) < len(stems):
        raise ValueError(
            "The pictures are named after the image files, whose names must differ. "
            f"Received: {', '.join(paths)}"
        )
    return stems


def compare(options, folder, *others):
    """Prints what differs between runs and their errors, and tests which is better.

    With --data or --data_dir the networks read the tested images once more: McNemar's test takes
    what each of two reads wrong of the same images.
    """
    if not others:
        raise ValueError("With which other run? keras-classics compare RUN RUN...")
    from keras_classics import analysis, datasets

    runs = [_run(each) for each in (folder, *others)]
    if unfinished := [str(run.folder) for run in runs if not run.is_finished]:
        raise ValueError(
            "Runs that are compared must be finished: --resume goes on with one. "
            f"Received: {', '.join(unfinished)}, not finished"
        )
    data = None
    if options.data or options.data_dir:
        trained = runs[0].manifest["data"]
        name = options.data or trained["name"]
        classes = trained["classes"] if datasets.is_folder(name) else None
        upright = trained.get("upright", False)
        data = datasets.load(name, options.data_dir, classes=classes, upright=upright)
    compared = analysis.compare(runs, data)
    print(compared)
    if options.figure:
        compared.draw().savefig(options.figure)
        print(f"\nThe curves: {options.figure}")


def check(options, folder):
    """Decodes every image of a folder, and names those that cannot be; of shards, all that differ.

    Shards, whose images were decoded when they were packed, are compared with their digests.
    """
    from keras_classics import datasets

    start = time.time()
    path = os.path.abspath(os.path.expanduser(folder))  # a folder, though a data set has its name
    if not os.path.isdir(path):
        raise FileNotFoundError(
            f"`check` takes a folder of images, or of shards. Received: {folder}"
        )
    data = datasets.load(path, None, "skip", options.classes, bool(options.upright))
    if isinstance(data.train, datasets.Shards):
        wrong = datasets.verify(folder)
        print(f"{folder} compared with {folder}/shards.json in {time.time() - start:.0f} s")
        for path, why in wrong.items():
            print(f"{path}: {why}")
        if wrong:
            raise ValueError(f"{counted(len(wrong), 'file')} of {folder} differ from the packed.")
        return
    damaged, found = data.check(verbose=True)
    count = sum(map(len, data.splits))
    print(f"{counted(count, 'file')} of {folder} decoded in {time.time() - start:.0f} s")
    for format, number in found["formats"].items():
        print(f"{format:5} {number:,}")
    if found["sizes"]:
        (width, height), (wide, high) = found["sizes"]
        print(f"widths from {width:,} to {wide:,}, heights from {height:,} to {high:,} pixels")
    for path, why in damaged.items():
        print(f"{path}: {why}")
    if damaged:
        raise ValueError(f"{counted(len(damaged), 'file')} of {folder} cannot be decoded.")


def pack(options, folder, out):
    """Packs a folder of images into shards, which --data takes in its place.

    Each image is decoded, and what is damaged is left out. After an interruption the same command
    goes on. The order of the images follows from --seed.
    """
    from keras_classics import datasets

    data = datasets.image_folder(folder, options.corrupt, options.classes, bool(options.upright))
    start = time.time()
    packed = datasets.pack(
        data, out, options.shards, options.short_side, options.quality, options.seed
    )
    counts = ", ".join(f"{len(split):,} {part}" for part, split in packed.parts.items())
    shards = [shard for split in packed.splits for shard in split.shards]
    size = sum(shard.bytes for shard in shards) / 1e6
    print(
        f"{packed.name}: {counts} in {counted(len(shards), 'shard')}, {size:,.0f} MB, "
        f"{time.time() - start:.0f} s"
    )


def reproduce(options, name):
    """Runs an experiment of a paper, and prints its table."""
    from keras_classics import experiments, training

    experiment = experiments.find(name)
    lengths = {key: getattr(options, key) for key in ("seeds", "epochs") if getattr(options, key)}
    try:
        inspect.signature(experiment.run).bind(options.data_dir, None, **lengths)
    except TypeError:
        raise ValueError(
            f"{name} reads with the package's networks and trains none: leave --seeds and --epochs "
            f"out. Received: {', '.join(f'--{key}={value}' for key, value in lengths.items())}"
        ) from None
    folder = pathlib.Path(options.run_dir or _free_folder(name, last=options.resume))
    training.run.refuse_taken(folder, options.resume)
    options.folder = folder
    start = time.time()
    table = experiment.run(options.data_dir, folder, **lengths)
    (folder / "table.md").write_text(f"{table}\n")
    runs = ", the runs" if any(path.is_dir() for path in folder.iterdir()) else ""
    print(f"{table}\n{time.time() - start:.0f} s; in {folder}: table.md, figure.png{runs}")


def recipe(options, name):
    """Prints how a network is trained: each number with its source."""
    print(options.recipe)


def report(options, network=None):
    """Prints the paper's table beside the network's, and the errors; or all networks by year."""
    if network:
        names.find(network)  # fails before Keras is loaded
    from keras_classics import analysis
    from keras_classics.analysis import shapes_only
    from keras_classics.weights.card import OWN
    from keras_classics.weights.releases import CARDS

    shapes_only.prepare()
    if not network:
        print(analysis.timeline())
        return
    fields = options.values["fields"].value  # `options.fields` are a recipe's
    print(analysis.report(network, fields=fields))
    if fields:
        return
    reached = analysis.results(network)
    if reached:
        print(f"\nWhat the paper reached, errors in %\n\n{reached}")
    known = names.find(network).name
    cards = [card for card in CARDS if card.network == known and card.top1 and not card.refused]
    for title, is_own in {"Published weights": False, "Weights trained here": True}.items():
        rows = [
            (card.name, card.top1, card.top5, card.protocol)
            for card in cards
            if (card.library == OWN) == is_own
        ]
        if rows:
            rows.insert(0, ("release", "top-1", "top-5", "looked at"))
            print(f"\n{title}, errors in %\n\n{aligned(rows, right=(1, 2))}")


def list_weights(options, network=None):
    """Prints the published weights."""
    from keras_classics import weights

    cards = weights.cards(network)
    print(cards)
    for card in cards:
        if card.refused:
            print(f"{card.name}: {card.refused}.")


def list_all(options):
    """Prints the networks, the recipes, the experiments and the data sets."""
    from keras_classics import datasets, training

    for title, rows in {
        "Networks": {n.name: names.PAPERS[n.paper].title for n in names.NETWORKS.values()},
        "Recipes": {
            name: f"{r.network}: {counted(r.epochs, 'epoch')}, {r.batch_size} images a step"
            for name, r in training.RECIPES.items()
        },
        "Experiments": names.EXPERIMENTS,
        "Data sets": {name: row.about for name, row in names.DATA_SETS.items()} | datasets.OTHERS,
    }.items():
        print(f"{title}\n{textwrap.indent(aligned(rows.items()), '  ')}")


def _fine_tuning(name):
    """The recipe that fine-tunes a network."""
    return finetuning.FineTuneRecipe(names.find(name).name)


class Command(NamedTuple):
    """A command: its function, its groups of flags, its recipe, and which of its fields are flags.

    The recipe is a function of the command's first word: a name, or a run.
    """

    function: Callable
    groups: Mapping = MappingProxyType({})
    recipe: Callable = lambda name: engine.recipe(name)
    fields: str | None = None  # "all" of a recipe, or those "of tests", of the run's recipe


COMMANDS = {
    "train": Command(train, {"Data": OF_DATA, "Run": OF_RUNS, "Devices": OF_DEVICES}, fields="all"),
    "finetune": Command(
        finetune,
        {"Data": OF_DATA, "Run": OF_RUNS, "Devices": OF_DEVICES},
        recipe=_fine_tuning,
        fields="all",
    ),
    "evaluate": Command(
        evaluate,
        {"Data": OF_DATA, "Results": ("confusion_dir", *OF_REJECTION)},
        fields="of tests",
    ),
    "predict": Command(predict, fields="of tests"),
    "look": Command(look, fields="of tests"),
    "compare": Command(compare, {"Data": ("data", "data_dir"), "Results": ("figure",)}),
    "page": Command(page, {"Data": ("data", "data_dir"), "Page": ("out", "serve", "port")}),
    "check": Command(check, {"Data": OF_FOLDERS}),
    "pack": Command(
        pack,
        {
            "Data": ("corrupt", "classes", "upright"),
            "Shards": ("shards", "short_side", "quality", "seed"),
        },
    ),
    "reproduce": Command(
        reproduce,
        {"Run": ("data_dir", "run_dir", "seeds", "epochs", "resume"), "Devices": ("precision",)},
    ),
    "report": Command(report, {"Table": ("fields",)}),
    "recipe": Command(recipe, fields="all"),
    "weights": Command(list_weights),
    "list": Command(list_all),
}
PUBLISHED = {
    "evaluate": Command(
        evaluate_published,
        {
            "Data": OF_DATA,
            "Network": ("network", "weights", "like"),
            "Results": OF_REJECTION,
            "Devices": ("precision",),
        },
    ),
    **{
        name: Command(function, {"Network": ("weights", "like"), "Devices": ("precision",)})
        for name, function in (("predict", predict_published), ("look", look_published))
    },
}


class Options:
    """The values of a command's flags, and the recipe or the run that it is about.

    Args:
        command: The `Command`.
        words: Its words that are no flags, the name or the run first.
    """

    def __init__(self, command, words):
        self.command, self.words = command, words
        self.values = flags.FlagValues()
        self.values.set_gnu_getopt(True)
        self.fields, self.recipe, self.run = {}, None, None
        self.folder = None  # of the run that is being trained
        for name in (*itertools.chain(*command.groups.values()), "verbosity"):
            flag = FLAGS[name]
            flag.define(name, flag.default, help=flag.help, flag_values=self.values, **flag.more)
        if command.fields == "all" and words:
            self.recipe = command.recipe(words[0])
            self._add_fields(lambda name: name not in ("network", *self.values))
        elif command.fields == "of tests" and words:
            self.run = _run(words[0])
            self.recipe = self.run.recipe
            self._add_fields(lambda name: name in OF_TESTS)

    def _add_fields(self, takes):
        for field in dataclasses.fields(self.recipe):
            if takes(field.name):
                self.fields[field.name] = field
                several = str(field.type).startswith("tuple")
                kind = str if several else engine.element_type(field.type)
                define = {
                    int: flags.DEFINE_integer,
                    float: flags.DEFINE_float,
                    bool: flags.DEFINE_boolean,
                }.get(kind, flags.DEFINE_string)
                define(field.name, None, engine.help_of(field), flag_values=self.values)

    def __getattr__(self, name):
        return self.values[name].value

    def parse(self, argv):
        """Takes the values of the flags, and changes the recipe by them."""
        self.values(argv)
        if self.recipe:
            self.recipe = self.changed(self.recipe)
        if self.run:
            self.run.recipe = self.recipe

    def changed(self, recipe):
        """A recipe with the values of the flags, as far as it has their fields."""
        given = {n: self.values[n].value for n in self.fields if self.values[n].value is not None}
        for name in given:
            if not hasattr(recipe, name):
                raise ValueError(f"The recipe of {recipe.network} has no field --{name}")
        changes = {name: _converted(self.fields[name], value) for name, value in given.items()}
        return dataclasses.replace(recipe, **changes) if changes else recipe

    def help(self):
        """The flags in their groups; those of a recipe with their values."""
        lines = []
        for title, group in self.command.groups.items():
            lines += ["", f"{title}:", _rows((_with_default(n), FLAGS[n].help) for n in group)]
        if self.fields:
            title = "Recipe" if self.command.fields == "all" else "Test"
            given = {name: getattr(self.recipe, name) for name in self.fields}
            rows = [
                (
                    f"--{name}={engine.in_words(value).replace(', ', ',')}",
                    engine.help_of(self.fields[name]),
                )
                for name, value in given.items()
            ]
            lines += ["", f"{title} ({self.recipe.network}):", _rows(rows)]
        elif self.command.function is reproduce:
            lines += ["", "Experiments:", _rows(names.EXPERIMENTS.items())]
        elif self.command.fields == "all":
            lines += ["", "And the fields of a recipe: name a network, and ask once more."]
        return "\n".join(lines)

    def again(self, argv, folder):
        """The command that resumes a run."""
        given = [
            self.values[name].serialize()
            for name in sorted(set(self.values) - {"resume", "run_dir"})
            if self.values[name].present
        ]
        words = ["keras-classics", argv[1], *self.words, *given]
        return shlex.join([*words, f"--run_dir={folder}", "--resume"])


def _with_default(name):
    """A flag as it is written, with the value that it has otherwise."""
    default = FLAGS[name].default
    return f"--{name}" if default in (None, False) else f"--{name}={default}"


def _converted(field, value):
    """The value of a flag as one of a field; tuples have commas between their elements."""
    if not str(field.type).startswith("tuple"):
        return value
    kind = engine.element_type(field.type)
    try:
        return tuple(kind(part) for part in value.split(",") if part)
    except ValueError as error:
        raise ValueError(
            f"--{field.name} takes numbers, with commas between them. "
            f"Received: --{field.name}={value}"
        ) from error


def _rows(pairs):
    """Lines of two columns, of 100 characters at most."""
    rows = list(pairs)
    width = min(30, max(len(left) for left, _ in rows)) + 2
    lines = []
    for left, text in rows:
        parts = textwrap.wrap(text, 98 - width) or [""]
        if len(left) >= width:
            lines.append(f"  {left}")
            left = ""
        for part in parts:
            lines.append(f"  {left:{width}}{part}".rstrip())
            left = ""
    return "\n".join(lines)


def _run(folder):
    """The run of a folder."""
    if _is_network(folder):
        raise ValueError(
            f"{folder} is a network, and there is no run folder of this name. For published "
            f"weights: keras-classics evaluate --network={folder} --weights=imagenet --data=FOLDER"
        )
    from keras_classics import training

    try:
        return training.Run(folder)
    except FileNotFoundError as error:
        near = difflib.get_close_matches(folder, names.NETWORKS, 3, 0.7)
        if not near or os.path.lexists(folder):
            raise
        raise FileNotFoundError(f"{error} Or the network {' or '.join(near)}?") from error


def _is_network(word):
    """Whether a word names a network, and not what is there by this name."""
    if os.path.lexists(word):
        return False
    try:
        return bool(names.find(word))
    except ValueError:
        return False


def _free_folder(name, last=False):
    """The first folder of a run of this name that does not exist, or the last one that does."""
    folders = (pathlib.Path(f"runs/{name}-{n}") for n in itertools.count(1))
    taken = list(itertools.takewhile(pathlib.Path.exists, folders))
    return taken[-1] if last and taken else pathlib.Path(f"runs/{name}-{len(taken) + 1}")


def _refuse_unfit(recipe, name):
    """Refuses data of another kind than the recipe's, before they are read or downloaded."""
    from keras_classics import datasets

    if reason := recipe.refusal(name, *datasets.size(name)):
        raise ValueError(reason)


def _print_errors(run, errors, last, confusion):
    """Prints the errors of each part, and the confusions of the last one."""
    from keras_classics.training import evaluation

    _print_shares(errors)
    print(f"Tested by {run.recipe.protocol()}. Of {last}, true classes in rows:")
    print(evaluation.table(confusion, run.manifest["data"]["classes"]))


def _print_shares(errors):
    """Prints the errors of each part."""
    for part, error in errors.items():
        for name, each in (("error", error), ("top-5 error", error.get("top-5"))):
            if each:
                share = f"{each['wrong']:,} of {each['of']:,}"
                print(f"{f'{part} {name}':22} {each['percent']:5.2f} % ({share})")


def _goals(words):
    """The errors of `--reject`, as shares."""
    try:
        goals = [float(word.strip().removesuffix("%")) / 100 for word in words or ()]
    except ValueError:
        goals = [-1.0]
    if not all(0 <= goal <= 1 for goal in goals):
        raise ValueError(
            "--reject takes errors from 0 to 100 percent, with commas between them, such as "
            f"1%,0.5%. Received: --reject={','.join(words)}"
        )
    return goals


def _print_rejections(options, goals, predictions, usual):
    """Prints how many images must be rejected for the errors that --reject asks for."""
    if not goals and not options.figure:
        return
    from keras_classics import analysis

    criterion = options.criterion or usual
    for part, pair in predictions.items():
        found = analysis.rejection(*pair, criterion)
        if goals:
            print(f"Rejected of {part}, by {analysis.rejecting.CRITERIA[criterion]}:")
            print(found.table(goals))
    if options.figure:  # of the last part
        found.draw().savefig(options.figure)
        print(f"The curve: {options.figure}")


def _misuse(name, words, asked):
    """What is said of words that a command does not take: its usage, what came, a likely cause."""
    lines = [f"Usage:\n{_usage(name)}", f"Received:\n  keras-classics {' '.join([name, *words])}"]
    if asked & IN_THE_NAME:
        lines += [NAMED]
    for word in words[1:]:
        if "=" in word:
            lines += [f"A flag begins with two dashes: --{word}"]
        elif word.lower() in ("true", "false", "yes", "no"):
            lines += [f"A flag that is true or false takes its value behind =: --FLAG={word}"]
        elif word.strip(",").replace(".", "").isdigit():
            lines += ["A list has commas and no spaces: --FLAG=1,2,3"]
    return "\n".join(lines)


def _of_flag(options, error):
    """The words of an error of a flag: what it takes, and what came."""
    known = [f"--{flag}" for flag in options.values if flag != "verbosity"]
    if isinstance(error, flags.UnrecognizedFlagError):
        if error.flagname in IN_THE_NAME:
            return f"{error}\n{NAMED}"
        return f"{error}\nIt has {' '.join(known) or 'no flags'}."
    # absl's words name the parser's classes.
    match = re.match(r"flag --(\w+)=(.*?): ", str(error), re.DOTALL)
    if match:
        name, value = match.groups()
        parser = options.values[name].parser
        values = getattr(parser, "enum_values", None)
        kind = f"one of {', '.join(values)}" if values else KINDS.get(parser.flag_type())
        if kind:
            low, high = (getattr(parser, f"{end}_bound", None) for end in ("lower", "upper"))
            bound = f" of {low} or more" if high is None else f" from {low} to {high}"
            bound = "" if low is None else bound
            return f"--{name} takes {kind}{bound}. Received: --{name}={value}"
    return str(error)


def _usage(name):
    """The lines of a command in the text above."""
    lines = __doc__.partition("Examples:")[0].splitlines()
    return "\n".join(line for line in lines if line.startswith(f"  keras-classics {name} "))


def main(argv):
    """Runs the command of `argv`."""
    words, asked = _split(argv)
    if "version" in asked:
        print(__version__)
        return
    if words and words[0] == "help":
        words, asked = words[1:], {"help"}
    if words == ["version"]:
        print(__version__)
        return
    if not words:
        print(f"{__doc__.strip()}\n\nKERAS_BACKEND (tensorflow, jax, torch) chooses what computes.")
        return
    name, *words = words
    if name not in COMMANDS:
        sys.exit(
            f"keras-classics: {names.unknown('command', name, COMMANDS)}\n"
            "More: keras-classics --help"
        )
    published = not words if name == "evaluate" else bool(words) and _is_network(words[0])
    command = PUBLISHED[name] if name in PUBLISHED and published else COMMANDS[name]
    options = None
    try:
        options = Options(command, words)
        if asked & {"help", "h"}:
            about = inspect.getdoc(command.function)
            print(f"{about}\n\nUsage:\n{_usage(name)}\n{options.help()}".rstrip())
            return
        try:
            inspect.signature(command.function).bind(options, *words)
        except TypeError:
            sys.exit(_misuse(name, words, asked))
        options.parse(argv)
        if "precision" in options.values and options.precision:
            import keras

            keras.config.set_dtype_policy(options.precision)
        command.function(options, *words)
    except flags.Error as error:
        sys.exit(f"keras-classics {' '.join([name, *words[:1]])}: {_of_flag(options, error)}")
    except KeyboardInterrupt as error:
        sys.exit(f"\nkeras-classics: interrupted. {_interrupted(error, command, options, argv)}")
    except BrokenPipeError:  # as of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (FloatingPointError, ImportError, OSError, RuntimeError, ValueError) as error:
        if options is not None and options.verbosity:
            log.exception("")  # shows where
        words = explained(error) if isinstance(error, ImportError) else error
        sys.exit(f"keras-classics: {words}")


def _interrupted(error, command, options, argv):
    """Where an interrupted command stands, and how to go on."""
    if command.function is pack:
        return "To go on: the same command."
    if command.function is check:
        return "Nothing was kept of what was found."
    if command.function is page:
        return "No page was written."
    if command.function not in (train, finetune, reproduce):  # which alone are resumed
        return "An unfinished run folder has no model."
    folder = options and (options.folder or options.run_dir)
    if not folder or not os.path.lexists(folder):
        return "Nothing was begun: the same command begins anew."
    from keras_classics import training

    try:
        begun = "experiment.json" if command.function is reproduce else "manifest.json"
        if not (pathlib.Path(folder) / begun).is_file():
            training.run.refuse_taken(folder, resume=False)
            return "Nothing was begun: the same command begins anew."
        if isinstance(error, training.Interrupted):
            standing = str(error)
        elif command.function is reproduce:
            standing = f"The runs are in {folder}; those that are finished stay as they are."
        elif training.Run(folder, options.recipe).is_finished:
            standing = "The network is trained, tested and saved. Its pictures may be missing."
        else:
            standing = f"What has been trained is in {folder}."
    except (OSError, RuntimeError, ValueError) as refusal:
        return f"Nothing was begun. {refusal}"
    return f"{standing}\nTo go on: {options.again(argv, folder)}"


def _split(argv):
    """The words of a command line that are no flags nor values of flags; and the flags' names."""
    switches = {name for name, flag in FLAGS.items() if flag.define is flags.DEFINE_boolean}
    for cls in {type(each) for each in recipes.RECIPES.values()}:
        switches |= {field.name for field in dataclasses.fields(cls) if field.type is bool}
    switches |= {f"no{name}" for name in switches} | {"help", "h", "version"}
    words, asked, is_value = [], set(), False
    for word in argv[1:]:
        if word.startswith("-") and not is_value:
            name, equals, _ = word.lstrip("-").partition("=")
            asked.add(name)
            is_value = not equals and name not in switches
        elif is_value:
            is_value = False
        else:
            words.append(word)
    return words, asked


def run():
    """The entry point of the command `keras-classics`. Warnings are shown without lines of code."""
    shown = warnings.showwarning

    def show(message, category, *where, **more):
        if category is UserWarning:
            print(f"keras-classics: {message}", file=sys.stderr)
        else:
            shown(message, category, *where, **more)

    # Without being told, TensorFlow takes oneDNN's kernels on processors with VNNI alone; on older
    # ones a training step takes up to twice as long.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # A name of a class that the terminal does not know must not end a command.
    sys.stdout.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = show
        main(sys.argv)


if __name__ == "__main__":
    run()
