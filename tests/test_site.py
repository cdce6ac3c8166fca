"""The documents: their links on GitHub, and what docs/build.py makes of them for the site."""

import importlib.util
import json
import pathlib
import re

import keras  # noqa: F401  # before docs/build.py, which would choose NumPy's backend
import pytest

from keras_classics import names

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
MARK = re.compile(r"<!-- (\w+) (.+?) -->")


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(build):
    return build.pages()


def prose(path):
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(path):
    """The names of a document's headings on GitHub."""
    heads = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere_on_github(path):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    for link in links:
        file, _, anchor = link.partition("#")
        if ":" not in link:
            target = (path.parent / file).resolve() if file else path
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_the_readme_leads_to_each_page_of_the_guide():
    text = (ROOT / "README.md").read_text()
    assert [p.name for p in ROOT.glob("docs/*.md") if f"(docs/{p.name})" not in text] == []


def test_all_pages_are_in_the_navigation(pages):
    yaml = pytest.importorskip("yaml")
    listed, queue = [], yaml.safe_load((ROOT / "docs" / "mkdocs.yml").read_text())["nav"]
    while queue:
        each = queue.pop()
        if isinstance(each, str):
            listed.append(each)
        else:
            queue += each.values() if isinstance(each, dict) else each
    assert sorted(listed) == sorted(name for name in pages if name.endswith(".md"))


@pytest.mark.parametrize("paper", names.PAPERS)
def test_a_paper_has_a_page(paper, build):
    text = (ROOT / "docs" / "papers" / f"{paper}.md").read_text()
    marks = MARK.findall(text)
    assert {part for part, _ in marks} <= set(build.PARTS)
    assert {("header", paper), ("file", paper)} <= set(marks)
    recipes = {name for part, name in marks if part == "recipe"}
    assert recipes == set(names.PAPERS[paper].recipes)
    for part in ("layers", "report"):
        networks = [name for found, name in marks if found == part]
        assert networks
        assert {names.NETWORKS[name].paper for name in networks} == {paper}
    for part, title in marks:
        if part == "results":
            assert len(build.results(title)) > 300


def test_the_parts_of_a_page_are_filled(build):
    path = ROOT / "docs" / "papers" / "lenet5.md"
    page = build.finished("papers/lenet5.md", path.read_text())
    assert not MARK.search(page)
    for words in (
        "[`MapConv2D`](../api/layers.md#keras_classics.layers.MapConv2D)",
        "total                60,000       60,000      340,908  340,908",
        "| `curvature_patterns` | 500 ",
        "| appendix C ",
        "Departures: the output is the negated penalty",
        "    def LeNet5(\n",
        "| | 0 | 0.93 % (93) | 0.15 %",
        "![The 92 misread test digits, seed 1](../mistakes.png)",
        "- LeNet-1: with 3.7 % rejected, 0.5 % of the rest (figure 10).",
    ):
        assert words in page
    assert "S4     5x5x16    16x16   4x4      0x0" in build.fields("lenet5")
    assert "| one R10000" not in build.timeline("lenet1")
    assert "one R10000 of 200 MHz" in build.timeline("lenet5")


def test_links_lead_to_pages(build):
    """From the README, a page and a page of a paper, to each kind of file."""
    text = (
        "[a](docs/use.md) [b](keras_classics/applications/vgg.py) ![c](docs/codes.png) "
        "[d](LICENSE) [e](docs/results.md#speed) [f](keras_classics/layers/rbf_output.py) [g](https://x.org)\n"
        "- a list\n\n```python\nx[0](docs)\n[a](docs/use.md)\n```\n"
    )
    assert build.finished("index.md", "[h](keras_classics/losses.py)") == "[h](api/losses.md)"
    assert build.finished("index.md", text) == (
        "[a](use.md) [b](papers/vgg.md#the-file) ![c](codes.png) d "
        "[e](results.md#speed) [f](api/layers.md) [g](https://x.org)\n\n"
        "- a list\n\n```python\nx[0](docs)\n[a](docs/use.md)\n```\n"
    )
    within = "    ```python\n        ```python\n        [x](y)\n        ```\n    ```\n"
    link, block = "[a](../README.md)\n", "```python\nx\n```\n"
    assert build.finished("serving.md", within + link + block) == within + "[a](index.md)\n" + block
    finding = "../findings/pillow_turns_tiff_upright.sh"
    assert build.finished("serving.md", f"[a]({finding})") == (
        "[a](findings.md#pillow_turns_tiff_upright)"
    )
    assert build.finished("papers/vgg.md", "[a](../../README.md)") == "[a](../index.md)"


def test_a_dead_link_and_a_request_are_found(build, tmp_path):
    head = '<link rel="stylesheet" href="style.css"><script src="a.js"></script>'
    good = f'{head}<h1 id="top"></h1><a href="b/#it">b</a><a href="#top"></a><a href="https://x.y"></a>'
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "index.html").write_text('<p id="it"></p><a href="../index.html#top"></a>')
    for name in ("style.css", "a.js"):
        (tmp_path / name).touch()
    (tmp_path / "index.html").write_text(good)
    assert list(build.wrong_links(tmp_path)) == []
    for link, words in {
        '<a href="c/">': "index.html links to c/, which there is not",
        '<a href="b/#no">': "index.html links to b/#no, and there is no #no",
        '<a href="#no">': "index.html links to #no, and there is no #no",
        '<img src="no.png">': "index.html links to no.png, which there is not",
        '<script src="https://x.y/z.js">': "index.html asks another server: https://x.y/z.js",
        '<link rel="stylesheet" href="//x.y/z.css">': "index.html asks another server: //x.y/z.css",
    }.items():
        (tmp_path / "index.html").write_text(good + link)
        assert list(build.wrong_links(tmp_path)) == [words]


def test_the_api_has_all_that_is_public(pages):
    for name, text in pages.items():
        if name.startswith("api/"):
            assert "::: keras_classics." in text, name
    assert "::: keras_classics.layers.MapConv2D\n" in pages["api/layers.md"]
    assert "::: keras_classics.fuse\n" in pages["api/index.md"]
    assert "::: keras_classics.applications.vgg.dense\n" in pages["api/applications.md"]
    assert "## ResNet50 {#keras_classics.applications.ResNet50}" in pages["api/applications.md"]


def test_each_finding_is_told(pages):
    for path in ROOT.glob("findings/*.sh"):
        part = pages["findings.md"].split(f"## {path.stem}\n")[1].split("\n## ")[0]
        assert "Guess: " in part
        assert "Seen" in part
        assert "set -euo" not in part


def test_a_notebook_is_a_page(build, tmp_path):
    output = {
        "output_type": "display_data",
        "data": {"image/png": "aGk=", "text/plain": "<Figure>"},
    }
    cells = [
        {"cell_type": "markdown", "source": ["# A title\n", "words"]},
        {"cell_type": "code", "source": ["print(1)"], "outputs": [{"text": ["1\n"]}, output]},
    ]
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    assert build.notebook(path) == {
        "notebooks/one.md": "# A title\nwords\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n"
        "![What the cell above draws](one-1.png)",
        "notebooks/one-1.png": b"hi",
    }
