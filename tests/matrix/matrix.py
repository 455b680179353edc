"""Every dialect of callers onto every kind of provider: text, tools, parallel tools, images,
structured output and errors, plain and streamed, on the running binary, with the wall behind it.

Prints a table. A cell is `ok`, `-` where there is no such thing (the reason stands below the
table), or `FAILED`.
"""

import argparse
import json
import sys
import urllib.parse

import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from callers import CALLERS, Ask  # noqa: E402
from stage import Stage, fetch  # noqa: E402

WALL_TEXT = (
    "Each morning the harbour wakes before the town does. Small boats leave in a line, gulls argue "
    "over scraps, and the old crane swings slowly above the quay. When the weather turns, a long "
    "stone wall takes the first blow of every wave, so that the boats behind it lie still and the "
    "people ashore can finish their day's work."
)
RESERVE = "reserve/smollm2-135m"

CONFIG = """
[providers.openai]
kind = "openai"
base_url = "{wall}/v1"
api_keys = ["env:MATRIX_KEY"]

[providers.azure]
kind = "azure"
base_url = "{wall}"
api_version = "2025-04-01-preview"
api_keys = ["env:MATRIX_KEY"]

[providers.anthropic]
kind = "anthropic"
base_url = "{wall}"
api_keys = ["env:MATRIX_KEY"]

[providers.gemini]
kind = "gemini"
base_url = "{wall}"
api_keys = ["env:MATRIX_KEY"]

[providers.perplexity]
kind = "perplexity"
base_url = "{wall}"
api_keys = ["env:MATRIX_KEY"]

[providers.compatible]
kind = "compatible"
base_url = "{wall}/v1"
api_keys = ["env:MATRIX_KEY"]

[models.any]
ladder = ["openai/fb-ok", "reserve/smollm2-135m"]
"""

PROVIDERS = ["openai", "azure", "anthropic", "gemini", "perplexity", "compatible", "reserve"]
SCENES = ["text", "tools", "parallel", "image", "structured", "error"]
ERROR_WORDS = {
    "openai-chat": {"context_length_exceeded"},
    "openai-responses": {"context_length_exceeded"},
    "anthropic": {"invalid_request_error", "request_too_large"},
    "gemini": {"INVALID_ARGUMENT"},
}


def even(text):
    return " ".join(text.split())


class Matrix:
    def __init__(self, stage):
        self.wall = stage.wall()
        toml = CONFIG.format(wall=self.wall.root)
        self.gateway = stage.gateway("matrix", toml, {"MATRIX_KEY": "wall-key"})
        self.reasons = []

    def ask(self, caller, ask):
        path, headers, body = caller.request(ask)
        data = json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": "Bearer any", **headers}
        url = self.gateway.root + urllib.parse.quote(path, safe="/:?=*")
        status, answer_headers, text = fetch(url, data, headers, timeout=120)
        return status, answer_headers, text

    def answer(self, caller, ask):
        """What the answer says; a refusal is an assertion."""
        status, headers, text = self.ask(caller, ask)
        assert status == 200, f"{status} {text[:300]} ({headers.get('seawall-why')})"
        if ask.stream:
            said = caller.read_stream(text)
        else:
            said = caller.read_whole(json.loads(text))
        assert not said.error, f"an error in the answer: {said.error}"
        assert not said.faults, "; ".join(said.faults[:3])
        return said

    def received(self, model):
        """The last body that the wall got for this model."""
        log = json.loads(fetch(f"{self.wall.root}/control/log?bodies=1")[2])
        kept = [a["received"] for a in log["attempts"] if a["model"] == model and a.get("received")]
        return kept[-1]["body"] if kept else ""

    def text(self, caller, provider, stream):
        if provider == "reserve":
            said = self.answer(caller, Ask(RESERVE, "What is the capital of France?", stream))
            assert said.text.strip() and said.output_tokens > 0
            return
        said = self.answer(caller, Ask(f"{provider}/fb-ok", stream=stream))
        assert even(said.text) == even(WALL_TEXT), f"another text: {said.text[:120]}"
        assert said.finish == caller.finishes["stop"], said.finish
        assert said.input_tokens > 0 and said.output_tokens > 0, "no usage"
        got = self.received("fb-ok")
        assert "Be brief." in got, "the system's turn never arrived"

    def calls(self, caller, provider, stream, scene, count):
        ask = Ask(f"{provider}/{scene}", stream=stream, tools=True)
        said = self.answer(caller, ask)
        assert len(said.calls) == count, f"{len(said.calls)} calls"
        assert said.finish == caller.finishes["tools"], said.finish
        assert all(call.arguments.get("city") for call in said.calls), said.calls
        assert all(call.id for call in said.calls) or caller.name == "gemini", "a call without id"
        assert len({call.id for call in said.calls if call.id}) in (0, count), "an id twice"
        # The second turn: the results go back under the ids that came.
        results = [(call, f"result-{at}-of-{call.name}") for at, call in enumerate(said.calls)]
        again = self.answer(caller, Ask(ask.model, stream=stream, tools=True, results=results))
        assert even(again.text) == even(WALL_TEXT), f"another text: {again.text[:120]}"
        got = self.received(scene)
        for _, result in results:
            assert result in got, f"{result} never arrived"

    def tools(self, caller, provider, stream):
        self.calls(caller, provider, stream, "fb-tools", 1)

    def parallel(self, caller, provider, stream):
        self.calls(caller, provider, stream, "fb-parallel-tools", 2)

    def image(self, caller, provider, stream):
        said = self.answer(caller, Ask(f"{provider}/fb-ok-image", stream=stream, image=True))
        assert even(said.text) == "I see 1 image.", said.text

    def structured(self, caller, provider, stream):
        said = self.answer(caller, Ask(f"{provider}/fb-ok-json", stream=stream, structured=True))
        assert set(json.loads(said.text)) == {"city"}, said.text

    def error(self, caller, provider, stream):
        model = "reserve/no-such" if provider == "reserve" else f"{provider}/fb-s12"
        status, headers, text = self.ask(caller, Ask(model, stream=stream))
        word = caller.error_of(status, json.loads(text))
        if provider == "reserve":
            assert 400 <= status < 500, f"{status} {text[:200]}"
            return
        assert status == 400, f"{status} {text[:300]} ({headers.get('seawall-why')})"
        assert word in ERROR_WORDS[caller.name], word

    def refused(self, caller, ask, provider):
        """A cell that cannot be served must be refused by name, and never served in part."""
        status, _, text = self.ask(caller, ask)
        assert status == 400, f"{status} {text[:200]}"
        caller.error_of(status, json.loads(text))
        self.reasons.append(f"{provider}: {reason_in(text)}")
        return "-"

    def cell(self, caller, provider, stream, scene):
        if provider == "reserve" and scene in ("tools", "parallel", "image", "structured"):
            needs = {"image": {"image": True}, "structured": {"structured": True}}
            more = needs.get(scene, {"tools": True})
            return self.refused(caller, Ask(RESERVE, stream=stream, **more), provider)
        getattr(self, scene)(caller, provider, stream)
        return "ok"


def reason_in(text):
    error = json.loads(text).get("error", {})
    return error.get("message", text)[:160]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seawall", required=True)
    arguments = parser.parse_args()
    passed = failed = 0
    failures = []
    with Stage(arguments.seawall) as stage:
        matrix = Matrix(stage)
        print(f"{'caller':<17}{'provider':<12}{'form':<8}" + "".join(f"{s:<12}" for s in SCENES))
        for caller in CALLERS:
            for provider in PROVIDERS:
                for stream in (False, True):
                    row = []
                    for scene in SCENES:
                        try:
                            row.append(matrix.cell(caller, provider, stream, scene))
                            passed += 1
                        except Exception as error:  # Whatever a cell raises is its failure.
                            row.append("FAILED")
                            failed += 1
                            form = "stream" if stream else "plain"
                            where = f"{caller.name} {provider} {form} {scene}"
                            failures.append(f"{where}: {type(error).__name__}: {error}")
                    form = "stream" if stream else "plain"
                    cells = "".join(f"{cell:<12}" for cell in row)
                    print(f"{caller.name:<17}{provider:<12}{form:<8}{cells}", flush=True)
        for reason in sorted(set(matrix.reasons)):
            print(f"- {reason}")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
