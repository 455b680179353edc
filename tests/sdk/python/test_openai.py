"""OpenAI's official Python SDK against the release binary: on the wall and on the reserve model."""

import argparse
import hashlib
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

import openai  # noqa: E402
from stage import Runner, Stage, wall_log  # noqa: E402

KEY = "sk-caller-of-the-sdk-test"
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
RESERVE = "reserve/smollm2-135m"

CONFIG = """
[providers.wall]
kind = "compatible"
base_url = "{wall}/v1"
api_keys = ["env:WALL_KEY"]

[models."fb-*"]
ladder = ["wall/*"]

[models.assistant]
ladder = ["{assistant}"]

[reserve]
enabled = {reserve}
"""


def client(server, key=KEY, retries=0):
    return openai.OpenAI(
        base_url=f"{server.root}/v1", api_key=key, max_retries=retries, timeout=90
    )


def raises(kind, act):
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected, nothing was raised")


def text_of(stream):
    """The text, the finish reason, and the usages that a stream carries."""
    text, finish, usages = "", None, []
    for chunk in stream:
        if chunk.usage:
            usages.append(chunk.usage)
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return text, finish, usages


class Wall:
    def __init__(self, gateway, wall, locked):
        self.gateway, self.wall, self.locked = gateway, wall, locked
        self.api = client(gateway)

    def ask(self, model, **more):
        return self.api.chat.completions.create(
            model=model, messages=more.pop("messages", HELLO), **more
        )

    def chat(self):
        answer = self.ask("fb-ok")
        choice = answer.choices[0]
        assert len(choice.message.content.split()) == 60, choice.message.content
        assert choice.finish_reason == "stop" and choice.message.role == "assistant"
        assert answer.usage.completion_tokens == 60

    def stream(self):
        text, finish, usages = text_of(self.ask("fb-ok", stream=True))
        assert len(text.split()) == 60 and finish == "stop"
        assert usages == [], "usage that nobody asked for"

    def include_usage(self):
        stream = self.ask("fb-ok", stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 60
        assert sum(bool(chunk.usage) for chunk in chunks) == 1

    def same_id(self):
        ids = {chunk.id for chunk in self.ask("fb-ok", stream=True)}
        assert len(ids) == 1, ids

    def tools(self):
        answer = self.ask("fb-ok-tools", tools=[WEATHER])
        call = answer.choices[0].message.tool_calls[0]
        assert answer.choices[0].finish_reason == "tool_calls"
        assert call.function.name == "weather"
        assert json.loads(call.function.arguments) == {"city": "Lagos"}
        turns = [
            *HELLO,
            answer.choices[0].message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ]
        again = self.ask("fb-ok-tools", tools=[WEATHER], messages=turns)
        assert len(again.choices[0].message.content.split()) == 60

    def tools_streamed(self):
        name, arguments, finish = "", "", None
        for chunk in self.ask("fb-ok-tools", tools=[WEATHER], stream=True):
            for choice in chunk.choices:
                finish = choice.finish_reason or finish
                for call in choice.delta.tool_calls or []:
                    name += call.function.name or ""
                    arguments += call.function.arguments or ""
        assert (name, json.loads(arguments), finish) == ("weather", {"city": "Lagos"}, "tool_calls")

    def json_schema(self):
        properties = {"city": {"type": "string"}, "degrees": {"type": "number"}}
        schema = {"type": "object", "properties": properties, "required": ["city", "degrees"]}
        wanted = {"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}}
        answer = json.loads(
            self.ask("fb-ok-json", response_format=wanted).choices[0].message.content
        )
        assert isinstance(answer["city"], str) and isinstance(answer["degrees"], (int, float))

    def images(self):
        image = {"type": "image_url", "image_url": {"url": PIXEL}}
        turn = {"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}
        answer = self.ask("fb-ok-image", messages=[turn])
        assert "1 image" in answer.choices[0].message.content

    def unknown_fields(self):
        strange = {"x_shop": {"n": 1.5, "deep": [None, True, "ü"]}}
        answer = self.ask("fb-ok-echo", temperature=0.25, extra_body=strange)
        seen = json.loads(answer.choices[0].message.content)
        assert seen["x_shop"] == strange["x_shop"] and seen["temperature"] == 0.25
        assert seen["model"] == "fb-ok-echo" and seen["messages"] == HELLO

    def models(self):
        ids = [model.id for model in self.api.models.list()]
        assert "assistant" in ids, ids
        assert self.api.models.retrieve("assistant").id == "assistant"

    def headers(self):
        raw = self.api.chat.completions.with_raw_response.create(model="fb-ok", messages=HELLO)
        assert raw.headers["seawall-served-by"] == "wall/fb-ok"
        assert raw.headers["seawall-attempts"] == "1"
        assert raw.headers["seawall-request-id"] and raw.headers["seawall-why"]
        assert raw.parse().choices

    def unknown_model(self):
        error = raises(openai.NotFoundError, lambda: self.ask("no-such-model"))
        assert error.code == "model_not_found", error.body

    def wrong_key(self):
        act = client(self.locked, key="sk-wrong").chat.completions.create
        error = raises(openai.AuthenticationError, lambda: act(model="fb-ok", messages=HELLO))
        assert error.status_code == 401 and "sk-wrong" not in str(error)

    def right_key(self):
        answer = client(self.locked).chat.completions.create(model="fb-ok", messages=HELLO)
        assert answer.choices

    def rate_limit(self):
        """Retries are the caller's: told when, and told by the SDK how often it has tried."""
        model = "fb-s02-sdk-python"
        error = raises(openai.RateLimitError, lambda: self.ask(model))
        wait_s = int(error.response.headers["retry-after"])
        assert 1 <= wait_s <= 60, wait_s
        start = time.monotonic()
        retrying = client(self.gateway, retries=1).chat.completions.create
        error = raises(openai.RateLimitError, lambda: retrying(model=model, messages=HELLO))
        took_s = time.monotonic() - start
        tries = error.response.request.headers["x-stainless-retry-count"]
        if error.response.headers.get("x-should-retry") == "false":
            assert tries == "0", tries
        else:
            assert tries == "1" and took_s >= 1, (tries, took_s)

    def retried_for_us(self):
        answer = self.ask("fb-s01-sdk-python")
        assert len(answer.choices[0].message.content.split()) == 60
        assert len(wall_log(self.wall, "fb-s01-sdk-python")) == 2

    def hang_up(self):
        model = "fb-ok-slow"
        stream = self.ask(model, stream=True)
        for _, _ in zip(range(3), stream):
            pass
        stream.close()
        closed = time.monotonic()
        while not any(attempt["hung_up"] for attempt in wall_log(self.wall, model)):
            assert time.monotonic() - closed < 1, "the provider's call went on"
            time.sleep(0.02)

    def taken_over(self):
        chunks = list(self.ask("fb-s08", stream=True))
        told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert len(told.split()) == 60, told
        finishes = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
        assert finishes[-1] == "stop" and finishes.count(None) == len(finishes) - 1, finishes

    def cut_stream(self):
        # Half a tool call is nothing that anybody could go on with.
        seen = []

        def read():
            for chunk in self.ask("fb-s25", tools=[WEATHER], stream=True):
                seen.append(chunk)

        raises(openai.APIError, read)
        assert len(seen) >= 2, "the part before the cut is the caller's"

    def provider_fault(self):
        error = raises(openai.BadRequestError, lambda: self.ask("fb-s12"))
        assert error.code == "context_length_exceeded", error.body

    CASES = {
        "chat": chat,
        "stream": stream,
        "stream with usage": include_usage,
        "one id for a whole stream": same_id,
        "tools": tools,
        "tools, streamed": tools_streamed,
        "JSON schema": json_schema,
        "images": images,
        "unknown fields pass": unknown_fields,
        "models": models,
        "headers": headers,
        "unknown model": unknown_model,
        "wrong key": wrong_key,
        "right key": right_key,
        "429 with Retry-After": rate_limit,
        "429 once is retried by the gateway": retried_for_us,
        "hang-up in mid-stream": hang_up,
        "a cut stream is taken over": taken_over,
        "a cut stream that nobody goes on with raises": cut_stream,
        "a provider's own refusal": provider_fault,
    }


class Reserve:
    def __init__(self, gateway):
        self.api = client(gateway)

    def ask(self, text="What is the capital of France?", **more):
        turns = [{"role": "user", "content": text}]
        return self.api.chat.completions.create(
            model=more.pop("model", "assistant"), messages=turns, **more
        )

    def chat(self):
        answer = self.ask(temperature=0)
        assert answer.choices[0].message.content.strip()
        assert "smollm2" in answer.model, answer.model
        assert answer.usage.prompt_tokens > 5 and answer.usage.completion_tokens > 0

    def by_its_own_name(self):
        assert self.ask(model=RESERVE, max_tokens=4).choices[0].message.content

    def marked(self):
        raw = self.api.chat.completions.with_raw_response.create(
            model="assistant", messages=HELLO, max_tokens=4
        )
        assert raw.headers["seawall-served-by"] == RESERVE

    def stream(self):
        more = {"stream": True, "stream_options": {"include_usage": True}, "max_tokens": 24}
        text, finish, usages = text_of(self.ask("Count from one to five.", **more))
        assert text.strip() and finish in ("stop", "length")
        assert len(usages) == 1 and 0 < usages[0].completion_tokens <= 24
        _, _, usages = text_of(self.ask(stream=True, max_tokens=4))
        assert usages == [], "usage that nobody asked for"

    def stop_string(self):
        answer = self.ask("Tell me about the sea.", stop=["."], max_tokens=200, temperature=0)
        assert "." not in answer.choices[0].message.content
        assert answer.choices[0].finish_reason == "stop"

    def length(self):
        answer = self.ask("Tell me a long story about the sea.", max_tokens=5)
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage.completion_tokens == 5

    def too_long(self):
        error = raises(openai.BadRequestError, lambda: self.ask("harbour wave gull " * 3000))
        assert error.code == "context_length_exceeded", error.body

    def refuses_tools(self):
        error = raises(openai.BadRequestError, lambda: self.ask(tools=[WEATHER]))
        assert "tool" in str(error), str(error)

    def refuses_other_scripts(self):
        raises(openai.BadRequestError, lambda: self.ask("请用两句话介绍一下北京的历史和文化。"))

    def hang_up(self):
        story = {"temperature": 0, "max_tokens": 200}
        start = time.monotonic()
        full = self.ask("Tell me a long story about the sea.", **story)
        full_s = time.monotonic() - start
        if full.usage.completion_tokens < 100:
            raise AssertionError("the story is too short to tell anything by")
        stream = self.ask("Tell me a long story about the sea.", stream=True, **story)
        for _, _ in zip(range(3), stream):
            pass
        stream.close()
        start = time.monotonic()
        self.ask(max_tokens=1)
        took_s = time.monotonic() - start
        assert took_s < full_s * 0.7, f"the next answer waited {took_s:.1f} of {full_s:.1f} s"

    CASES = {
        "reserve: chat": chat,
        "reserve: by its own name": by_its_own_name,
        "reserve: answers are marked": marked,
        "reserve: stream": stream,
        "reserve: stop string": stop_string,
        "reserve: max_tokens": length,
        "reserve: context too long": too_long,
        "reserve: tools are refused": refuses_tools,
        "reserve: other scripts are refused": refuses_other_scripts,
        "reserve: hang-up frees it": hang_up,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seawall", required=True, help="the binary under test")
    parser.add_argument("--without-reserve", action="store_true", help="the wall's cases only")
    wish = parser.parse_args()
    print(f"openai {openai.__version__}", flush=True)
    runner = Runner()
    with Stage(wish.seawall) as stage:
        wall = stage.wall()
        key = {"WALL_KEY": "sk-provider-of-the-sdk-test"}
        plain = CONFIG.format(wall=wall.root, assistant="wall/fb-ok", reserve="false")
        full = CONFIG.format(wall=wall.root, assistant=RESERVE, reserve="true")
        gateway = stage.gateway("gateway", plain if wish.without_reserve else full, key)
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        auth = f'[auth]\nkeys = [{{ name = "shop", hash = "sha256:{digest}" }}]\n'
        on_wall = Wall(gateway, wall, stage.gateway("locked", plain + auth, key))
        for name, check in Wall.CASES.items():
            runner.case(name, check, on_wall)
        if not wish.without_reserve:
            on_reserve = Reserve(gateway)
            for name, check in Reserve.CASES.items():
                runner.case(name, check, on_reserve)
        if runner.failed:
            print(gateway.log()[-4000:])
    return runner.close()


if __name__ == "__main__":
    sys.exit(main())
