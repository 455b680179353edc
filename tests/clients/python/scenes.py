"""What every client is put through, in no client's words. A driver, which each client script has,
makes the client ask and tells in the same words what it was given.

Prints a line of JSON for each case; `run.py` reads them.
"""

import argparse
import concurrent.futures
import json
import pathlib
import sys
import time
import urllib.request
from dataclasses import dataclass, field

WALL_TEXT = (
    "Each morning the harbour wakes before the town does. Small boats leave in a line, gulls argue "
    "over scraps, and the old crane swings slowly above the quay. When the weather turns, a long "
    "stone wall takes the first blow of every wave, so that the boats behind it lie still and the "
    "people ashore can finish their day's work."
)
SYSTEM = "Be brief."
PROMPT = "Say something about the harbour."
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [("weather", "The weather of a city"), ("local_time", "The local time of a city")]
RESULTS = {"weather": "sunny-and-mild", "local_time": "half-past-nine"}
WORDS = len(WALL_TEXT.split())
TIMEOUT_S = 60


@dataclass
class Call:
    id: str
    name: str
    arguments: dict


@dataclass
class Said:
    """What one answer says."""

    text: str = ""
    # Of a refusal, where the client tells it from text.
    refusal: str = ""
    calls: list = field(default_factory=list)
    # stop, tools, length or filter; anything else as the client calls it.
    finish: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    # What the client wants to be given back as the assistant's turn.
    turn: object = None


@dataclass
class Ask:
    """One request."""

    model: str
    stream: bool = False
    tools: bool = False
    image: bool = False
    # The answer that called tools; their results go back with this request.
    after: Said | None = None


@dataclass
class Fault:
    """What an exception of a client says: rejected, not found, auth, rate, server or other."""

    kind: str
    code: str = ""
    retry_after: str | None = None


def kind_of(status):
    """The kind of a refusal by its status."""
    known = {400: "rejected", 413: "rejected", 401: "auth", 403: "auth", 404: "not found"}
    known |= {429: "rate", 500: "server", 502: "server", 503: "server", 504: "server"}
    return known.get(status, "server" if status and status > 500 else "other")


class Driver:
    """What a client script must tell; `name` and `rungs` beside it."""

    name = ""
    # The kind of provider that speaks the client's own dialect.
    own = ""
    # The other kind on which every scene is played.
    foreign = ""
    # Scenes that this client cannot play, and why.
    cannot = {}
    # What a wrong key may be called.
    auth_kinds = ("auth",)

    def ask(self, ask, said):
        """Asks, filling `said` as the answer comes."""
        raise NotImplementedError

    def fault(self, error):
        """A `Fault`, or None if the exception is not one of the client's own."""
        raise NotImplementedError


class NoSuchThing(Exception):
    """The product says by name that this cannot be had, which is right here."""


class Case:
    """A driver before a rung."""

    def __init__(self, driver, rung, make, wish):
        self.driver, self.rung, self.make, self.wish = driver, rung, make, wish
        self.prefix = "" if wish.direct else f"{rung}/"
        self.wall = dict(pair.split("=", 1) for pair in wish.rung)[rung]

    def model(self, scene):
        # What fails on purpose does so under a name of its own for each client, so that no breaker
        # that one has tripped stands in the way of another.
        own = "-" + "".join(c if c.isalnum() else "-" for c in self.driver.name)
        return f"{self.prefix}{scene}{own if scene.startswith('fb-s') else ''}"

    def answer(self, scene, **more):
        said = Said()
        self.driver.ask(Ask(self.model(scene), **more), said)
        return said

    def refused(self, act):
        """The fault with which an act ends; anything but the client's own exception fails."""
        try:
            act()
        except Exception as error:
            fault = self.driver.fault(error)
            if fault is None:
                raise
            return fault
        raise AssertionError("an error was expected, nothing was raised")

    def received(self, scene):
        """The last body that the wall got for a scene."""
        with urllib.request.urlopen(f"{self.wall}/control/log?bodies=1", timeout=10) as answer:
            attempts = json.load(answer)["attempts"]
        # The wall keeps the bodies of its last attempts only.
        kept = [a["received"]["body"] for a in attempts if a["model"] == scene and a.get("received")]
        found = [body for body in kept if body]
        assert found, f"the wall never saw {scene}"
        return json.loads(found[-1])


def even(text):
    return " ".join(text.split())


def whole(said):
    assert even(said.text) == WALL_TEXT, f"another text: {said.text[:200]!r}"


def counted(said, words=WORDS):
    assert said.output_tokens == words, f"{said.output_tokens} tokens of output, not {words}"
    assert 0 < said.input_tokens < 500, f"{said.input_tokens} tokens of input"


def paired(body):
    """The calls of a body and the results under their ids, whatever its dialect: name to result."""
    names, results = {}, {}

    def walk(value):
        if isinstance(value, list):
            for at in value:
                walk(at)
        if not isinstance(value, dict):
            return
        kind = value.get("type")
        if kind == "function" and "id" in value:
            names[value["id"]] = value["function"]["name"]
        elif kind == "function_call":
            names[value["call_id"]] = value["name"]
        elif kind == "tool_use":
            names[value["id"]] = value["name"]
        elif "functionResponse" in value:
            answer = value["functionResponse"]
            # Gemini pairs by name; ids are there only for some models.
            names[answer["name"]] = answer["name"]
            results[answer["name"]] = json.dumps(answer["response"])
        if value.get("role") == "tool":
            results[value["tool_call_id"]] = json.dumps(value["content"])
        elif kind == "function_call_output":
            results[value["call_id"]] = json.dumps(value["output"])
        elif kind == "tool_result":
            results[value["tool_use_id"]] = json.dumps(value["content"])
        for at in value.values():
            walk(at)

    walk(body)
    assert set(names) == set(results), f"calls {sorted(names)}, results {sorted(results)}"
    return {names[id]: result for id, result in results.items()}


# --- The scenes. ---


def text(case):
    said = case.answer("fb-ok")
    whole(said)
    assert said.finish == "stop", said.finish
    counted(said)
    assert SYSTEM in json.dumps(case.received("fb-ok")), "the system's turn never arrived"


def stream(case):
    said = case.answer("fb-ok", stream=True)
    whole(said)
    assert said.finish == "stop", said.finish
    counted(said)


def gathered(case):
    """The client's own gathering of a stream."""
    said = Said()
    case.driver.gather(case.model("fb-ok"), said)
    whole(said)


def round_trip(case, scene, count, streamed):
    said = case.answer(scene, stream=streamed, tools=True)
    assert len(said.calls) == count, f"{len(said.calls)} calls, not {count}"
    assert said.finish == "tools", said.finish
    expected = list(zip([name for name, _ in TOOLS], ["Lagos", "Oslo"]))[:count]
    got = [(call.name, call.arguments.get("city")) for call in said.calls]
    assert got == expected, got
    ids = [call.id for call in said.calls]
    assert all(ids) and len(set(ids)) == count or case.driver.own == "gemini", f"ids {ids}"
    again = case.answer(scene, stream=streamed, tools=True, after=said)
    whole(again)
    assert again.finish == "stop", again.finish
    results = paired(case.received(scene))
    assert len(results) == count, results
    for name, result in results.items():
        assert RESULTS[name] in result, f"{name} was given {result}"


def tools(case):
    round_trip(case, "fb-tools", 1, False)


def tools_streamed(case):
    round_trip(case, "fb-tools", 1, True)


def parallel(case):
    round_trip(case, "fb-parallel-tools", 2, False)


def parallel_streamed(case):
    round_trip(case, "fb-parallel-tools", 2, True)


def agent(case):
    """The client's own loop: it calls the functions and asks again."""
    called = []
    text = case.driver.agent(case.model("fb-parallel-tools"), called)
    assert even(text) == WALL_TEXT, f"another text: {text[:200]!r}"
    assert sorted(called) == [("local_time", "Oslo"), ("weather", "Lagos")], called


def structured(case):
    got = case.driver.structured(case.model("fb-ok-json"))
    assert set(got) == {"city"} and isinstance(got["city"], str), got


def image(case):
    said = case.answer("fb-ok-image", image=True)
    assert even(said.text) == "I see 1 image.", said.text


def too_long(case):
    fault = case.refused(lambda: case.answer("fb-s12"))
    assert fault.kind == "rejected", fault


def too_long_streamed(case):
    fault = case.refused(lambda: case.answer("fb-s12", stream=True))
    assert fault.kind == "rejected", fault


def torn(case, scene, words):
    """The part that came is a part of the text, and the end is an exception of the client."""
    said = Said()
    ask = Ask(case.model(scene), stream=True)
    case.refused(lambda: case.driver.ask(ask, said))
    assert WALL_TEXT.startswith(even(said.text)), f"another text: {said.text[:200]!r}"
    assert len(said.text.split()) >= words, f"only {said.text!r} came"


def cut(case):
    torn(case, "fb-s08", 10)


def error_mid(case):
    torn(case, "fb-error-mid", 5)


def error_first(case):
    torn(case, "fb-error-first", 0)


def overloaded(case):
    fault = case.refused(lambda: case.answer("fb-s04"))
    assert fault.kind == "server", fault


def rate_limited(case):
    fault = case.refused(lambda: case.answer("fb-s02"))
    assert fault.kind == "rate", fault
    if fault.retry_after is not None:
        assert 0 <= float(fault.retry_after) <= 60, fault


def once_busy(case):
    """One refusal that names a wait; whoever stands between waits and asks again."""
    whole(case.answer("fb-s03"))


def garbled(case):
    """One malformed event, which no client can bear: it is skipped."""
    whole(case.answer("fb-s10", stream=True))


def no_mark(case):
    """A stream without its closing mark: whole where the end was told before, else an error."""
    said = Said()
    try:
        case.driver.ask(Ask(case.model("fb-s11"), stream=True), said)
    except Exception as error:
        if case.driver.fault(error) is None:
            raise
        assert case.rung not in ("azure", "anthropic", "compatible"), error
        return
    whole(said)
    assert said.finish == "stop", said.finish


def told_as_filter(case, said):
    # Perplexity has no word for a refusal and answers in plain text.
    plain = case.rung == "perplexity" and "will not help" in said.text
    assert said.refusal or said.finish == "filter" or plain, f"{said.finish} {said.text[:100]!r}"


def refusal(case, streamed=False):
    said = Said()
    try:
        case.driver.ask(Ask(case.model("fb-refusal"), stream=streamed), said)
    except Exception as error:
        fault = case.driver.fault(error)
        if fault is None:
            raise
        assert fault.kind in ("rejected", "filter"), fault
        return
    assert WALL_TEXT[:20] not in said.text
    told_as_filter(case, said)


def refusal_streamed(case):
    refusal(case, True)


def filtered(case, streamed=False):
    said = Said()
    try:
        case.driver.ask(Ask(case.model("fb-filter-mid"), stream=streamed), said)
    except Exception as error:
        fault = case.driver.fault(error)
        if fault is None:
            raise
        assert fault.kind == "filter", fault
        return
    assert WALL_TEXT.startswith(even(said.text)) and said.text, said.text
    assert said.finish == "filter", said.finish


def filtered_streamed(case):
    filtered(case, True)


def policy(case):
    """The prompt itself is refused: an error, or an answer that is nothing but a refusal."""
    said = Said()
    try:
        case.driver.ask(Ask(case.model("fb-s13")), said)
    except Exception as error:
        fault = case.driver.fault(error)
        if fault is None:
            raise
        assert fault.kind in ("rejected", "filter"), fault
        return
    assert not said.text, said.text
    told_as_filter(case, said)


def length(case, streamed=False):
    said = case.answer("fb-length", stream=streamed)
    assert said.finish == "length", said.finish
    assert len(said.text.split()) == 12, said.text
    counted(said, 12)


def length_streamed(case):
    length(case, True)


def cached(case, streamed=False):
    said = case.answer("fb-cached", stream=streamed)
    whole(said)
    assert 1024 < said.input_tokens < 1524, f"{said.input_tokens} tokens of input"
    assert said.cached_tokens == 1024, f"{said.cached_tokens} cached tokens"


def cached_streamed(case):
    cached(case, True)


def thinking(case):
    whole(case.answer("fb-thinking"))
    whole(case.answer("fb-thinking", stream=True))


def citations(case):
    # Words that point to a citation may stand in the text of a dialect without a place for them.
    for streamed in (False, True):
        said = case.answer("fb-citations", stream=streamed)
        assert even(said.text).startswith(WALL_TEXT[:52]), said.text
        assert said.finish == "stop", said.finish


def may_be_missing(case, act):
    """Some providers have no such service; then the refusal says so, in the caller's words."""
    if case.rung not in ("anthropic", "perplexity"):
        return act()
    fault = case.refused(act)
    assert fault.kind == "rejected", fault
    raise NoSuchThing(f"no vectors of {case.rung}: {fault.code}")


def embeddings(case):
    vectors = may_be_missing(case, lambda: case.driver.embed(case.model("fb-ok")))
    assert len(vectors) == 2 and len(vectors[0]) > 7, f"{len(vectors)} vectors"
    assert vectors[0] != vectors[1]
    assert abs(sum(x * x for x in vectors[0]) - 1) < 1e-3, "the vector's length is not one"


def count_tokens(case):
    count = case.driver.count(case.model("fb-ok"))
    assert 0 < count < 100, count


def models(case):
    names = case.driver.models()
    assert names and all(isinstance(name, str) for name in names), names
    assert any("fb-ok" in name for name in names), names


def wrong_key(case):
    stranger = case.driver.stranger()
    fault = case.refused(lambda: stranger.ask(Ask(case.model("fb-ok")), Said()))
    assert fault.kind in case.driver.auth_kinds, fault


def unknown_model(case):
    fault = case.refused(lambda: case.driver.ask(Ask("no-such-model"), Said()))
    assert fault.kind == "not found", fault


def unknown_there(case):
    fault = case.refused(lambda: case.answer("no-such"))
    assert fault.kind == "not found", fault


def in_line(case):
    """Behind another stream, whose provider thinks, on a rung that takes one at a time: the client
    is told that it waits, in comments if it can read them, and then it is answered."""
    drivers = case.make(case.wish.line, case.wish.key)
    driver = next(driver for driver in drivers if driver.name == case.driver.name)
    model = case.model("fb-s34-line")
    heard = pathlib.Path(case.wish.heard)
    before = heard.stat().st_size
    answers = [Said(), Said()]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        asking = [pool.submit(driver.ask, Ask(model, stream=True), said) for said in answers]
        for asked in asking:
            asked.result()
    for said in answers:
        whole(said)
        assert said.finish == "stop", said.finish
    told = heard.read_bytes()[before:].decode()
    comments = [line for line in told.split("\n") if line.startswith(":")]
    if case.driver.own == "gemini":
        assert not comments, f"a client that cannot read them was sent {comments}"
        return
    assert any(line.startswith(": seawall waiting position=1") for line in comments), comments
    assert any(line.startswith(": seawall answers") for line in comments), comments


# Once for a client.
AT_HOME = [models, wrong_key, unknown_model, gathered]
# Where the gateway stands between; a client may have no way to come from elsewhere.
IN_LINE = [in_line]
# On every rung.
SHORT = [text, stream, tools, tools_streamed, parallel_streamed, structured, image, too_long]
SHORT += [cut, filtered_streamed, length_streamed, embeddings, count_tokens]
# On the rung of the client's own dialect and on another.
LONG = [parallel, agent, too_long_streamed, error_mid, error_first, overloaded, rate_limited]
LONG += [once_busy, garbled, no_mark, refusal, refusal_streamed, filtered, policy, length]
LONG += [cached, cached_streamed, thinking, citations, unknown_there]
# What the gateway must mend; before the wall itself there is nobody to do it.
MENDED = [once_busy, garbled, no_mark]
# What only some drivers have, and its method.
OPTIONAL = {"gathered": "gather", "agent": "agent", "embeddings": "embed", "count_tokens": "count"}
OPTIONAL |= {"models": "models", "structured": "structured"}


def scenes_of(driver, rung, wish):
    chosen = list(SHORT)
    if rung in (driver.own, driver.foreign) or wish.direct:
        chosen += LONG
    if rung == driver.own or wish.direct:
        chosen += AT_HOME
    if rung == driver.own and not wish.direct:
        chosen += IN_LINE
    for scene in chosen:
        name = scene.__name__
        asked = (not wish.scene or name in wish.scene) and not (wish.direct and scene in MENDED)
        if asked and name not in driver.cannot and hasattr(driver, OPTIONAL.get(name, "ask")):
            yield scene


def play(case, scene):
    """Plays a scene; gives its end and why."""
    try:
        scene(case)
    except NoSuchThing as reason:
        return "none", str(reason)
    except Exception as error:  # Whatever a case raises is its failure.
        return "failed", f"{type(error).__name__}: {error}"
    return "ok", ""


def play_rung(driver, rung, make, wish):
    """Everything on one rung; the rungs are played beside one another, each before its own wall."""
    case = Case(driver, rung, make, wish)
    for scene in scenes_of(driver, rung, wish):
        start = time.monotonic()
        end, why = play(case, scene)
        told = {"client": driver.name, "rung": rung, "scene": scene.__name__, "end": end}
        told |= {"why": why[:600], "took_s": round(time.monotonic() - start, 3)}
        # One write, so that no line is torn by another thread's.
        sys.stdout.write(json.dumps(told) + "\n")


def main(make):
    """Plays everything; `make(root, key)` gives the drivers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--rung", action="append", help="RUNG=WALL: a rung and the wall behind it")
    parser.add_argument("--direct", action="store_true", help="ROOT is the wall itself")
    parser.add_argument("--line", help="a gateway where callers stand in line")
    parser.add_argument("--heard", help="the file of what that gateway sends")
    parser.add_argument("--scene", action="append", default=[])
    wish = parser.parse_args()
    rungs = [pair.split("=")[0] for pair in wish.rung]
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(rungs)) as pool:
        for driver in make(wish.root, wish.key):
            chosen = [driver.own] if wish.direct else rungs
            plays = [pool.submit(play_rung, driver, rung, make, wish) for rung in chosen]
            for done in plays:
                done.result()
    sys.stdout.flush()
