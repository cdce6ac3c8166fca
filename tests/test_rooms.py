"""Which room of the package may import which; parsed, so that nothing has to run."""

import ast
import io
import pathlib
import re
import subprocess
import sys
import tokenize

import pytest

from keras_classics import names

PACKAGE = pathlib.Path(__file__).parent.parent / "keras_classics"
BACKENDS = {"tensorflow", "jax", "torch"}
EQUATIONS = {"activations", "initializers", "layers", "losses", "optimizers", "preprocessing"}
LIGHT = {
    "atomic",
    "cache",
    "checks",
    "names",
    "progress",
    "tables",
}  # need no Keras; any room may import them
BASE = {"keras", "numpy", "PIL"} | set(sys.stdlib_module_names)

# Rooms of the package that each room may import, beside LIGHT, and packages beyond BASE. Rooms
# that are missing here may import all rooms. A backend's library only inside a function.
ROOMS = {
    "activations": {"backend"},
    "initializers": set(),
    "backend": set(),
    "layers": {"activations", "backend", "initializers"},
    "losses": {"backend"},
    "optimizers": {"activations", "backend", "layers", "losses"},
    "preprocessing": {"backend"},
    "applications": {"activations", "graphs", "initializers", "layers", "weights"},
    "weights": {"activations", "backend", "layers", "preprocessing"},
    "models": {"applications", "weights"},
    "classification": {
        *("applications", "backend", "datasets", "models", "preprocessing", "weights"),
    },
    "graphs": set(),
    "surgery": {"backend", "graphs", "layers"},
    "serving": {"backend", "classification", "datasets", "graphs", "preprocessing", "surgery"},
    "datasets": {"backend", "preprocessing"},
    "training": {
        *(*EQUATIONS, "analysis", "applications", "backend", "classification", "datasets"),
        *("graphs", "models", "surgery", "weights"),
    },
    "page": {
        *("activations", "classification", "datasets", "layers", "preprocessing", "training"),
        "weights",
    },
    "experiments": {*EQUATIONS, "analysis", "applications", "backend", "datasets", "training"},
    "analysis": {"applications", "backend", "graphs", "layers", "models", "surgery"},
    **{name: set() for name in LIGHT},
}
PACKAGES = {
    "backend": BACKENDS,
    "datasets": BACKENDS | {"array_record", "requests", "sklearn", "tensorflow_datasets"},
    "training": BACKENDS | {"keras_cv"},
    "analysis": {"matplotlib"},
    "serving": {"nncf", "openvino"},
    "weights": {"h5py", "safetensors", "torch"},
    "__main__": {"absl"},
}
# What works for any paper: these files name none. (Rooms of papers have a file for each, and
# releases.py lists the published files.)
ENGINES = [
    *PACKAGE.glob("training/*.py"),
    *(path for path in PACKAGE.glob("weights/*.py") if path.stem != "releases"),
    *PACKAGE.glob("weights/formats/*.py"),
    *PACKAGE.glob("analysis/*.py"),
    *PACKAGE.glob("datasets/*.py"),
    *PACKAGE.glob("page/*.py"),
    PACKAGE / "applications" / "builder.py",
    PACKAGE / "applications" / "typed.py",
    PACKAGE / "classification.py",
    PACKAGE / "models.py",
    PACKAGE / "__main__.py",
]


def is_type_checking(node):
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def imports(path):
    """`(module, inside a function or for type checkers only)` of each import of a file.

    A room that is reached as an attribute of `keras_classics` is an import, too.
    """
    tree = ast.parse(path.read_text())
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) or is_type_checking(function)
        for node in ast.walk(function)
    }
    faces = {"keras_classics"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "keras_classics":
                    faces.add(alias.asname or alias.name)
                else:
                    yield alias.name, node in inside
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            if node.module == "keras_classics":
                yield from ((f"keras_classics.{a.name}", node in inside) for a in node.names)
            else:
                yield node.module, node in inside
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in faces:
            yield f"keras_classics.{node.attr}", True


FILES = sorted(PACKAGE.rglob("*.py"))
FACE = {"build": "models", "list_models": "models"}
FACE |= dict.fromkeys(("Classifier", "classifier"), "classification")
FACE |= dict.fromkeys(("features", "freeze_statistics", "fuse", "recompute_statistics"), "surgery")
FACE["serve"] = "serving"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module, inside_function in imports(path):
        top, *rest = module.split(".")
        if top == "keras_classics":
            other = FACE.get(rest[0], rest[0]) if rest else ""
            assert other != "__main__"
            allowed = ROOMS.get(room)
            assert allowed is None or other in allowed | LIGHT | {room, "__version__"}, (
                f"{room} imports {module}"
            )
        else:
            assert top in BASE | PACKAGES.get(room, set()), f"{room} imports {module}"
            if top not in BASE | {"absl"}:
                assert inside_function, f"{path}: {module} belongs inside the function"


def test_no_application_imports_another():
    papers = {path.stem for path in (PACKAGE / "applications").glob("*.py")}
    for name in papers - {"__init__", "builder", "typed"}:
        for module, _ in imports(PACKAGE / "applications" / f"{name}.py"):
            other = module.removeprefix("keras_classics.applications.")
            assert other == module or other in ("builder", "typed")


def test_only_mixing_imports_keras_cv():
    files = {path for path in FILES if any("keras_cv" in module for module, _ in imports(path))}
    assert files == {PACKAGE / "training" / "mixing.py"}


def test_only_the_backend_asks_which_one_runs():
    files = {
        path.relative_to(PACKAGE).parts[0]
        for path in FILES
        if re.search(r"backend\.backend\(|keras\.config\.backend\(", path.read_text())
    }
    assert files == {"backend"}


def modules(path):
    """The modules that a file imports as it is imported itself."""
    for module, inside in imports(path):
        if module.startswith("keras_classics") and not inside:
            yield module


def test_no_circles():
    """No file imports, as it is imported, one that imports it."""
    dotted = {
        ".".join(["keras_classics", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(
            ".__init__"
        ): path
        for path in FILES
    }
    arrows = {}
    for name, path in dotted.items():
        found = set()
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    found.add(inner if inner in dotted else node.module)
        arrows[name] = {each for each in found if each in dotted and each != name}
    # The face of the package hands names on, and is there before all of them.
    arrows.pop("keras_classics")

    def walk(name, trail):
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        for each in sorted(arrows.get(name, ())):
            if each in clear:
                continue
            walk(each, [*trail, name])
        clear.add(name)

    clear = {"keras_classics"}
    for name in arrows:
        walk(name, [])


# Words of the papers' networks that an engine must not have in its code.
WORDS = re.compile(
    r"lecun|lenet|alexnet|convnet|vgg|googlenet|inception|resnet|plain_?net|\bvit\b|deit|augreg",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", ENGINES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_engine_names_a_paper(path):
    """In its code; its docstrings may, for examples."""
    text = path.read_text()
    documents = {
        node.body[0].lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NAME, tokenize.STRING) and token.start[0] not in documents:
            assert not WORDS.search(token.string), f"{path.name}:{token.start[0]}: {token.string}"


@pytest.mark.parametrize("paper", names.PAPERS)
def test_a_papers_file_has_the_same_name_in_each_room(paper):
    row = names.PAPERS[paper]
    assert (PACKAGE / "applications" / f"{paper}.py").is_file()
    assert (PACKAGE / "training" / "recipes" / f"{paper}.py").is_file() is bool(row.recipes)


@pytest.mark.parametrize(
    "room", ["applications", "training/recipes", "weights/names", "analysis/tables"]
)
def test_a_room_of_papers_has_no_other_files(room):
    files = {path.stem for path in (PACKAGE / room).glob("*.py")}
    files -= {"__init__", "builder", "typed"}
    assert files <= set(names.PAPERS)


def run(code, *words):
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    return set(ast.literal_eval(done.stdout.splitlines()[-1]))


def test_import_is_light():
    loaded = run(
        "import sys, keras; before = set(sys.modules); import keras_classics;"
        "print({m.split('.')[0] for m in set(sys.modules) - before})"
    )
    heavy = {"matplotlib", "sklearn", "torch", "jax", "tensorflow", "keras_cv", "PIL", "absl"}
    assert "keras_classics" in loaded
    assert not loaded & heavy


def test_later_rooms_are_there():
    """`training`, `datasets` and `experiments` without an import of their own."""
    loaded = run(
        "import sys, keras_classics as kc; before = 'keras_classics.training' in sys.modules;"
        "kc.training.recipe('lenet5'); kc.datasets.load; kc.experiments.find;"
        "print({'before' if before else 'later'})"
    )
    assert loaded == {"later"}


@pytest.mark.parametrize(
    "words",
    [
        *(["list"], ["weights"], ["recipe", "resnet50"], ["--help"], ["--version"]),
        *(["train", "vgg16", "--help"], ["page", "--help"]),
    ],
    ids=" ".join,
)
def test_light_commands_load_no_keras(words):
    """Nor a backend."""
    loaded = run(
        "import sys; sys.argv[0] = 'keras-classics'\n"
        "from keras_classics import __main__ as command\n"
        "command.main(sys.argv)\n"
        "print({m.split('.')[0] for m in sys.modules})",
        *words,
    )
    assert not loaded & {"keras", "tensorflow", "jax", "torch", "matplotlib", "scipy"}
