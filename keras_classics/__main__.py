"""keras-classics: the papers' own training, one command.

  keras-classics train NETWORK --data=NAME   train by the paper's recipe into a run folder
  keras-classics evaluate RUN                count the errors of a run's network again
  keras-classics evaluate                    of published weights: --network, --weights, --data
  keras-classics predict RUN IMAGE...        name what is in image files
  keras-classics attention RUN IMAGE...      picture what a Transformer attends to in them
  keras-classics reproduce EXPERIMENT        run an experiment of a paper: table and figure
  keras-classics report NETWORK              the paper's table beside the network's
  keras-classics recipe NETWORK              how it is trained, and which section says so
  keras-classics weights [NETWORK]           the published weights, with their errors
  keras-classics list                        networks, recipes, experiments and data sets

Examples:
  keras-classics train lenet5 --data=mnist --data_dir=~/mnist
  keras-classics train lecun1989 --data=usps --passes=23
  keras-classics train alexnet --data=photographs/ --batch_size=64
  keras-classics train vgg --configuration=A --data=tfds:imagenette
  keras-classics train resnet-imagenet --configuration=18 --data=photographs/
  keras-classics train resnet-cifar --depth=56 --data=cifar10 --precision=mixed_bfloat16
  keras-classics train resnet-cifar --data=cifar10 --run_dir=runs/mine --resume
  keras-classics evaluate runs/alexnet-photographs-1 --views=paper
  keras-classics evaluate --network=resnet50 --weights=imagenet --data=imagenet/
  keras-classics reproduce lrn --data_dir=~/cifar-10-batches-bin --seeds=3
  KERAS_BACKEND=jax keras-classics train lenet5 --data=digits
"""

import dataclasses
import inspect
import itertools
import pathlib
import sys
import time

import keras
from absl import app, flags, logging

from keras_classics import analysis, datasets, experiments, training, weights
from keras_classics.analysis import attention_pictures, page
from keras_classics.classification import classifier
from keras_classics.training import evaluation
from keras_classics.weights.catalogue import resolve

FLAGS = flags.FLAGS
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
NAMES = (
    f"{', '.join(datasets.LOADERS)}, keras:NAME, tfds:NAME, or a folder with a sub-folder a class"
)
flags.DEFINE_string("data", None, f"data set: {NAMES}")
flags.DEFINE_string("data_dir", None, "folder of its files; default: ~/.keras/datasets/NAME")
flags.DEFINE_enum("corrupt", "skip", ["skip", "refuse"], "what to do about unreadable images")
flags.DEFINE_string("run_dir", None, "run folder to make; default: the next runs/NETWORK-DATA-N")
flags.DEFINE_integer("seed", 0, "seed of all that is drawn")
flags.DEFINE_enum("precision", None, PRECISIONS, "float32, mixed_float16 or mixed_bfloat16")
flags.DEFINE_enum("strategy", "auto", training.strategies.NAMES, "devices and workers")
flags.DEFINE_boolean("resume", False, "go on with the run in --run_dir, or the last one there")
flags.DEFINE_boolean("best", False, "keep the network of the best validation, in best.keras")
flags.DEFINE_integer("early_stopping", None, "passes without a better validation, then end")
flags.DEFINE_boolean("tensorboard", False, "write TensorBoard's logs into the run folder")
flags.DEFINE_string("network", None, "evaluate: a network with published weights, resnet50")
flags.DEFINE_string("weights", "imagenet", "evaluate: the name of a release")
flags.DEFINE_integer("seeds", None, "reproduce: number of seeds", lower_bound=1)
flags.DEFINE_integer("epochs", None, "reproduce: epochs of a run, at most", lower_bound=1)
OWN_FLAGS = (
    *("data", "data_dir", "corrupt", "run_dir", "seed", "precision", "strategy", "resume", "best"),
    *("early_stopping", "tensorboard", "network", "weights", "seeds", "epochs"),
)

# Every field of a recipe but its network is a flag of the same name.
_DEFINE = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_boolean,
    tuple: flags.DEFINE_list,
}
KINDS = (training.DigitRecipe, training.ImageRecipe, training.CIFARRecipe, training.ViTRecipe)
FIELDS = {
    field.name: field
    for kind in KINDS
    for field in dataclasses.fields(kind)
    if field.name != "network"
}
for name, field in FIELDS.items():
    helps = [
        f.metadata["help"] for kind in KINDS for f in dataclasses.fields(kind) if f.name == name
    ]
    text = "; or ".join(dict.fromkeys(helps))  # that of each kind of recipe
    _DEFINE.get(field.type, flags.DEFINE_string)(name, None, text)


def train(name):
    """Trains a network by its recipe, and draws what was learned."""
    recipe = _recipe(name)
    if FLAGS.data is None:
        raise ValueError(f"Which data? {name} trains on --data={recipe.data_names}.")
    strategy = training.strategy(FLAGS.strategy)  # several workers meet before anything else
    place = training.strategies.replicas(strategy)
    if place.workers > 1 and not FLAGS.run_dir:
        raise ValueError("Several workers need the same --run_dir, on a disk that they share.")
    data = datasets.load(FLAGS.data, FLAGS.data_dir, FLAGS.corrupt)
    if not isinstance(data, recipe.data_kind):
        raise ValueError(
            f"{name} trains on --data={recipe.data_names}. Received: --data={FLAGS.data}"
        )
    logging.info("%s\n%s", data.name, recipe)
    label = pathlib.Path(data.name).name.replace(":", "-")
    run_dir = FLAGS.run_dir or _free_folder(f"{name}-{label}", last=FLAGS.resume)
    board = FLAGS.tensorboard and place.worker == 0
    run = training.train(
        recipe,
        data,
        run_dir,
        FLAGS.seed,
        strategy=strategy,
        resume=FLAGS.resume,
        callbacks=[training.TensorBoard(pathlib.Path(run_dir) / "logs")] if board else [],
        best=FLAGS.best,
        early_stopping=FLAGS.early_stopping,
    )
    if place.worker:
        return
    try:
        pictured = recipe.pictured(data, run.folder)
        analysis.draw(run.model, run.history, run.folder / "pictures", *pictured)
    except ImportError as error:
        logging.warning("No pictures: %s", error)
    print(f"{len(run.history['loss'])} passes in {run.manifest['seconds']:.0f} s")
    rates = run.manifest["images a second"]
    if rates.get("input"):
        brake = "the input" if rates["input"] < 1.2 * rates["training"] else "the network"
        print(
            f"{rates['training']:,} images a second; the input alone {rates['input']:,}: {brake} "
            "is the brake"
        )
    _print_errors(run, run.manifest["errors"])
    print(f"In {run.folder}: model.keras, history.csv, manifest.json, pictures/")


def evaluate(folder=None):
    """Counts the images that a run's network, or one with published weights, misreads."""
    if FLAGS.network and folder is None:
        return _evaluate_published()
    if folder is None or FLAGS.network:
        raise ValueError(
            "Which network? keras-classics evaluate RUN, or --network=resnet50 --weights=imagenet "
            "--data=FOLDER"
        )
    run = training.Run(folder)
    run.recipe = _override(run.recipe)
    name = FLAGS.data or run.manifest["data"]["name"]
    _print_errors(run, run.evaluate(datasets.load(name, FLAGS.data_dir, FLAGS.corrupt)))


def _evaluate_published():
    """Errors of published weights on one's own images, beside the published ones."""
    card = resolve(FLAGS.weights, FLAGS.network)
    if FLAGS.data is None:
        raise ValueError(f"Which data? --data=FOLDER, {card.classes} classes or some of them.")
    if FLAGS.data in datasets.LOADERS or ":" in FLAGS.data:
        data = datasets.load(FLAGS.data, FLAGS.data_dir, FLAGS.corrupt)
        names, split = data.classes, data.validation
    else:
        names, split = datasets.test_folder(FLAGS.data)
    model = classifier(FLAGS.network, card)
    order = model.positions(names)
    start = time.time()
    scores, labels, errors = evaluation.scores_of(model, split)
    if errors and FLAGS.corrupt == "refuse":
        raise errors[0]
    for error in errors:
        logging.warning("Left out: %s", error)
    error = evaluation.count(scores, [order[k] for k in labels])
    print(f"{card.name} on {len(labels):,} images in {time.time() - start:.0f} s")
    rows = [("top-1 error", error, card.top1), ("top-5 error", error.get("top-5"), card.top5)]
    for name, each, published in rows:
        if each:
            of = f"({each['wrong']:,} of {each['of']:,})"
            beside = "not published" if published is None else f"published: {published:.2f} %"
            print(f"{name:12} {each['percent']:6.2f} % {of}; {beside}")
    print(f"Published of {card.protocol} ({card.source}).")
    if len(names) < len(model.classes):
        print(
            f"Of {len(names)} classes, among all {len(model.classes)} that the network knows: no "
            "figure to compare."
        )


def predict(folder, *paths):
    """Names what is in each image file."""
    if not paths:
        raise ValueError("Which images? keras-classics predict RUN IMAGE...")
    run = training.Run(folder)
    run.recipe = _override(run.recipe)
    for path, (first, second, scores) in zip(paths, run.predict(*paths), strict=True):
        print(
            f"{path}: {first} (score {scores[0]:.3g}), runner-up {second} (score {scores[1]:.3g})"
        )


def attention(folder, *paths):
    """Pictures what a run's Transformer attends to in each image file, and names what it is."""
    if not paths:
        raise ValueError("Which images? keras-classics attention RUN IMAGE...")
    stems = [pathlib.Path(path).stem for path in paths]
    if len(set(stems)) < len(stems):
        raise ValueError(
            "The pictures are named after the image files, whose names must differ. "
            f"Received: {', '.join(paths)}"
        )
    run = training.Run(folder)
    run.recipe = _override(run.recipe)
    if not isinstance(run.recipe, training.ViTRecipe):
        raise ValueError(
            f"{run.recipe.network} has no attention: take the run of a Vision Transformer. "
            f"Received: {folder}"
        )
    for stem, path, (first, _, scores) in zip(stems, paths, run.predict(*paths), strict=True):
        print(f"{path}: {first} (score {scores[0]:.3g})")
        image = run.recipe.read(path)
        figures = attention_pictures.of_images(run.model, image[None])
        figures = {f"{name}-{stem}": figure for name, figure in figures.items()}
        for written in page.save(figures, run.folder / "pictures"):
            print(f"  {written}")


def reproduce(name):
    """Runs an experiment of a paper, and prints its table."""
    known = experiments.EXPERIMENTS
    if name not in known:
        raise ValueError(f"There is no experiment {name!r}; there are {', '.join(known)}.")
    folder = pathlib.Path(FLAGS.run_dir or _free_folder(name))
    if folder.exists():
        raise FileExistsError(f"{folder} exists already, and runs are not overwritten.")
    lengths = {key: FLAGS[key].value for key in ("seeds", "epochs") if FLAGS[key].value}
    start = time.time()
    table = known[name].run(FLAGS.data_dir, folder, **lengths)
    (folder / "table.md").write_text(f"{table}\n")
    print(f"{table}\n{time.time() - start:.0f} s; in {folder}: table.md, figure.png, the runs")


def recipe(name):
    """Prints how a network is trained: each number with its source."""
    print(_recipe(name))


def report(network):
    """Prints the paper's table beside the network's."""
    if network not in analysis.PAPERS:
        raise ValueError(
            f"There is no network {network!r}; there are {', '.join(analysis.PAPERS)}."
        )
    with keras.StatelessScope(initialize_variables=False):  # shapes are enough
        model = analysis.PAPERS[network].build()
    print(analysis.report(model, network))


def list_weights(network=None):
    """Prints the published weights."""
    cards = weights.cards(network)
    print(cards)
    for card in cards:
        if card.refused:
            print(f"{card.name}: {card.refused}.")


def list_all():
    """Prints the networks, the recipes, the experiments and the data sets."""
    recipes = training.RECIPES.items()
    parts = {
        "Networks": {name: paper.title for name, paper in analysis.PAPERS.items()},
        "Recipes": {n: f"{r.passes} passes, {r.batch_size} images a step" for n, r in recipes},
        "Experiments": {name: each.ABOUT for name, each in experiments.EXPERIMENTS.items()},
        "Data sets": {name: module.ABOUT for name, module in datasets.LOADERS.items()}
        | {
            "keras:NAME": f"{', '.join(datasets.OF_KERAS)} of keras.datasets",
            "tfds:NAME": "photographs of TensorFlow Datasets",
            "FOLDER": "a folder of images with a sub-folder a class",
        },
    }
    width = max(len(name) for rows in parts.values() for name in rows)
    for title, rows in parts.items():
        print(title)
        for name, about in rows.items():
            print(f"  {name:{width}}  {about}")


COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "attention": attention,
    "reproduce": reproduce,
    "report": report,
    "recipe": recipe,
    "weights": list_weights,
    "list": list_all,
}


# What is in the fields that are tuples; else words.
_NUMBERS = {"learning_rates": float, "short_side": int, "drops_at": int, "randaugment": int}


def _recipe(name):
    """The recipe of a network, with the values of the flags that are given."""
    known = training.RECIPES
    if name not in known:
        raise ValueError(f"There is no network {name!r}; there are {', '.join(known)}.")
    return _override(known[name])


def _override(recipe):
    """The recipe with the values of the flags that are given."""
    changes = {name: FLAGS[name].value for name in FIELDS if FLAGS[name].value is not None}
    foreign = set(changes) - {field.name for field in dataclasses.fields(recipe)}
    if foreign:
        raise ValueError(
            f"The recipe of {recipe.network} has no --{', no --'.join(sorted(foreign))}."
        )
    for name, value in changes.items():
        if isinstance(value, list):
            try:
                changes[name] = tuple(map(_NUMBERS.get(name, str), value))
            except ValueError as error:
                raise ValueError(
                    f"--{name} takes numbers, with commas between them. "
                    f"Received: --{name}={','.join(value)}"
                ) from error
    return dataclasses.replace(recipe, **changes)


def _again(argv, folder):
    """The command that resumes a run."""
    names = {*OWN_FLAGS, *FIELDS} - {"resume", "run_dir"}
    given = [FLAGS[name].serialize() for name in sorted(names) if FLAGS[name].present]
    return " ".join(["keras-classics", *argv[1:], *given, f"--run_dir={folder}", "--resume"])


def _free_folder(name, last=False):
    """The first folder of a run of this name that does not exist, or the last one that does."""
    folders = (pathlib.Path(f"runs/{name}-{n}") for n in itertools.count(1))
    taken = list(itertools.takewhile(pathlib.Path.exists, folders))
    return taken[-1] if last and taken else pathlib.Path(f"runs/{name}-{len(taken) + 1}")


def _print_errors(run, errors):
    for part, error in errors.items():
        for name, each in ((f"{part} error", error), ("top-5 error", error.get("top-5"))):
            if each:
                share = f"{each['wrong']:,} of {each['of']:,}"
                print(f"{name:16} {each['percent']:.2f} % ({share})")
    print(f"Tested by {run.recipe.protocol}. Of {part}, true classes in rows:")
    print(evaluation.table(*evaluation.read(run.folder / f"confusion-{part}.csv")))


def _help():
    width = max(len(name) for name in (*OWN_FLAGS, *FIELDS)) + 4
    lines = [__doc__.strip(), "", "Flags of a run:"]
    lines += [f"  {'--' + name:{width}} {FLAGS[name].help}" for name in OWN_FLAGS]
    lines += ["", "Flags that override the recipe's field of the same name:"]
    lines += [f"  {'--' + name:{width}} {FLAGS[name].help}" for name in FIELDS]
    lines += ["", "KERAS_BACKEND (tensorflow, jax, torch) chooses what computes."]
    return "\n".join(lines)


def parse(argv):
    if len(argv) == 1 or {"help", "--help", "-h"} & set(argv[1:]):
        print(_help())
        FLAGS.mark_as_parsed()
        sys.exit(0)
    try:
        return FLAGS(argv)
    except flags.Error as error:
        names = " ".join(f"--{name}" for name in (*OWN_FLAGS, *FIELDS))
        sys.exit(f"keras-classics: {error}\nThe flags are: {names}\nMore: keras-classics --help")


def main(argv):
    if FLAGS.precision:
        keras.config.set_dtype_policy(FLAGS.precision)
    command, arguments = argv[1], argv[2:]
    if command not in COMMANDS:
        sys.exit(
            f"keras-classics: there is no command {command!r}; there are {', '.join(COMMANDS)}.\n"
            "More: keras-classics --help"
        )
    try:
        inspect.signature(COMMANDS[command]).bind(*arguments)
    except TypeError as error:
        usage = next(line for line in __doc__.splitlines() if f"keras-classics {command}" in line)
        sys.exit(f"keras-classics {command}: {error}. Usage:\n{usage}")
    try:
        COMMANDS[command](*arguments)
    except training.Interrupted as error:
        again = f"\nTo go on: {_again(argv, error.folder)}" if command == "train" else ""
        sys.exit(f"\nkeras-classics: interrupted. {error}{again}")
    except KeyboardInterrupt:
        sys.exit("\nkeras-classics: interrupted; an unfinished run folder has no model")
    except (FloatingPointError, ImportError, OSError, RuntimeError, ValueError) as error:
        logging.debug("", exc_info=True)  # --verbosity=1 shows where
        sys.exit(f"keras-classics: {error}")


def run():
    """The entry point of the command `keras-classics`."""
    app.run(main, flags_parser=parse)


if __name__ == "__main__":
    run()
