"""Which room of the package may import which; parsed, so that nothing has to run."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "keras_classics"
BACKENDS = {"tensorflow", "jax", "torch"}
EQUATIONS = {"activations", "initializers", "layers", "losses", "optimizers", "preprocessing"}
BASE = {"keras", "numpy", "PIL"} | set(sys.stdlib_module_names)

# Rooms of the package that each room may import, and packages beyond BASE. Rooms that
# are missing here may import all rooms. A backend's library only inside a function.
ROOMS = {
    "activations": {"backend"},
    "initializers": set(),
    "backend": set(),
    "layers": {"activations", "backend", "initializers"},
    "losses": set(),
    "optimizers": {"activations", "backend", "layers", "losses"},
    "preprocessing": {"backend"},
    "applications": {"activations", "initializers", "layers", "names", "weights"},
    "weights": {*"activations atomic backend cache layers names preprocessing".split()},
    "classification": {"datasets", "models", "preprocessing", "weights"},
    "surgery": {"backend", "layers"},
    "datasets": {"preprocessing"},
    "training": {*EQUATIONS, "applications", "backend", "datasets", "surgery"},
    "experiments": {*EQUATIONS, "analysis", "applications", "backend", "datasets", "training"},
    "analysis": {"applications", "layers"},
}
PACKAGES = {
    "backend": BACKENDS,
    "datasets": BACKENDS | {"sklearn", "tensorflow_datasets"},
    "training": BACKENDS | {"keras_cv"},
    "analysis": {"matplotlib"},
    "weights": {"h5py", "safetensors", "torch"},
    "experiments": {"matplotlib"},
    "__main__": {"absl"},
}


def imports(path):
    """`(module, inside a function)` of each import statement of a file."""
    tree = ast.parse(path.read_text())
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            if node.module == "keras_classics":
                yield from ((f"keras_classics.{a.name}", node in inside) for a in node.names)
            else:
                yield node.module, node in inside


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module, inside_function in imports(path):
        top, *rest = module.split(".")
        if top == "keras_classics":
            other = rest[0] if rest else ""
            assert other != "__main__"
            assert room not in ROOMS or other in ROOMS[room] | {room}, f"{room} imports {module}"
        else:
            assert top in BASE | PACKAGES.get(room, set()), f"{room} imports {module}"
            if top not in BASE | {"absl"}:
                assert inside_function, f"{path}: {module} belongs inside the function"


def test_no_application_imports_another():
    papers = {path.stem for path in (PACKAGE / "applications").glob("*.py")}
    for name in papers - {"__init__", "builder"}:
        for module, _ in imports(PACKAGE / "applications" / f"{name}.py"):
            other = module.removeprefix("keras_classics.applications.")
            assert other == module or other == "builder"


def test_only_mixing_imports_keras_cv():
    files = {path for path in FILES if any("keras_cv" in module for module, _ in imports(path))}
    assert files == {PACKAGE / "training" / "mixing.py"}


def test_import_is_light():
    code = (
        "import sys, keras; before = set(sys.modules); import keras_classics;"
        "print({m.split('.')[0] for m in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    loaded = set(ast.literal_eval(done.stdout.splitlines()[-1]))
    heavy = {"matplotlib", "sklearn", "torch", "jax", "tensorflow", "keras_cv", "PIL", "absl"}
    assert "keras_classics" in loaded
    assert not loaded & heavy
