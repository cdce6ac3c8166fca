"""What runs the page's JavaScript: a real browser, and Node.js. Missing, it is skipped."""

import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest

from keras_classics import page

BROWSERS = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")
# Numbers come back as base64 of float32: as JSON they would take minutes.
HARNESS = """
const text = (numbers) => {
  const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
  let letters = "";
  for (let k = 0; k < bytes.length; k += 8192) {
    letters += String.fromCharCode(...bytes.subarray(k, k + 8192));
  }
  return btoa(letters);
};
"""


def numbers(text):
    """The array of what `text` of the harness returned."""
    return np.frombuffer(base64.b64decode(text), "float32")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The page of the releases, with test digits of scikit-learn."""
    pytest.importorskip("sklearn")
    path = tmp_path_factory.mktemp("page") / "index.html"
    return page.write(path, data="digits")


@pytest.fixture(scope="module")  # it holds an event loop: tests of other files may want their own
def chromium():
    """A browser without a window."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed.")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        if found is None and not os.path.exists(own):
            pytest.skip("No Chromium: `apt-get install chromium`, or `playwright install`.")
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--force-color-profile=srgb"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """A function that opens a page, and collects its errors and its requests."""
    with contextlib.ExitStack() as stack:

        def run(path, **options):
            context = chromium.new_context(
                **{"viewport": {"width": 1280, "height": 800}, **options}
            )
            stack.callback(context.close)
            opened = context.new_page()
            opened.problems, opened.requests = [], []
            opened.on("pageerror", lambda error: opened.problems.append(str(error)))
            opened.on("console", lambda message: opened.problems.append(message.text))
            opened.on("request", lambda request: opened.requests.append(request.url))
            opened.goto(pathlib.Path(path).resolve().as_uri())
            opened.wait_for_selector("body[data-ready=yes]", timeout=20_000)
            return opened

        yield run


@pytest.fixture(params=["browser", "node"])
def evaluate(request, tmp_path):
    """A function that evaluates a JavaScript function, of one argument, beside a page's program.

    `networks` are the page's.
    """
    if request.param == "browser":
        open_page = request.getfixturevalue("open_page")
        opened = {}

        def run(path, function, argument=None):
            if path not in opened:
                opened[path] = open_page(path)
            body = f"{HARNESS}const networks = state.content.networks; return ({function})(given);"
            return opened[path].evaluate(f"(given) => {{ {body} }}", argument)

        return run
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed.")

    def run(path, function, argument=None):
        html = pathlib.Path(path).read_text("utf-8")
        found = dict(re.findall(r'<script type="[^"]+" id="(\w+)">(.*?)</script>', html, re.DOTALL))
        program = re.search(r"<script>\n(.*)</script>", html, re.DOTALL)[1]
        (tmp_path / "given.json").write_text(json.dumps({**found, "given": argument}))
        (tmp_path / "run.js").write_text(
            f"{program}\n{HARNESS}\n"
            'const given = JSON.parse(require("fs").readFileSync(0, "utf8"));\n'
            "unpacked(JSON.parse(given.content), given.store).then(({ networks }) =>\n"
            f"  console.log(JSON.stringify(({function})(given.given))));\n"
        )
        with open(tmp_path / "given.json") as stream:
            done = subprocess.run(
                [node, str(tmp_path / "run.js")], stdin=stream, capture_output=True, text=True
            )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
