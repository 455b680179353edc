"""Starts a gateway with the settings that the wall prints, and has the wall score it.

    python3 tests/wall/score.py --seawall target/release/seawall [--profile full|fast] [--only IDS]

What is played and judged is in the binary: `seawall wall --score`. This script only starts the
processes, and knows which verdicts are enough for now. It ends with 1 if one is less.
"""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

READY_S_MAX = 30.0
END_S_MAX = 5.0
KEYS = {"WALL_KEY": "sk-wall-one", "WALL_KEY_2": "sk-wall-two"}
# From the worst to the best.
VERDICTS = ("fail", "safe", "partial", "pass")
# What is not borne yet, and the least that must come all the same. Every other fault must pass; who
# mends one of these takes it out.
NOT_YET: dict[str, str] = {}
ROW = re.compile(r"^(S\d\d) +(pass|partial|safe|fail) ")


def free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held until the last is found, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def environment() -> dict[str, str]:
    """This process's environment without anything that would set up a gateway by itself."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SEAWALL_") and not name.endswith("_API_KEY")
    }
    return kept | KEYS | {"NO_PROXY": "127.0.0.1"}


def wait_until_ready(gateway: subprocess.Popen, port: int, log: Path) -> None:
    until = time.monotonic() + READY_S_MAX
    while time.monotonic() < until and gateway.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"score: the gateway did not start:\n{log.read_text(errors='replace')}")


def end(child: subprocess.Popen) -> None:
    child.terminate()
    try:
        child.wait(END_S_MAX)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def score(chosen: argparse.Namespace, folder: Path) -> bool:
    wall, *doors = free_ports(4)
    spoken = ["--listen", f"127.0.0.1:{wall}", "--profile", chosen.profile]
    spoken += ["--dialect", chosen.dialect]
    binary = str(chosen.seawall.resolve())
    settings = subprocess.run(
        [binary, "wall", "--score-config", *spoken],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ).stdout
    names = ("gateway", "status", "console")
    listen = [f'{name} = "127.0.0.1:{port}"' for name, port in zip(names, doors)]
    file, log = folder / "seawall.toml", folder / "gateway.log"
    file.write_text("\n".join(["[listen]", *listen, "", settings]))
    with log.open("wb") as output:
        command = [binary, "serve", "-c", str(file)]
        gateway = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment()
        )
    try:
        asked = scenarios(binary, chosen.only)
        wait_until_ready(gateway, doors[0], log)
        url = f"http://127.0.0.1:{doors[0]}"
        scorer = [binary, "wall", "--score", url, "--only", chosen.only, *spoken]
        playing = subprocess.Popen(scorer, stdout=subprocess.PIPE, text=True, env=environment())
        try:
            return judged(playing, asked)
        finally:
            end(playing)
    finally:
        end(gateway)


def scenarios(binary: str, only: str) -> set[str]:
    """The ids of `--only` that the wall has; a span may have gaps, a single id may not."""
    listed = subprocess.run(
        [binary, "wall", "--list"], check=True, stdout=subprocess.PIPE, text=True, env=environment()
    ).stdout
    there = {number.upper() for number in re.findall(r"^fb-(s\d\d) ", listed, re.MULTILINE)}
    asked = set()
    for part in only.upper().split(","):
        first, _, last = part.strip().partition("-")
        asked |= {name for name in there if first <= name <= (last or first)}
        if first not in there:
            raise SystemExit(f"score: the wall has no {first}")
    return asked


def judged(playing: subprocess.Popen, asked: set[str]) -> bool:
    """Passes the table on, and tells whether each asked scenario has a verdict that is enough."""
    told = {}
    for line in playing.stdout:
        print(line, end="", flush=True)
        row = ROW.match(line)
        if row:
            name, verdict = row.groups()
            told[name] = verdict
    status = playing.wait(END_S_MAX)
    faults = []
    # The scorer ends with 1 when a verdict is less than pass, and for trouble of its own, which
    # then leaves rows out; any other end is never in order.
    if status != (0 if all(verdict == "pass" for verdict in told.values()) else 1):
        faults.append(f"the scorer ended with {status}")
    unheard = sorted(asked - told.keys())
    if unheard:
        faults.append(f"no verdict for {', '.join(unheard)}")
    short = sorted(name for name, verdict in told.items() if not is_enough(name, verdict))
    if short:
        faults.append(f"not enough: {', '.join(short)}")
    better = sorted(name for name in NOT_YET if told.get(name) == "pass")
    if better:
        print(f"score: passes now, and can leave NOT_YET: {', '.join(better)}", flush=True)
    for fault in faults:
        print(f"score: {fault}", flush=True)
    return not faults


def is_enough(name: str, verdict: str) -> bool:
    return VERDICTS.index(verdict) >= VERDICTS.index(NOT_YET.get(name, "pass"))


def main() -> int:
    parser = argparse.ArgumentParser(description="Scores Seawall on its fault wall.")
    parser.add_argument("--seawall", type=Path, required=True, help="the binary")
    parser.add_argument("--profile", choices=["fast", "full"], default="fast")
    parser.add_argument("--dialect", default="chat", help="chat, anthropic, gemini or responses")
    parser.add_argument("--only", default="S01-S16", metavar="IDS", help="such as S01-S16,S33")
    chosen = parser.parse_args()
    if not chosen.seawall.is_file():
        parser.error(f"no such binary: {chosen.seawall}")
    # An end by signal must end the children too, which the `finally`s do.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="seawall-score-") as folder:
        return 0 if score(chosen, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
