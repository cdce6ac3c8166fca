"""Trainings killed at a random moment of a phase, half of them twice, and resumed."""

import collections
import json
import os
import pathlib
import random
import shutil
import tempfile
import time

from tests.reliability.victims import KINDS, PHASES, child, ended, left_over, photographs

TITLE = "Killed, resumed, and equal to an unbroken run: weights, history, errors, files"
HEAD = ("what", "tried", "good", "remarks")
ON_EACH_BACKEND = True
LANES = 2  # processes at once
CALLS = {"a step": 6, "a checkpoint": 6, "the end of an epoch": 2, "a manifest": 3}  # of a run


def attempt(kind, phase, folder, name, draw, expected):
    """Kills a run, resumes it, and compares it. Returns the number of kills, and what is wrong."""
    kills = 0
    for _ in range(draw.choice([1, 2])):
        call = draw.randint(1, CALLS.get(phase, 1))
        armed = phase, call, draw.choice([0, draw.uniform(0, 0.05)])
        said = ended(child(kind, folder, name, True, armed), folder, name)
        if said[0] not in ("killed", "result"):
            return kills, f"{said[0]}: {said[1]}"
        kills += said[0] == "killed"
    said = ended(child(kind, folder, name, True), folder, name)
    if said != expected[kind]:
        return kills, f"another result: {said[:2]}"
    return kills, ", ".join(sorted(left_over(folder / name)))


def lane(number, folder, seconds, expected):
    """Attempts by one process, a line of JSON each."""
    draw, begin, count = random.Random(number), time.time(), 0
    with open(folder / f"lane-{number}.jsonl", "w") as file:
        while time.time() - begin < seconds:
            pairs = [(kind, phase) for phase in PHASES for kind in KINDS]
            kind, phase = pairs[(count * LANES + number) % len(pairs)]
            count += 1
            name = f"run-{number}-{count}"
            kills, wrong = attempt(kind, phase, folder, name, draw, expected)
            file.write(json.dumps([kind, phase, kills, wrong]) + "\n")
            file.flush()
            shutil.rmtree(folder / name)


def run(seconds):
    """Rows by phase: kills, and kills of runs that came out equal."""
    folder = pathlib.Path(tempfile.mkdtemp())
    photographs(folder / "photographs")
    expected = {}
    for kind in KINDS:
        expected[kind] = ended(child(kind, folder, "unbroken", False), folder, "unbroken")
        assert expected[kind][0] == "result", expected[kind]
        shutil.rmtree(folder / "unbroken")
    lanes = []
    for number in range(LANES):
        lanes.append(os.fork())
        if lanes[-1] == 0:
            lane(number, folder, seconds, expected)
            os._exit(0)
    for each in lanes:
        os.waitpid(each, 0)
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    tried, good, remarks = collections.Counter(), collections.Counter(), {}
    for kind, phase, kills, wrong in map(json.loads, lines):
        tried[phase] += kills
        good[phase] += 0 if wrong else kills
        if wrong:
            remarks[phase] = f"{kind}: {wrong}"[:200]
    shutil.rmtree(folder)
    return [(phase, tried[phase], good[phase], remarks.get(phase, "")) for phase in PHASES]
