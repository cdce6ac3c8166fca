"""Builds the site into build/site: `make site`, or `python docs/build.py`.

It writes all pages into build/pages, has the site generator make HTML of them, and checks that:

- Pages of files that lie elsewhere: the README is the home page; CHANGELOG.md, CONTRIBUTING.md, the
  notebooks of examples/, the headers of findings/.
- A page of the API for each room of the package.
- The page to draw a digit on, digit.html, for docs/page.md.
- In a page of docs/, `<!-- report lenet5 -->` and the like: functions of `PARTS` fill them.
- Links to files of the repository lead to the pages that show them.
- No link of the site is dead, and no page asks another server for anything.
"""

import ast
import base64
import dataclasses
import html.parser
import inspect
import json
import os
import pathlib
import posixpath
import re
import shutil
import subprocess
import sys
import textwrap
import urllib.parse

from keras_classics.analysis import shapes_only

shapes_only.prepare()

import keras_classics as kc  # noqa: E402
from keras_classics import backend, names, tables  # noqa: E402
from keras_classics.training import engine  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "keras_classics"
ROOMS = [name for name in kc.__all__ if inspect.ismodule(getattr(kc, name))]
BUILD = ROOT / "build"
DRAWING = "digit.html"


# Files of the repository, and the pages that show them.


def shown_at(path):
    """The page that shows a file of the repository, or `None`. Paths are relative to it."""
    folder, _, file = path.rpartition("/")
    stem = file.partition(".")[0]
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    if path.startswith("docs/") and path.endswith((".md", ".png")):
        return path.removeprefix("docs/")
    if folder == "findings":
        return f"findings.md#{stem}"
    if path.endswith(".ipynb"):
        return f"notebooks/{stem}.md"
    if folder in PAPERS and stem in names.PAPERS:
        return f"papers/{stem}.md{PAPERS[folder]}"
    package, _, inside = path.removesuffix(".py").partition("/")
    if package == "keras_classics" and (room := inside.split("/")[0]) in ROOMS:
        return f"api/{room}.md"
    return None


ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
PAPERS = {
    "keras_classics/applications": "#the-file",
    "keras_classics/training/recipes": "#training",
    "keras_classics/analysis/tables": "#the-numbers",
}


def pages():
    """All pages and pictures: `{name: content}`."""
    found = {page: (ROOT / source).read_text() for source, page in ELSEWHERE.items()}
    for path in (*ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/**/*.png")):
        read = path.read_text if path.suffix == ".md" else path.read_bytes
        found[path.relative_to(ROOT / "docs").as_posix()] = read()
    found["findings.md"] = findings()
    found["api/index.md"] = api("keras_classics", kc)
    found |= {f"api/{room}.md": api(f"keras_classics.{room}", getattr(kc, room)) for room in ROOMS}
    for path in sorted(ROOT.glob("examples/*.ipynb")):
        found |= notebook(path)
    return found


def findings():
    """The page of findings/: of each script its name and the comment at its top."""
    parts = [
        "# Findings\n\nWhere a library below this one did not do what was taken for granted. Each "
        "is a script of `findings/` that shows it, in an environment of its own.\n"
    ]
    for path in sorted(ROOT.glob("findings/*.sh")):
        lines = path.read_text().splitlines()[1:]
        end = next(k for k, line in enumerate(lines) if not line.startswith("#"))
        text = "\n".join(line.lstrip("#").removeprefix(" ") for line in lines[:end])
        parts.append(f"## {path.stem}\n\n{text}\n".replace("\nSeen", "\n\nSeen"))
    return "\n".join(parts)


def notebook(path):
    """The page of a notebook, and its pictures: `{name: content}`."""
    found, parts = {}, []
    for number, cell in enumerate(json.loads(path.read_text())["cells"]):
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{path.stem}-{number}.png"
                found[f"notebooks/{name}"] = base64.b64decode("".join(data["image/png"]))
                parts.append(f"![What the cell above draws]({name})")
            elif text := "".join(output.get("text", data.get("text/plain", ""))).rstrip():
                parts.append(f"```text\n{text}\n```")
    return {f"notebooks/{path.stem}.md": "\n\n".join(parts)} | found


# The API.


def api(name, module):
    """The page of a module: its docstring, and the docstrings of what it offers."""
    parts = [f"# {name.rpartition('.')[2]}\n\n{inspect.getdoc(module)}\n"]
    for key in getattr(module, "__all__", sorted(vars(module))):
        value = getattr(module, key)
        home = getattr(value, "__module__", "")
        own = home.startswith(name) if hasattr(module, "__all__") else home == name
        if key.startswith("_") or not callable(value) or not home.startswith("keras_classics"):
            continue
        if own or name == "keras_classics":
            parts.append(entry(f"{name}.{key}", value))
    if name == "keras_classics.applications":  # what only one network has
        for paper in names.PAPERS:
            file = getattr(module, paper)
            for key, value in vars(file).items():
                own = inspect.isfunction(value) and value.__module__ == file.__name__
                if own and not key.startswith("_") and key not in module.__all__:
                    parts.append(entry(f"{name}.{paper}.{key}", value))
    return "\n".join(parts)


def entry(name, value):
    """What the page says of a class or a function."""
    key = name.rpartition(".")[2]
    path = inspect.getsourcefile(inspect.unwrap(value))
    if re.search(rf"^(def|class) {key}\b", pathlib.Path(path).read_text(), re.MULTILINE):
        return f"::: {name}\n"
    about = inspect.getdoc(value).partition("\n")[0]  # of a name such as ResNet50
    return f"## {key} {{#{name}}}\n\n{about}\n"


# Parts of pages.


def layers(name):
    """The layers of a network in the order of its figure, one row for what the paper calls one."""
    model = backend.without_values(kc.build, name)
    printed = kc.analysis.table(name)
    parts = [row.name for row in printed.rows[:-1]] if printed else [e.name for e in model.layers]
    rows = [("layer", "output", "made of")]
    for part in parts:
        start = part.removesuffix("_x") + "_"
        mine = [e for e in model.layers if e.name == part or e.name.startswith(start)]
        if not mine:
            continue
        shape = mine[-1].output.shape[1:]
        kinds = dict.fromkeys(linked(each) for each in mine)
        rows.append((part, "x".join(map(str, shape)), ", ".join(kinds)))
    return tables.markdown(rows)


def linked(layer):
    """The class of a layer; one of this library with a link."""
    kind = type(layer).__name__
    if type(layer).__module__.startswith("keras_classics"):
        return f"[`{kind}`](../api/layers.md#keras_classics.layers.{kind})"
    return f"`{kind}`"


def report(name):
    """The paper's table beside the network's."""
    return f"```text\n{kc.analysis.report(name)}\n```"


def reached(name):
    """The errors that a paper prints, or that papers print of a network."""
    found = kc.analysis.results(name)
    notes = "\n".join(f"- {note}" for note in found.notes())
    return f"{tables.markdown(found.rows())}\n\n{notes}".strip()


def fields(name):
    """What the units of each layer see of the image."""
    return f"```text\n{kc.analysis.report(name, fields=True)}\n```"


def timeline(pattern):
    """Networks by year; of `*` the best of each builder."""
    found = kc.analysis.timeline(None if pattern == "*" else pattern)
    return f"{tables.markdown(found.rows())}\n\n{tables.markdown(found.trainings())}"


def recipe(name):
    """The fields of a recipe: each number with its source."""
    found = engine.recipe(name)
    rows = [("field", "value", "source", "meaning")]
    for field in dataclasses.fields(found):
        value = engine.in_words(getattr(found, field.name))
        rows.append((f"`{field.name}`", value, field.metadata["source"], engine.help_of(field)))
    rows = [[cell.replace("|", r"\|").replace("*", r"\*") for cell in row] for row in rows]
    about = inspect.getdoc(found).partition("\n")[0]
    return f"### `{name}`\n\n{about}\n\n{tables.markdown(rows)}"


def header(paper):
    """The docstring of a paper's file: what it follows, what departs, what was chosen."""
    return ast.get_docstring(ast.parse((PACKAGE / "applications" / f"{paper}.py").read_text()))


def file(paper):
    """The file of a paper, to lay beside it."""
    code = (PACKAGE / "applications" / f"{paper}.py").read_text()
    block = textwrap.indent(f"```python\n{code}```", "    ")
    return f'??? note "keras_classics/applications/{paper}.py"\n\n{block}'


def results(title):
    """A section of docs/results.md."""
    text = (ROOT / "docs" / "results.md").read_text()
    start = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    rest = text[start.end() :]
    end = re.search(rf"^#{{1,{len(start[1])}}} ", rest, re.MULTILINE)
    section = rest[: end.start()] if end else rest
    return re.sub(r"\]\((?!\w+:)", "](../", section).strip()


def drawing(name):
    """The page to draw a digit on, within a page."""
    frame = f'<iframe src="{name}" title="Draw a digit" width="100%" height="900"></iframe>'
    return f"{frame}\n\n[The page alone]({name}){{target=_blank}}"


PARTS = {
    each.__name__: each
    for each in (
        *(layers, report, reached, fields, timeline, recipe, header, file, results, drawing),
    )
}  # `<!-- layers lenet5 -->`


# Markdown.


def finished(name, markdown):
    """A page with its parts filled, and links that lead to pages."""
    source = next((source for source, page in ELSEWHERE.items() if page == name), f"docs/{name}")
    if name.startswith("notebooks/"):
        source = f"examples/{name}"
    markdown = re.sub(
        r"<!-- (\w+) (.+?) -->",
        lambda found: PARTS[found[1]](found[2]) if found[1] in PARTS else found[0],
        markdown,
    )
    folder, pieces, end = posixpath.dirname(source), [], 0
    # A block of code ends at the indentation of its beginning: it may have others within.
    for block in re.finditer(r"^( *)```.*?^\1```$", markdown, re.MULTILINE | re.DOTALL):
        pieces += [leading(markdown[end : block.start()], name, folder), block[0]]
        end = block.end()
    return "".join([*pieces, leading(markdown[end:], name, folder)])


def leading(text, uri, folder):
    """Text whose links lead to pages, with the empty lines before lists that Markdown asks for.

    Args:
        text: Markdown without blocks of code.
        uri: Path of the page.
        folder: Folder of the repository that its links start from.
    """

    def led(found):
        words, target = found.groups()
        path, mark, anchor = target.partition("#")
        if not path or ":" in path:
            return found[0]
        path = posixpath.normpath(posixpath.join(folder, path))
        if not (ROOT / path).exists():  # a page that is made here, or a dead link
            return found[0]
        place = shown_at(path)
        if place is None:
            return words[1:] if words.startswith("[") else words
        if anchor:
            place = place.partition("#")[0] + mark + anchor
        return f"{words}]({posixpath.relpath(place, posixpath.dirname(uri) or '.')})"

    text = re.sub(r"(!?\[[^\]]*)\]\(([^)\s]+)\)", led, text)
    return re.sub(r"^(?![-|*\s]|\d+\.)(.+\n)(?=(- |1\. ))", r"\1\n", text, flags=re.MULTILINE)


# The built site.


class Page(html.parser.HTMLParser):
    """The names in a page that links can lead to, and its links."""

    def __init__(self, text):
        super().__init__()
        self.names, self.links, self.asked = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.names |= {found[key] for key in ("id", "name") if found.get(key)}
        if link := found.get("src") or found.get("href"):
            loads = tag != "a" and not (tag == "link" and found.get("rel") in ("canonical", "next"))
            (self.asked if loads else self.links).append(link)


def wrong_links(folder):
    """What is wrong with the links of the pages in a folder: lines of text."""
    pages = {path: Page(path.read_text()) for path in sorted(pathlib.Path(folder).rglob("*.html"))}
    pages = {path: page for path, page in pages.items() if path.name != "404.html"}
    for path, page in pages.items():
        for link in page.asked:
            if urllib.parse.urlsplit(link).netloc:
                yield f"{path.relative_to(folder)} asks another server: {link}"
        for link in page.links + page.asked:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path.parent / urllib.parse.unquote(parts.path) if parts.path else path
            target = pathlib.Path(os.path.normpath(target))
            target = target / "index.html" if target.is_dir() else target
            anchor = urllib.parse.unquote(parts.fragment)
            if not target.is_file():
                yield f"{path.relative_to(folder)} links to {link}, which there is not"
            elif anchor and target in pages and anchor not in pages[target].names:
                yield f"{path.relative_to(folder)} links to {link}, and there is no #{anchor}"


def main():
    """Builds the site, and ends with what is wrong with it."""
    for folder in ("pages", "site"):
        shutil.rmtree(BUILD / folder, ignore_errors=True)
    for name, content in pages().items():
        path = BUILD / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(finished(name, content))
    shutil.copy(ROOT / "docs" / "mkdocs.yml", BUILD)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    if code := subprocess.run(command, cwd=BUILD).returncode:
        sys.exit(code)
    command = [sys.executable, "-m", "keras_classics", "page", f"--out={BUILD / 'page'}"]
    subprocess.run(command, check=True, cwd=ROOT)
    shutil.copy(BUILD / "page" / "index.html", BUILD / "site" / DRAWING)
    sys.exit("\n".join(wrong_links(BUILD / "site")) or None)


if __name__ == "__main__":
    main()
