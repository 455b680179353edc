"""Official clients, two generations where there are two, each in its own dialect onto a provider of
every kind, through the running gateway. The wall plays the providers.

Each client script runs in a process of its own, before a gateway of its own with a wall for each
provider, so that nothing that one breaks is seen by another. With `--direct` the clients call the wall itself, which
shows what the suite asks for without the product between.
"""

import argparse
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from stage import Stage  # noqa: E402
from tap import Tap  # noqa: E402

JOB_S_MAX = 240
CALLER_KEY = "sk-caller-of-the-clients-test"
WALL_KEY = "sk-provider-of-the-clients-test"
RUNGS = ["openai", "azure", "anthropic", "gemini", "perplexity", "compatible"]
PATHS = {"openai": "/v1", "compatible": "/v1"}
CONFIG = """
[providers.{kind}]
kind = "{kind}"
base_url = "{wall}{path}"
api_keys = ["env:WALL_KEY"]
{more}
"""
AZURE = 'api_version = "2025-04-01-preview"'

# The script, the folder of its packages or the generation, and what a fall-back may lack.
PYTHON = [
    ("openai_sdk.py", "newer"),
    ("openai_sdk.py", "older"),
    ("langchain_clients.py", "langchain"),
    ("pydantic_clients.py", "pydantic-ai"),
    ("genai_sdk.py", "newer"),
    ("genai_sdk.py", "older"),
    ("anthropic_sdk.py", "newer"),
    ("anthropic_sdk.py", "older"),
]
NODE = [
    ("ai_sdk.mjs", "newer"),
    ("ai_sdk.mjs", "older"),
    ("openai_sdk.mjs", "newer"),
    ("openai_sdk.mjs", "older"),
    ("genai_sdk.mjs", "newer"),
    ("genai_sdk.mjs", "older"),
    ("anthropic_sdk.mjs", "newer"),
    ("anthropic_sdk.mjs", "older"),
]


# Of the gateway where callers stand in line: one at a time, and whoever waits is told so at once.
LINE = """
[pace]
calls_start = 1
calls_min = 1
calls_max = 1
[waiting_room]
tell_after_ms = 200
[clocks]
head_held_ms_max = 200
"""


def providers(walls):
    toml = ""
    for kind, wall in walls.items():
        more = AZURE if kind == "azure" else ""
        toml += CONFIG.format(kind=kind, wall=wall.root, path=PATHS.get(kind, ""), more=more)
    toml += f'[models."fb-ok"]\nladder = ["{kind}/fb-ok"]\n'
    digest = hashlib.sha256(CALLER_KEY.encode()).hexdigest()
    return toml + f'[auth]\nkeys = [{{ name = "shop", hash = "sha256:{digest}" }}]\n'


def config(walls):
    toml = providers(walls)
    # The scenes that fail on purpose use up what a live gateway would spend on retries.
    # What a client makes of an error is shown by streams that nobody goes on with.
    toml += "[failover]\nretry_budget_ratio = 1.0\ntakeover = false\n"
    # Where nearly all fails on purpose, nobody stands in line for a door that opens, and no verdict
    # shuts the doors of what is well.
    return toml + "[waiting_room]\nwaiters_max = 0\n[lookout]\nacts = false\n"


class Job:
    """One client script with its packages."""

    def __init__(self, script, packages, wish):
        self.script, self.packages, self.wish = script, packages, wish
        self.name = f"{script} ({packages})"
        self.cases, self.trouble, self.took_s, self.log = [], "", 0.0, ""

    def command(self):
        if self.script.endswith(".py"):
            return [sys.executable, "-B", str(HERE / "python" / self.script)]
        return ["node", str(HERE / "node" / self.script), "--generation", self.packages]

    def environment(self):
        environment = dict(os.environ)
        # What a machine has set for its own work must not lead the clients elsewhere.
        for name in list(environment):
            if name.endswith(("_API_KEY", "_BASE_URL", "_PROXY", "_proxy")):
                del environment[name]
        if self.script.endswith(".py"):
            folder = self.wish.packages / self.packages
            environment["PYTHONPATH"] = str(folder)
        return environment

    def run(self):
        start = time.monotonic()
        try:
            with Stage(self.wish.seawall) as stage, contextlib.ExitStack() as taps:
                self.play(stage, taps)
        except Exception as error:  # Whatever goes wrong around a client fails its job.
            self.trouble = f"{type(error).__name__}: {error}"
        self.took_s = time.monotonic() - start
        return self

    def play(self, stage, taps):
        key = {"WALL_KEY": WALL_KEY}
        command = self.command()
        for scene in self.wish.scene:
            command += ["--scene", scene]
        expecting = {"arguments": ["--expect-key", "env:WALL_KEY"], "environment": key}
        if self.wish.direct:
            server = stage.wall(**expecting)
            walls = dict.fromkeys(RUNGS, server)
            command += ["--root", server.root, "--key", WALL_KEY, "--direct"]
        else:
            rungs = self.wish.rung or RUNGS
            walls = {rung: stage.wall(f"wall-{rung}", **expecting) for rung in rungs}
            server = stage.gateway("gateway", config(walls), key)
            command += ["--root", server.root, "--key", CALLER_KEY]
            line = stage.gateway("line", providers(walls) + LINE, key)
            heard = pathlib.Path(stage.folder.name) / "heard"
            tap = taps.enter_context(Tap(line.root, heard))
            command += ["--line", tap.root, "--heard", str(heard)]
        for rung, wall in walls.items():
            command += ["--rung", f"{rung}={wall.root}"]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=JOB_S_MAX,
                env=self.environment(),
                cwd=stage.folder.name,
            )
            out, errors, status = done.stdout, done.stderr, done.returncode
        except subprocess.TimeoutExpired as late:
            out, errors, status = late.stdout or b"", late.stderr or b"", "no end"
        for line in out.decode().splitlines():
            if line.startswith("{"):
                self.cases.append(json.loads(line))
        if status != 0 or not self.cases:
            self.trouble = f"ended with {status}: {errors.decode()[-2000:]}"
        self.log = server.log()[-2000:]


def table(cases):
    """How many cases of each client are right on each rung."""
    clients = list(dict.fromkeys(case["client"] for case in cases))
    rungs = [rung for rung in RUNGS if any(case["rung"] == rung for case in cases)]
    width = max(len(client) for client in clients) + 2
    print(f"\n{'':<{width}}" + "".join(f"{rung:<13}" for rung in rungs))
    for client in clients:
        row = f"{client:<{width}}"
        for rung in rungs:
            ends = [c["end"] for c in cases if c["client"] == client and c["rung"] == rung]
            right = sum(end != "failed" for end in ends)
            cell = f"{right}/{len(ends)}" if ends else "-"
            row += f"{cell:<13}"
        print(row.rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seawall", required=True, help="the binary under test")
    parser.add_argument("--language", choices=["python", "node"], required=True)
    parser.add_argument("--packages", type=pathlib.Path, help="the folder of Python's packages")
    parser.add_argument("--direct", action="store_true", help="call the wall itself")
    parser.add_argument("--only", action="append", default=[], help="scripts with this in the name")
    parser.add_argument("--rung", action="append", default=[], help="only these rungs")
    parser.add_argument("--scene", action="append", default=[], help="only these scenes")
    parser.add_argument("--verbose", action="store_true", help="a line for each case")
    wish = parser.parse_args()
    if wish.language == "python" and not wish.packages:
        parser.error("--packages FOLDER is needed for Python")
    wish.packages = wish.packages and wish.packages.resolve()
    start = time.monotonic()
    chosen = PYTHON if wish.language == "python" else NODE
    jobs = [Job(script, packages, wish) for script, packages in chosen]
    jobs = [job for job in jobs if not wish.only or any(at in job.name for at in wish.only)]
    cases, troubles = [], 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for job in pool.map(Job.run, jobs):
            failed = [case for case in job.cases if case["end"] == "failed"]
            print(f"{job.name}: {len(job.cases)} cases, {len(failed)} failed, {job.took_s:.1f} s")
            for case in job.cases if wish.verbose else failed:
                where = f"{case['client']} | {case['rung']} | {case['scene']}"
                print(f"  {case['end']:<7}{where} ({case['took_s']} s) {case['why']}")
            if job.trouble:
                troubles += 1
                print(f"  FAILED {job.trouble}\n{job.log}")
            sys.stdout.flush()
            cases += job.cases
    if cases:
        table(cases)
    for reason in sorted({case["why"] for case in cases if case["end"] == "none"}):
        print(f"- {reason}")
    failed = sum(case["end"] == "failed" for case in cases) + troubles
    print(f"\n{len(cases) + troubles - failed} passed, {failed} failed in {time.monotonic() - start:.0f} s")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
