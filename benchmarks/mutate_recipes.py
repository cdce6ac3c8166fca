"""Changes each number of the recipes, one at a time, and prints the changes that no test sees.

    python benchmarks/mutate_recipes.py [FILE ...]

A file is one of `keras_classics`; without any, the recipes. The test is
`tests/training/recipes/test_printed.py`. A number is doubled, 0 becomes 1, and a switch is turned.
"""

import ast
import contextlib
import copy
import importlib.machinery
import os
import pathlib
import sys

import keras
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEST = ROOT / "tests" / "training" / "recipes" / "test_printed.py"


def numbers(tree):
    """The places of all numbers and switches in a file."""
    nodes = list(ast.walk(tree))
    return [
        i
        for i, node in enumerate(nodes)
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float))
    ]


def changed(tree, place):
    """The file with another number in this place, the number, and the other."""
    tree = copy.deepcopy(tree)
    node = list(ast.walk(tree))[place]
    old = node.value
    node.value = not old if isinstance(old, bool) else type(old)(2 * old or 1)
    return tree, node.lineno, old, node.value


def is_seen(path, tree):
    """Whether a test fails with this content of a file, in a process of its own."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    read = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader, name):
        is_it = pathlib.Path(loader.path).resolve() == path
        return compile(tree, str(path), "exec") if is_it else read(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        code = pytest.main(["-x", "-p", "no:cacheprovider", str(TEST)])
    os._exit(code)


def main():
    os.chdir(ROOT)
    default = sorted((ROOT / "keras_classics" / "training" / "recipes").glob("*.py"))
    paths = [pathlib.Path(name).resolve() for name in sys.argv[1:]] or default
    assert keras.__version__
    count = seen = 0
    for path in paths:
        tree = ast.parse(path.read_text())
        assert not is_seen(path, tree), "The tests fail without a change."
        for place in numbers(tree):
            mutant, line, old, new = changed(tree, place)
            count += 1
            if is_seen(path, mutant):
                seen += 1
            else:
                print(f"{path.relative_to(ROOT)}:{line}: {old} -> {new}", flush=True)
    print(f"{seen} of {count} changes are seen.")


if __name__ == "__main__":
    main()
