"""OpenAI's Python SDK: chat completions, responses, and Azure's chat completions."""

import json

import openai
import pydantic

import scenes
from scenes import Call, Fault


class City(pydantic.BaseModel):
    city: str


class Driver(scenes.Driver):
    def __init__(self, root, key):
        self.root, self.key = root, key
        self.api = self.client(key)

    def client(self, key):
        return openai.OpenAI(
            base_url=f"{self.root}/v1", api_key=key, max_retries=0, timeout=scenes.TIMEOUT_S
        )

    def stranger(self):
        return type(self)(self.root, "sk-stranger")

    def fault(self, error):
        if isinstance(error, openai.ContentFilterFinishReasonError):
            return Fault("filter")
        if isinstance(error, openai.APIStatusError):
            kind = scenes.kind_of(error.status_code)
            wait = error.response.headers.get("retry-after")
            return Fault(kind, str(error.code or error.body), wait)
        if isinstance(error, openai.APIError):
            return Fault("other", str(error.code))
        # A connection that was cut while a stream was read.
        if type(error).__module__.startswith("httpx"):
            return Fault("other", type(error).__name__)
        return None

    def models(self):
        names = [model.id for model in self.api.models.list()]
        assert self.api.models.retrieve(names[0]).id == names[0]
        return names

    def embed(self, model):
        # The SDK asks for base64 unasked; the second question asks for numbers.
        texts = ["the harbour", "the town"]
        answer = self.api.embeddings.create(model=model, input=texts)
        plain = self.api.embeddings.create(model=model, input=texts, encoding_format="float")
        for at, other in zip(answer.data, plain.data):
            far = max(abs(a - b) for a, b in zip(at.embedding, other.embedding))
            assert far < 1e-6, "base64 and numbers differ"
        assert answer.usage.prompt_tokens == answer.usage.total_tokens
        return [data.embedding for data in answer.data]


class Chat(Driver):
    own, foreign = "openai", "anthropic"
    finishes = {"tool_calls": "tools", "content_filter": "filter"}

    def __init__(self, root, key):
        super().__init__(root, key)
        self.name = f"openai-python {openai.__version__} chat"

    def messages(self, ask):
        content = scenes.PROMPT
        if ask.image:
            url = f"data:image/png;base64,{scenes.PIXEL}"
            image = {"type": "image_url", "image_url": {"url": url}}
            content = [{"type": "text", "text": scenes.PROMPT}, image]
        messages = [
            {"role": "system", "content": scenes.SYSTEM},
            {"role": "user", "content": content},
        ]
        if ask.after:
            messages.append(ask.after.turn)
            for call in ask.after.calls:
                result = scenes.RESULTS[call.name]
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        return messages

    def more(self, ask):
        if not ask.tools:
            return {}
        functions = [
            {"name": name, "description": what, "parameters": scenes.CITY}
            for name, what in scenes.TOOLS
        ]
        return {"tools": [{"type": "function", "function": function} for function in functions]}

    def count_up(self, usage, said):
        said.input_tokens, said.output_tokens = usage.prompt_tokens, usage.completion_tokens
        if usage.prompt_tokens_details:
            said.cached_tokens = usage.prompt_tokens_details.cached_tokens or 0

    def read(self, answer, said):
        choice = answer.choices[0]
        message = choice.message
        assert answer.id and answer.model and answer.created, answer
        said.text, said.refusal = message.content or "", message.refusal or ""
        said.finish = self.finishes.get(choice.finish_reason, choice.finish_reason)
        for call in message.tool_calls or []:
            arguments = json.loads(call.function.arguments)
            said.calls.append(Call(call.id, call.function.name, arguments))
        said.turn = message.model_dump(exclude_none=True)
        self.count_up(answer.usage, said)

    def ask(self, ask, said):
        create = self.api.chat.completions.create
        wish = {"model": ask.model, "messages": self.messages(ask), **self.more(ask)}
        if not ask.stream:
            return self.read(create(**wish), said)
        calls, ids = {}, set()
        for chunk in create(**wish, stream=True, stream_options={"include_usage": True}):
            if chunk.usage:
                self.count_up(chunk.usage, said)
            if chunk.id:
                ids.add(chunk.id)
            for choice in chunk.choices:
                said.text += choice.delta.content or ""
                said.refusal += getattr(choice.delta, "refusal", None) or ""
                finish = choice.finish_reason
                said.finish = self.finishes.get(finish, finish) or said.finish
                for piece in choice.delta.tool_calls or []:
                    call = calls.setdefault(piece.index, {"id": "", "name": "", "arguments": ""})
                    call["id"] += piece.id or ""
                    call["name"] += piece.function.name or ""
                    call["arguments"] += piece.function.arguments or ""
        assert len(ids) == 1, f"the id changes: {ids}"
        turn = []
        for call in calls.values():
            given = json.loads(call["arguments"])
            said.calls.append(Call(call["id"], call["name"], given))
            function = {"name": call["name"], "arguments": call["arguments"]}
            turn.append({"id": call["id"], "type": "function", "function": function})
        said.turn = {"role": "assistant", "content": said.text or None, "tool_calls": turn}
        return None

    def gather(self, model, said):
        # Nothing asks for usage here, so none may come.
        messages = [{"role": "user", "content": scenes.PROMPT}]
        with self.api.chat.completions.stream(model=model, messages=messages) as stream:
            final = stream.get_final_completion()
        said.text = final.choices[0].message.content
        assert final.usage is None, "usage that nobody asked for"

    def structured(self, model):
        answer = self.api.chat.completions.parse(
            model=model,
            messages=[{"role": "user", "content": scenes.PROMPT}],
            response_format=City,
        )
        return answer.choices[0].message.parsed.model_dump()


class Azure(Chat):
    own, foreign = "azure", "gemini"
    # Azure's client lists models of the resource; the gateway's are asked for elsewhere.
    cannot = {"models": "Azure's own path", "gathered": "as the chat client"}

    def __init__(self, root, key):
        super().__init__(root, key)
        self.name = f"openai-python {openai.__version__} azure"

    def client(self, key):
        return openai.AzureOpenAI(
            azure_endpoint=self.root,
            api_version="2025-04-01-preview",
            api_key=key,
            max_retries=0,
            timeout=scenes.TIMEOUT_S,
        )


class Responses(Driver):
    own, foreign = "openai", "gemini"
    cannot = {"embeddings": "as the chat client", "models": "as the chat client"}
    cannot |= {"wrong_key": "as the chat client"}

    def __init__(self, root, key):
        super().__init__(root, key)
        self.name = f"openai-python {openai.__version__} responses"

    def wish(self, ask):
        content = [{"type": "input_text", "text": scenes.PROMPT}]
        if ask.image:
            url = f"data:image/png;base64,{scenes.PIXEL}"
            content.append({"type": "input_image", "image_url": url, "detail": "auto"})
        items = [{"role": "user", "content": content}]
        if ask.after:
            items += ask.after.turn
            for call in ask.after.calls:
                result = scenes.RESULTS[call.name]
                output = {"type": "function_call_output", "call_id": call.id, "output": result}
                items.append(output)
        wish = {"model": ask.model, "input": items, "instructions": scenes.SYSTEM, "store": False}
        if ask.tools:
            wish["tools"] = [
                {"type": "function", "name": name, "description": what, "strict": True}
                | {"parameters": scenes.CITY}
                for name, what in scenes.TOOLS
            ]
        return wish

    def read(self, answer, said):
        said.text = answer.output_text
        for item in answer.output:
            if item.type == "function_call":
                said.calls.append(Call(item.call_id, item.name, json.loads(item.arguments)))
            elif item.type == "message":
                refusals = [part.refusal for part in item.content if part.type == "refusal"]
                said.refusal += "".join(refusals)
        said.finish = {"completed": "stop"}.get(answer.status, answer.status)
        if answer.incomplete_details:
            reason = answer.incomplete_details.reason
            said.finish = {"max_output_tokens": "length", "content_filter": "filter"}[reason]
        elif said.calls:
            said.finish = "tools"
        said.turn = [item.model_dump(exclude_none=True) for item in answer.output]
        usage = answer.usage
        said.input_tokens, said.output_tokens = usage.input_tokens, usage.output_tokens
        said.cached_tokens = usage.input_tokens_details.cached_tokens

    def ask(self, ask, said):
        wish = self.wish(ask)
        if not ask.stream:
            return self.read(self.api.responses.create(**wish), said)
        # The helper dies of an event out of order, and of a missing last one.
        with self.api.responses.stream(**wish) as stream:
            numbers = []
            for event in stream:
                numbers.append(event.sequence_number)
                if event.type == "response.output_text.delta":
                    said.text += event.delta
                elif event.type == "error":
                    raise openai.APIError(event.message, None, body=None)
                elif event.type == "response.failed":
                    raise openai.APIError(str(event.response.error), None, body=None)
                elif event.type == "response.incomplete":
                    final = event.response
                elif event.type == "response.completed":
                    final = event.response
        assert numbers == sorted(set(numbers)), f"sequence numbers {numbers}"
        streamed, said.text = said.text, ""
        self.read(final, said)
        assert streamed == said.text, f"streamed {streamed!r}, at the end {said.text!r}"
        return None

    def gather(self, model, said):
        with self.api.responses.stream(model=model, input=scenes.PROMPT) as stream:
            said.text = stream.get_final_response().output_text

    def structured(self, model):
        answer = self.api.responses.parse(model=model, input=scenes.PROMPT, text_format=City)
        return answer.output_parsed.model_dump()


if __name__ == "__main__":
    scenes.main(lambda root, key: [Chat(root, key), Responses(root, key), Azure(root, key)])
