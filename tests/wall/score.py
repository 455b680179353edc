"""Scores Seawall on its own fault wall, scenarios S01 to S16, and prints the table.

    python3 tests/wall/score.py --seawall target/release/seawall [--profile full|fast]

Each scenario has a gateway, a primary wall and a spare wall of its own, so that all run at the same
time: about 90 seconds with the full timings. With --direct there is no gateway, and the table shows
that the wall itself does what it says. It ends with 1 if a verdict is less than it must be.
"""

import argparse
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

# The tree is left as it was found: no compiled copies of the files beside this one.
sys.dont_write_bytecode = True

import caller
from caller import Answer
from scenarios import BACK_S_MAX, FLAP, SCENARIOS, Run, Scenario, kind_of
from servers import KEY_NAME, Servers

# The clocks of the gateway in milliseconds: headers, first token, gap.
CLOCKS = {"full": (10_000, 10_000, 10_000), "fast": (4_000, 2_000, 2_000)}
HEALTHY_S_MAX = 10.0
CONTROL_S_MAX = 5.0
# The wall gives up its silence of S06 after this at the latest.
DIRECT_S_MAX = 130.0


def settings(scenario: Scenario, primary: int, spare: int, profile: str) -> str:
    """The gateway's configuration for one scenario."""
    headers_ms, first_token_ms, gap_ms = CLOCKS[profile]
    providers = "".join(
        f'[providers.{name}]\nkind = "compatible"\nbase_url = "http://127.0.0.1:{port}/v1"\n'
        f'api_keys = ["env:{KEY_NAME}"]\n\n'
        for name, port in (("wall", primary), ("spare", spare))
    )
    return (
        f"{providers}"
        f'[models.asked]\nladder = ["wall/{scenario.model}", "spare/{scenario.spare}"]\n\n'
        f'[models.healthy]\nladder = ["wall/fb-ok", "spare/fb-ok"]\n\n'
        f"[clocks]\nheaders_ms_max = {headers_ms}\nfirst_token_ms_max = {first_token_ms}\n"
        f"gap_ms_max = {gap_ms}\n\n"
        "[reserve]\nenabled = false\n"
    )


def control(port: int, method: str, path: str) -> Answer:
    answer = caller.request(port, method, path, None, CONTROL_S_MAX)
    if answer.status != 200:
        raise SystemExit(f"score: the wall's {path} answered {answer.status} ({answer.end})")
    return answer


def attempts(port: int, model: str) -> list[dict]:
    """What a wall wrote down of one model."""
    log = caller.json.loads(control(port, "GET", "/control/log").body)
    return [attempt for attempt in log["attempts"] if attempt["model"] == model]


def play(scenario: Scenario, ports: tuple[int, int, int], text: str, profile: str) -> Run:
    """Runs one scenario through its gateway."""
    gateway, primary, spare = ports
    for wall in (primary, spare):
        control(wall, "POST", "/control/reset")
    answers: list[Answer] = []
    back_s = None
    if scenario.id == "S15":
        answers, back_s = flap(scenario, gateway, primary, profile)
        answer = answers[-1]
    else:
        answer = caller.ask(gateway, "asked", scenario.limit_s)
    seen = attempts(primary, scenario.model), attempts(spare, scenario.spare)
    healthy = caller.ask(gateway, "healthy", HEALTHY_S_MAX)
    alive = kind_of(healthy, text) == "complete"
    return Run(answer, text, *seen, alive, answers, back_s)


def flap(
    scenario: Scenario, gateway: int, primary: int, profile: str
) -> tuple[list[Answer], float | None]:
    """Asks at a steady pace through the outage, and on until the primary serves again."""
    down_s, count, every_s = FLAP[profile]
    start = time.monotonic()
    answers: list[Answer] = []
    while True:
        due = start + len(answers) * every_s
        served = [
            attempt["t_ms"] / 1000 - down_s
            for attempt in attempts(primary, scenario.model)
            if attempt["status"] == 200
        ]
        if len(answers) >= count and (served or due - start > down_s + BACK_S_MAX):
            return answers, min(served, default=None)
        time.sleep(max(0.0, due - time.monotonic()))
        answers.append(caller.ask(gateway, "asked", scenario.limit_s))


def score(scenarios: list[Scenario], servers: Servers) -> bool:
    """Runs the scenarios at the same time and prints the table."""
    places = {}
    for scenario in scenarios:
        primary = servers.wall(f"{scenario.id}-wall")
        spare = servers.wall(f"{scenario.id}-spare")
        wanted = settings(scenario, primary, spare, servers.profile)
        places[scenario.id] = (servers.gateway(scenario.id, wanted), primary, spare)
    text = healthy_text(places[scenarios[0].id][1])
    runs: dict[str, Run] = {}
    with ThreadPoolExecutor(len(scenarios)) as pool:
        begun = {
            pool.submit(play, scenario, places[scenario.id], text, servers.profile): scenario
            for scenario in scenarios
        }
        for ended in as_completed(begun):
            scenario = begun[ended]
            runs[scenario.id] = ended.result()
            print(f"score: {scenario.id} {scenario.verdict(runs[scenario.id])[0]}", flush=True)
    print(f"\n{'id':4} {'verdict':8} {'answer':12} {'seconds':>8} {'primary':>8} {'spare':>6}  notes")
    passed = [report(scenario, runs[scenario.id], servers) for scenario in scenarios]
    print(f"\n{passed.count(True)} passed, {passed.count(False)} failed")
    return all(passed)


def report(scenario: Scenario, run: Run, servers: Servers) -> bool:
    """Prints one row, and what is known of it if it is not enough."""
    verdict, why = scenario.verdict(run)
    notes = [why] if why else []
    took_s = run.answer.took_s
    if run.answers:
        took_s = max(answer.took_s for answer in run.answers)
        back = "never" if run.back_s is None else f"{run.back_s:.1f} s after recovery"
        outage_ms = FLAP[servers.profile][0] * 1000
        dead = sum(attempt["t_ms"] < outage_ms for attempt in run.primary)
        notes.append(f"{len(run.answers)} requests, {dead} attempts in the outage, back {back}")
    enough = verdict in scenario.enough
    row = f"{scenario.id:4} {verdict:8} {run.kind:12} {took_s:8.2f} "
    print(f"{row}{len(run.primary):8} {len(run.spare):6}  {'; '.join(notes)}")
    if not enough:
        print(f"     wanted: {' or '.join(scenario.enough)}")
        print(f"     status {run.answer.status}, end {run.answer.end}, error {run.answer.error}")
        print(f"     seawall-why: {run.answer.headers.get('seawall-why')}")
        for line in servers.output(scenario.id).splitlines():
            print(f"     | {line}")
    return enough


def healthy_text(wall: int) -> str:
    """The sixty words, from the wall itself."""
    text = caller.ask(wall, "fb-ok", HEALTHY_S_MAX, stream=False).text
    if len(text.split()) != 60:
        raise SystemExit(f"score: the wall's healthy answer has {len(text.split())} words, not 60")
    return text


def score_direct(scenarios: list[Scenario], servers: Servers) -> bool:
    """Asks the wall itself, without a gateway, and compares with what it promises."""
    ports = {scenario.id: servers.wall(scenario.id) for scenario in scenarios}
    text = healthy_text(ports[scenarios[0].id])

    def ask_all(scenario: Scenario) -> list[Answer]:
        port = ports[scenario.id]
        control(port, "POST", "/control/reset")
        return [caller.ask(port, scenario.model, DIRECT_S_MAX) for _ in scenario.direct]

    with ThreadPoolExecutor(len(scenarios)) as pool:
        found = list(pool.map(ask_all, scenarios))
    print(f"{'id':4} {'as it says':10} {'seconds':>8} {'words':>6}  answers")
    kept = []
    for scenario, answers in zip(scenarios, found):
        kinds = tuple(kind_of(answer, text) for answer in answers)
        kept.append(kinds == scenario.direct)
        words = len(answers[-1].text.split())
        told = ", ".join(f"{kind} ({answer.status})" for kind, answer in zip(kinds, answers))
        says = "yes" if kept[-1] else "NO"
        took_s = sum(answer.took_s for answer in answers)
        print(f"{scenario.id:4} {says:10} {took_s:8.2f} {words:6}  {told}")
    print(f"\n{kept.count(True)} passed, {kept.count(False)} failed")
    return all(kept)


def main() -> int:
    parser = argparse.ArgumentParser(description="Scores Seawall on its fault wall.")
    parser.add_argument("--seawall", type=Path, required=True, help="the binary")
    parser.add_argument("--profile", choices=sorted(CLOCKS), default="fast")
    parser.add_argument("--only", nargs="+", metavar="ID", help="such as S07")
    parser.add_argument("--direct", action="store_true", help="the wall alone, no gateway")
    chosen = parser.parse_args()
    wanted = [name.upper() for name in chosen.only or [scenario.id for scenario in SCENARIOS]]
    scenarios = [scenario for scenario in SCENARIOS if scenario.id in wanted]
    unknown = set(wanted) - {scenario.id for scenario in scenarios}
    if unknown:
        parser.error(f"unknown scenario: {', '.join(sorted(unknown))}")
    if not chosen.seawall.is_file():
        parser.error(f"no such binary: {chosen.seawall}")
    # An end by signal must end the children too, which the `with` below does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="seawall-score-") as folder:
        with Servers(chosen.seawall.resolve(), Path(folder), chosen.profile) as servers:
            run = score_direct if chosen.direct else score
            good = run(scenarios, servers)
    print(f"score: {chosen.profile} profile, {time.monotonic() - start:.0f} s", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
