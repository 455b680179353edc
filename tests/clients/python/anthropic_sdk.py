"""Anthropic's Python SDK: messages, its beta client, the counting of tokens and the models."""

import anthropic
import pydantic

import scenes
from scenes import Call, Fault


class City(pydantic.BaseModel):
    city: str


class Messages(scenes.Driver):
    own, foreign = "anthropic", "openai"
    finishes = {"end_turn": "stop", "tool_use": "tools", "max_tokens": "length"}
    finishes |= {"refusal": "filter"}

    def __init__(self, root, key):
        self.root = root
        self.name = f"anthropic-python {anthropic.__version__}"
        self.api = anthropic.Anthropic(
            base_url=root, api_key=key, max_retries=0, timeout=scenes.TIMEOUT_S
        )

    def stranger(self):
        return type(self)(self.root, "sk-stranger")

    def fault(self, error):
        if isinstance(error, anthropic.APIStatusError):
            # A fault in mid-stream has the status of the stream, and its kind in the body.
            kind = scenes.kind_of(error.status_code)
            body = error.body if isinstance(error.body, dict) else {}
            code = str(body.get("error", {}).get("type", ""))
            return Fault(kind, code, error.response.headers.get("retry-after"))
        if isinstance(error, anthropic.APIError):
            return Fault("other", type(error).__name__)
        if type(error).__module__.startswith("httpx"):
            return Fault("other", type(error).__name__)
        return None

    def wish(self, ask):
        content = scenes.PROMPT
        if ask.image:
            source = {"type": "base64", "media_type": "image/png", "data": scenes.PIXEL}
            text = {"type": "text", "text": scenes.PROMPT}
            content = [text, {"type": "image", "source": source}]
        messages = [{"role": "user", "content": content}]
        if ask.after:
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": scenes.RESULTS[call.name]}
                for call in ask.after.calls
            ]
            messages.append({"role": "assistant", "content": ask.after.turn})
            messages.append({"role": "user", "content": results})
        wish = {"model": ask.model, "max_tokens": 500, "messages": messages}
        wish["system"] = scenes.SYSTEM
        if ask.tools:
            wish["tools"] = [
                {"name": name, "description": what, "input_schema": scenes.CITY}
                for name, what in scenes.TOOLS
            ]
        return wish

    def read(self, message, said):
        said.text = "".join(block.text for block in message.content if block.type == "text")
        for block in message.content:
            if block.type == "tool_use":
                said.calls.append(Call(block.id, block.name, block.input))
        said.finish = self.finishes.get(message.stop_reason, message.stop_reason)
        said.turn = message.content
        usage = message.usage
        said.cached_tokens = usage.cache_read_input_tokens or 0
        # Anthropic counts what a cache gave apart.
        made = usage.cache_creation_input_tokens or 0
        said.input_tokens = usage.input_tokens + said.cached_tokens + made
        said.output_tokens = usage.output_tokens

    def ask(self, ask, said):
        wish = self.wish(ask)
        if not ask.stream:
            answer = self.api.messages.create(**wish)
            assert answer._request_id, "no request-id"
            return self.read(answer, said)
        with self.api.messages.stream(**wish) as stream:
            for event in stream:
                if event.type == "text":
                    said.text += event.text
            final = stream.get_final_message()
        # The helper ends without a word where a stream does.
        if final.stop_reason is None:
            raise AssertionError(f"ended cleanly without a reason, after {said.text[-40:]!r}")
        streamed = said.text
        self.read(final, said)
        assert streamed == said.text, f"streamed {streamed!r}, at the end {said.text!r}"
        return None

    def gather(self, model, said):
        """The beta client, whose path has `?beta=true`, and raw events."""
        wish = {"model": model, "max_tokens": 500, "stream": True, "betas": ["context-1m-2025-08-07"]}
        messages = [{"role": "user", "content": scenes.PROMPT}]
        kinds = []
        for event in self.api.beta.messages.create(messages=messages, **wish):
            kinds.append(event.type)
            if event.type == "content_block_delta":
                said.text += event.delta.text
        kinds = [kind for kind in kinds if kind not in ("ping", "content_block_delta")]
        assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
        assert kinds[1:-2] == ["content_block_start", "content_block_stop"], kinds

    def structured(self, model):
        messages = [{"role": "user", "content": scenes.PROMPT}]
        answer = self.api.messages.parse(
            model=model, max_tokens=500, messages=messages, output_format=City
        )
        return answer.parsed_output.model_dump()

    def count(self, model):
        messages = [{"role": "user", "content": scenes.PROMPT}]
        return self.api.messages.count_tokens(model=model, messages=messages).input_tokens

    def models(self):
        return [model.id for model in self.api.models.list()]


if __name__ == "__main__":
    scenes.main(lambda root, key: [Messages(root, key)])
