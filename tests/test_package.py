"""What is installed: the wheel, its extras, and what is said where one of them is missing."""

import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib import metadata

import pytest

import keras_classics
from keras_classics import checks, names
from tests import extras

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
MEGABYTES = 10


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of this folder, as setuptools builds it."""
    if int(metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("building takes setuptools 77")
    copy = tmp_path_factory.mktemp("wheel") / "copy"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(
        ROOT / "keras_classics",
        copy / "keras_classics",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    code = "from setuptools import build_meta; build_meta.build_wheel('..')"
    subprocess.run([sys.executable, "-c", code], cwd=copy, check=True, capture_output=True)
    (path,) = copy.parent.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        yield path, file


def test_the_wheel_is_small(wheel):
    path, _ = wheel
    assert path.stat().st_size < MEGABYTES * 1e6


def test_the_wheel_has_each_file_of_the_package_and_no_other(wheel):
    _, file = wheel
    found = {name for name in file.namelist() if ".dist-info/" not in name}
    folder = ROOT / "keras_classics"
    files = (path for path in folder.rglob("*") if path.is_file())
    assert found == {
        path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts
    }
    assert {f"keras_classics/{name}" for name in ("py.typed", "weights/imagenet.txt")} <= found


def test_the_wheel_says_what_it_is(wheel):
    _, file = wheel
    (name,) = (name for name in file.namelist() if name.endswith("METADATA"))
    text = file.read(name).decode()
    assert f"\nVersion: {keras_classics.__version__}\n" in text
    assert set(re.findall(r"^Provides-Extra: (.*)$", text, re.MULTILINE)) == set(EXTRAS)
    (name,) = (name for name in file.namelist() if name.endswith("entry_points.txt"))
    assert b"keras-classics = keras_classics.__main__:run" in file.read(name)


def test_each_requirement_has_a_floor():
    own = f"{PROJECT['name']}["
    requirements = [*PROJECT["dependencies"], *(each for some in EXTRAS.values() for each in some)]
    assert [each for each in requirements if ">=" not in each and not each.startswith(own)] == []


def test_errors_name_extras_that_there_are():
    """All by `checks.install`, which says how, from a clone and from a registry."""
    asked = set()
    for path in (ROOT / "keras_classics").rglob("*.py"):
        text = path.read_text()
        assert path.name == "checks.py" or "pip install" not in text, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "install":
                asked |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    assert asked == {"augment", "digits", "openvino", "pack", "plots", "tensorboard", "tfds"} | {
        "torch"
    }
    assert asked | set(checks.BACKENDS) <= set(EXTRAS)
    assert checks.install("plots") == (
        'pip install "keras-classics[plots]" (or in a clone: pip install ".[plots]")'
    )


@pytest.fixture
def without(tmp_path):
    """A function that runs Python where some packages, and no others, are missing."""

    def run(missing, *words, **variables):
        for path in pathlib.Path(sysconfig.get_path("purelib")).iterdir():
            if path.name.split(".")[0] not in missing and path.suffix != ".pth":
                (tmp_path / path.name).symlink_to(path)
        kept = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
        places = {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "KERAS_HOME": str(tmp_path / "k")}
        return subprocess.run(
            [sys.executable, "-S", *words],
            env=kept | places | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    return run


NONE = (
    'Keras runs on tensorflow, which is not installed: pip install "keras-classics[tensorflow]" '
    '(or in a clone: pip install ".[tensorflow]"). Or choose jax or torch by KERAS_BACKEND.'
)


@pytest.mark.parametrize("code", ["import keras_classics", "from keras_classics.layers import *"])
def test_an_import_without_a_backend_says_what_to_install(without, code):
    done = without({"tensorflow", "jax", "torch"}, "-c", code)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ImportError: {NONE}"
    assert "keras/src" not in done.stderr  # the way through Keras says nothing


def test_a_command_without_a_backend_says_what_to_install(without):
    missing = {"tensorflow", "jax", "torch"}
    done = without(missing, "-m", "keras_classics", "report", "lenet5")
    assert (done.returncode, done.stderr.strip()) == (1, f"keras-classics: {NONE}")


def test_a_backend_that_is_installed_is_named(without):
    pytest.importorskip("jax")
    done = without({"tensorflow", "torch"}, "-c", "import keras_classics")
    assert done.stderr.strip().endswith("Or choose jax by KERAS_BACKEND.")


def test_another_module_that_is_missing_is_named_as_it_is():
    error = ModuleNotFoundError("No module named 'h5py'", name="h5py")
    assert checks.explained(error) == "No module named 'h5py'"


def test_the_citation_has_each_paper_and_this_version():
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == keras_classics.__version__
    assert citation["license"] == PROJECT["license"]
    cited = [
        (each["authors"][0]["family-names"].split()[-1], each["year"])
        for each in citation["references"]
    ]
    for paper in names.PAPERS.values():
        first, year = paper.title.split()[0].strip(",&"), int(paper.title[-4:])
        assert any(first == name and year == its for name, its in cited), paper.title
    assert len(cited) == len(names.PAPERS)


def test_the_changelog_has_this_version():
    release = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert release == keras_classics.__version__


def test_each_extra_is_tried():
    """By `python -m tests.extras`, which takes ten minutes; but those for work on this package."""
    assert set(extras.USES) == set(EXTRAS) - {"test", "docs", "browser"}
