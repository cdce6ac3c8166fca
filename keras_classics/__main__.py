"""keras-classics: the papers' own training, one command.

  keras-classics train NETWORK --data=NAME   train by the paper's recipe into a run folder
  keras-classics evaluate RUN                count the misread digits again
  keras-classics predict RUN IMAGE...        read digits from PNG or JPEG files
  keras-classics report NETWORK              the paper's table beside the network's
  keras-classics list                        networks, recipes and data sets

Examples:
  keras-classics train lenet5 --data=mnist --data_dir=~/mnist
  keras-classics train lenet5 --data=mnist --batch_size=1 --seed=3
  keras-classics train lecun1989 --data=usps --passes=23
  KERAS_BACKEND=jax keras-classics train lenet5 --data=digits
"""

import dataclasses
import inspect
import itertools
import pathlib
import sys

from absl import app, flags, logging

from keras_classics import analysis, datasets, training

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "data set: digits, mnist or usps")
flags.DEFINE_string("data_dir", None, "folder of its files; default: ~/.keras/datasets/NAME")
flags.DEFINE_string("run_dir", None, "run folder to make; default: the next runs/NETWORK-DATA-N")
flags.DEFINE_integer("seed", 0, "seed of weights, order, curvatures and distortions")
OWN_FLAGS = ("data", "data_dir", "run_dir", "seed")

# Every field of a recipe but its network is a flag of the same name.
_DEFINE = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_boolean,
    tuple: flags.DEFINE_list,
}
FIELDS = [field for field in dataclasses.fields(training.Recipe) if field.name != "network"]
for field in FIELDS:
    _DEFINE.get(field.type, flags.DEFINE_string)(field.name, None, field.metadata["help"])


def train(name):
    """Trains a network by its recipe, and draws what was learned."""
    known = training.RECIPES
    if name not in known:
        raise ValueError(f"There is no network {name!r}; there are {', '.join(known)}.")
    if FLAGS.data is None:
        raise ValueError(f"Which data? --data={' or --data='.join(datasets.LOADERS)}")
    changes = {f.name: FLAGS[f.name].value for f in FIELDS if FLAGS[f.name].value is not None}
    if "learning_rates" in changes:
        changes["learning_rates"] = tuple(map(float, changes["learning_rates"]))
    recipe = dataclasses.replace(known[name], **changes)
    data = datasets.load(FLAGS.data, FLAGS.data_dir)
    logging.info("%s on %d digits of %s", recipe, len(data.train_images), data.name)
    run = training.train(recipe, data, FLAGS.run_dir or _free_folder(name), FLAGS.seed)
    try:
        images = recipe.inputs(data.test_images, data.box)
        analysis.draw(run.model, run.history, images, data.test_labels, run.folder / "pictures")
    except ImportError as error:
        logging.warning("No pictures: %s", error)
    print(f"{recipe.passes} passes in {run.manifest['seconds']:.0f} s")
    _print_errors(run.manifest["errors"])
    print(f"In {run.folder}: model.keras, history.csv, manifest.json, pictures/")


def evaluate(folder):
    """Counts the digits that a run's network misreads."""
    run = training.Run(folder)
    name = FLAGS.data or run.manifest["data"]["name"]
    _print_errors(run.evaluate(datasets.load(name, FLAGS.data_dir)))


def predict(folder, *paths):
    """Reads the digit in each image file."""
    if not paths:
        raise ValueError("Which images? keras-classics predict RUN IMAGE...")
    run = training.Run(folder)
    for path in paths:
        first, second, scores = run.predict(path)
        print(
            f"{path}: {first} (score {scores[0]:.3g}), runner-up {second} (score {scores[1]:.3g})"
        )


def report(network):
    """Prints the paper's table beside the network's."""
    if network not in analysis.PAPERS:
        raise ValueError(
            f"There is no network {network!r}; there are {', '.join(analysis.PAPERS)}."
        )
    print(analysis.report(analysis.PAPERS[network].build()))


def list_all():
    """Prints the networks, the data sets and the recipes."""
    print("Networks")
    for name, paper in analysis.PAPERS.items():
        print(f"  {name:12} {paper.title}")
    print("Their recipes")
    for name, recipe in training.RECIPES.items():
        steps = f"{recipe.passes} passes, {recipe.batch_size} patterns a step, loss {recipe.loss}"
        print(f"  {name:12} {steps}")
    print("Data sets")
    for name, module in datasets.LOADERS.items():
        print(f"  {name:12} {module.ABOUT}")


COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "report": report,
    "list": list_all,
}


def _free_folder(name):
    folders = (pathlib.Path(f"runs/{name}-{FLAGS.data}-{n}") for n in itertools.count(1))
    return next(folder for folder in folders if not folder.exists())


def _print_errors(errors):
    for split, error in errors.items():
        print(f"{split:5} error {error['percent']:.2f} % ({error['wrong']:,} of {error['of']:,})")


def _help():
    width = max(len(name) for name in (*OWN_FLAGS, *(f.name for f in FIELDS))) + 4
    lines = [__doc__.strip(), "", "Flags of a run:"]
    lines += [f"  {'--' + name:{width}} {FLAGS[name].help}" for name in OWN_FLAGS]
    lines += ["", "Flags that override the recipe's field of the same name:"]
    lines += [f"  {'--' + f.name:{width}} {FLAGS[f.name].help}" for f in FIELDS]
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
        names = " ".join(f"--{name}" for name in (*OWN_FLAGS, *(f.name for f in FIELDS)))
        sys.exit(f"keras-classics: {error}\nThe flags are: {names}\nMore: keras-classics --help")


def main(argv):
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
    except KeyboardInterrupt:
        sys.exit("\nkeras-classics: interrupted; an unfinished run folder has no model")
    except (ImportError, OSError, ValueError) as error:
        logging.debug("", exc_info=True)  # --verbosity=1 shows where
        sys.exit(f"keras-classics: {error}")


def run():
    """The entry point of the command `keras-classics`."""
    app.run(main, flags_parser=parse)


if __name__ == "__main__":
    run()
