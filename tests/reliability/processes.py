"""Two and six processes that start on one run folder at once."""

import pathlib
import shutil
import signal
import tempfile
import time

from tests.reliability.victims import child, ended, left_over, photographs

TITLE = "Processes on one folder: one trains, the others are told who holds it"
HEAD = ("what", "tried", "good", "remarks")
KIND = "image files"
REFUSED = ("is held by process", "exists already")


def attempt(folder, count, state, expected):
    """What is wrong with some processes that start at once; nothing if all is well."""
    name, resume = "run", state != "a new folder"
    if state == "a run that was killed":
        said = ended(child(KIND, folder, name, False, ("a step", 5, 0)), folder, name)
        assert said[0] == "killed", said
    armed = [()] * count
    if state.endswith("one of them interrupted while it prepares"):
        armed[0] = ("network built", 1, 0, signal.SIGINT)
    moment = time.time() + 1
    numbers = [child(KIND, folder, name, resume, each, moment) for each in armed]
    ends = [ended(number, folder, name) for number in numbers]
    results = [each for each in ends if each[0] == "result"]
    others = [each for each in ends if each[0] != "result"]
    interrupted = [each for each in others if each[0] == "KeyboardInterrupt"]
    odd = [e for e in others if not any(words in str(e[1]) for words in REFUSED)]
    odd = [e for e in odd if e not in interrupted or not armed[0]]
    if odd or any(each != expected for each in results):
        return f"{(odd or results)[0][:2]}"[:200]
    if interrupted and not results:  # it held the folder, and left nothing in it
        return ", ".join(path.name for path in (folder / name).glob("*"))
    if not results or (len(results) > 1 and not resume):
        return f"{len(results)} trained"
    return ", ".join(sorted(left_over(folder / name)))


def run(seconds):
    """Rows by number of processes and state of the folder."""
    folder = pathlib.Path(tempfile.mkdtemp())
    photographs(folder / "photographs")
    expected = ended(child(KIND, folder, "unbroken", False), folder, "unbroken")
    assert expected[0] == "result", expected
    states = (
        "a new folder",
        "a new folder, --resume",
        "a run that was killed",
        "a new folder, --resume, one of them interrupted while it prepares",
    )
    cases = [(count, state) for state in states for count in (2, 6)]
    tally, begin = {case: [0, 0, ""] for case in cases}, time.time()
    while time.time() - begin < seconds:
        for case in cases:
            wrong = attempt(folder, *case, expected)
            tally[case][0] += 1
            tally[case][1] += not wrong
            tally[case][2] = wrong or tally[case][2]
            shutil.rmtree(folder / "run", ignore_errors=True)
    shutil.rmtree(folder)
    return [(f"{count} on {state}", *row) for (count, state), row in tally.items()]
