"""The sixteen scenarios: what is asked, which checks there are, and which verdict will do.

The checks and limits are those of the public Failover Bench. "Primary" and "spare" are the attempts
that the walls wrote down, so a gateway cannot look better than it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from caller import Answer

# How long S15 is down, how many requests are sent, and one every how many seconds.
FLAP = {"full": (60.0, 20, 4.0), "fast": (6.0, 10, 1.2)}
BACK_S_MAX = 30.0


@dataclass
class Run:
    """What is known after a scenario."""

    answer: Answer
    text: str
    primary: list[dict]
    spare: list[dict]
    alive_after: bool
    # Only S15: the answers in order, when the primary served again, and its recovery (seconds).
    answers: list[Answer] = field(default_factory=list)
    back_s: float | None = None

    @property
    def kind(self) -> str:
        """The worst that can be said of the answers."""
        kinds = [kind_of(answer, self.text) for answer in self.answers or [self.answer]]
        return max(kinds, key=KINDS.index)

    def early(self, window_s: float) -> int:
        """Attempts on the primary within a time after its first."""
        times = [attempt["t_ms"] for attempt in self.primary]
        return sum(time - times[0] <= window_s * 1000 for time in times)

    def gap_s(self) -> float:
        """Between the first two attempts on the primary."""
        times = [attempt["t_ms"] for attempt in self.primary]
        return (times[1] - times[0]) / 1000 if len(times) > 1 else 0.0


# From the best to the worst.
KINDS = ["complete", "clean error", "broken", "truncated", "garbage", "hang"]


def kind_of(answer: Answer, text: str) -> str:
    """What an answer amounts to for a caller who believes what it says."""
    if answer.end == "hang":
        return "hang"
    if answer.garbage:
        return "garbage"
    if answer.end != "whole":
        return "broken"
    if isinstance(answer.error, dict) and answer.error.get("message"):
        # An error after a finish would be two endings.
        return "clean error" if answer.finish is None else "truncated"
    if answer.status >= 400:
        return "broken"
    same = " ".join(answer.text.split()) == " ".join(text.split())
    return "complete" if same and answer.finish == "stop" else "truncated"


Check = tuple[str, Callable[[Run], bool]]


@dataclass
class Scenario:
    """One row of the table."""

    id: str
    limit_s: float
    required: list[Check] = field(default_factory=list)
    advisory: list[Check] = field(default_factory=list)
    spare: str = "fb-ok"
    # What counts as rescued, and which verdicts will do.
    rescued: tuple[str, ...] = ("complete",)
    enough: tuple[str, ...] = ("pass",)
    # What the wall alone does, without a gateway: one kind for each request in a row.
    direct: tuple[str, ...] = ("clean error",)

    @property
    def model(self) -> str:
        return f"fb-{self.id.lower()}"

    def verdict(self, run: Run) -> tuple[str, str]:
        """Pass, partial, safe or fail, and why it is not more."""
        kind = run.kind
        missed = [name for name, check in self.required if not check(run)]
        if kind not in ("complete", "clean error"):
            missed.insert(0, kind)
        if not run.alive_after:
            missed.append("no healthy call after it")
        if missed:
            return "fail", "; ".join(missed)
        if kind not in self.rescued:
            return "safe", "a clean error"
        missed = [name for name, check in self.advisory if not check(run)]
        return ("partial", "; ".join(missed)) if missed else ("pass", "")


def primary_at_most(count: int) -> Check:
    return f"more than {count} attempts on the primary", lambda run: len(run.primary) <= count


def primary_exactly_one() -> Check:
    return "not exactly one attempt on the primary", lambda run: len(run.primary) == 1


def primary_again() -> Check:
    return "the primary was not tried again", lambda run: len(run.primary) >= 2


def usage_told() -> Check:
    return "no usage", lambda run: bool((run.answer.usage or {}).get("completion_tokens"))


def names_reason(run: Run) -> bool:
    """Whether the caller learns that it was the content filter."""
    code = str((run.answer.error or {}).get("code"))
    return code in ("content_policy_violation", "content_filter")


def names_spare(run: Run) -> bool:
    """Whether a whole answer names the model that gave it."""
    return run.kind != "complete" or str(run.answer.model).endswith("fb-ok")


def names_prefill(run: Run) -> bool:
    return "prefill" in str(run.answer.error).lower()


SCENARIOS = [
    Scenario(
        "S01",
        30,
        required=[("more than 2 attempts in 1.5 s", lambda run: run.early(1.5) <= 2)],
        advisory=[primary_again(), ("Retry-After not kept", lambda run: run.gap_s() >= 1.8)],
        direct=("clean error", "complete"),
    ),
    Scenario(
        "S02",
        40,
        required=[
            ("more than 4 attempts in 3 s", lambda run: run.early(3.0) <= 4),
            primary_at_most(6),
        ],
    ),
    Scenario("S03", 20, advisory=[primary_again()], direct=("clean error", "complete")),
    Scenario("S04", 40, required=[primary_at_most(6)]),
    Scenario("S05", 20, direct=("broken", "complete")),
    Scenario("S06", 100, advisory=[primary_exactly_one()], direct=("broken",)),
    Scenario(
        "S07",
        60,
        advisory=[
            ("took over 15 s", lambda run: run.answer.took_s <= 15.0),
            ("waited instead of failing over", lambda run: bool(run.spare)),
        ],
        direct=("complete",),
    ),
    Scenario("S08", 40, direct=("broken",)),
    Scenario("S09", 45, direct=("broken",)),
    Scenario(
        "S10",
        30,
        advisory=[("not in place", lambda run: len(run.primary) == 1 and not run.spare)],
        direct=("garbage",),
    ),
    Scenario(
        "S11",
        8,
        advisory=[
            usage_told(),
            ("not finished by [DONE]", lambda run: run.answer.done),
            ("not in place", lambda run: len(run.primary) == 1 and not run.spare),
        ],
        direct=("complete",),
    ),
    Scenario("S12", 30, required=[primary_exactly_one()]),
    Scenario(
        "S13",
        30,
        required=[primary_exactly_one()],
        advisory=[
            ("shopped around for another answer", lambda run: not run.spare),
            ("the filter's reason is lost", names_reason),
        ],
        rescued=("complete", "clean error"),
    ),
    Scenario(
        "S14",
        40,
        required=[("ended in the rejected prefill", lambda run: not names_prefill(run))],
        spare="fb-ok-noprefill",
        direct=("broken",),
    ),
    Scenario(
        "S15",
        30,
        required=[
            (
                f"not back on the primary {BACK_S_MAX:.0f} s after recovery",
                lambda run: run.back_s is not None and run.back_s <= BACK_S_MAX,
            ),
        ],
    ),
    Scenario(
        "S16",
        40,
        required=[
            primary_at_most(6),
            ("names another model", names_spare),
        ],
        advisory=[usage_told()],
    ),
]
