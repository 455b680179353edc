"""How a caller of each dialect asks, and what he reads: the smallest honest client of each.

Nothing here is shared with the product. Only the standard library is needed.
"""

import json
from dataclasses import dataclass, field

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [("weather", "The weather of a city"), ("time", "The local time of a city")]


@dataclass
class Call:
    id: str
    name: str
    arguments: dict


@dataclass
class Said:
    """What one answer says."""

    text: str = ""
    calls: list = field(default_factory=list)
    finish: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    error: str = ""
    # What a stream of the dialect must hold to and did not.
    faults: list = field(default_factory=list)


@dataclass
class Ask:
    """One request, in no dialect."""

    model: str
    text: str = "Say something about the harbour."
    stream: bool = False
    tools: bool = False
    image: bool = False
    structured: bool = False
    # Calls of the former answer and what came of each.
    results: list = field(default_factory=list)


def sse(text):
    """The events of a stream: name and data."""
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        name, data = None, []
        for line in block.split("\n"):
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
        if data:
            events.append((name, "\n".join(data)))
    return events


class Chat:
    name = "openai-chat"
    finishes = {"stop": "stop", "tools": "tool_calls"}

    def request(self, ask):
        content = ask.text
        if ask.image:
            url = f"data:image/png;base64,{PIXEL}"
            image = {"type": "image_url", "image_url": {"url": url}}
            content = [{"type": "text", "text": ask.text}, image]
        system = {"role": "system", "content": "Be brief."}
        messages = [system, {"role": "user", "content": content}]
        if ask.results:
            calls = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
                }
                for call, _ in ask.results
            ]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            for call, result in ask.results:
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        body = {"model": ask.model, "messages": messages, "max_tokens": 500}
        if ask.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if ask.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {"name": name, "description": what, "parameters": CITY},
                }
                for name, what in TOOLS
            ]
        if ask.structured:
            schema = {"name": "place", "schema": CITY, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return "/v1/chat/completions", {}, body

    def read_whole(self, body):
        said = Said()
        choice = body["choices"][0]
        message = choice["message"]
        said.text = message.get("content") or ""
        said.finish = choice["finish_reason"]
        for call in message.get("tool_calls") or []:
            function = call["function"]
            said.calls.append(Call(call["id"], function["name"], json.loads(function["arguments"])))
        self._usage(said, body["usage"])
        for name in ("id", "object", "created", "model"):
            if name not in body:
                said.faults.append(f"no {name}")
        return said

    def _usage(self, said, usage):
        said.input_tokens = usage["prompt_tokens"]
        said.output_tokens = usage["completion_tokens"]

    def read_stream(self, text):
        said, calls, ids = Said(), {}, set()
        events = sse(text)
        if not events or events[-1][1] != "[DONE]":
            said.faults.append("no [DONE]")
        for _, data in events:
            if data == "[DONE]":
                continue
            chunk = json.loads(data)
            if "error" in chunk:
                said.error = chunk["error"]["message"]
                continue
            # Azure's first chunk tells its filter's results alone, under no id.
            if chunk["choices"]:
                ids.add(chunk["id"])
            if chunk.get("usage"):
                self._usage(said, chunk["usage"])
            for choice in chunk["choices"]:
                delta = choice["delta"]
                said.text += delta.get("content") or ""
                said.finish = choice.get("finish_reason") or said.finish
                for piece in delta.get("tool_calls") or []:
                    call = calls.setdefault(piece["index"], {"arguments": ""})
                    function = piece.get("function", {})
                    call["id"] = piece.get("id") or call.get("id")
                    call["name"] = function.get("name") or call.get("name")
                    call["arguments"] += function.get("arguments") or ""
        if len(ids) > 1:
            said.faults.append("the id changes")
        for call in calls.values():
            said.calls.append(Call(call["id"], call["name"], json.loads(call["arguments"] or "{}")))
        return said

    def error_of(self, status, body):
        error = body["error"]
        for name in ("message", "type", "param", "code"):
            assert name in error, f"an error without {name}"
        return error["code"] or error["type"]


class Responses:
    name = "openai-responses"
    finishes = {"stop": "completed", "tools": "completed"}

    def request(self, ask):
        content = [{"type": "input_text", "text": ask.text}]
        if ask.image:
            url = f"data:image/png;base64,{PIXEL}"
            content.append({"type": "input_image", "image_url": url, "detail": "auto"})
        items = [{"role": "user", "content": content}]
        for call, _ in ask.results:
            arguments = json.dumps(call.arguments)
            item = {"type": "function_call", "call_id": call.id, "name": call.name}
            items.append(item | {"arguments": arguments})
        for call, result in ask.results:
            item = {"type": "function_call_output", "call_id": call.id, "output": result}
            items.append(item)
        body = {"model": ask.model, "input": items, "instructions": "Be brief."}
        body |= {"max_output_tokens": 500, "store": False}
        if ask.stream:
            body["stream"] = True
        if ask.tools:
            body["tools"] = [
                {"type": "function", "name": name, "description": what, "parameters": CITY}
                | {"strict": False}
                for name, what in TOOLS
            ]
        if ask.structured:
            form = {"type": "json_schema", "name": "place", "schema": CITY, "strict": True}
            body["text"] = {"format": form}
        return "/v1/responses", {}, body

    def read_whole(self, body):
        said = Said(finish=body["status"])
        for item in body["output"]:
            if item["type"] == "message":
                for part in item["content"]:
                    if part["type"] == "output_text":
                        said.text += part["text"]
            elif item["type"] == "function_call":
                arguments = json.loads(item["arguments"])
                said.calls.append(Call(item["call_id"], item["name"], arguments))
        said.input_tokens = body["usage"]["input_tokens"]
        said.output_tokens = body["usage"]["output_tokens"]
        if body.get("object") != "response":
            said.faults.append("object is not response")
        return said

    def read_stream(self, text):
        said, streamed, numbers = Said(), "", []
        events = [(name, json.loads(data)) for name, data in sse(text) if data != "[DONE]"]
        if not events or events[0][1]["type"] != "response.created":
            said.faults.append("response.created is not the first event")
        for name, event in events:
            kind = event["type"]
            if name is not None and name != kind and kind != "error":
                said.faults.append(f"event {name} says {kind}")
            if "sequence_number" in event:
                numbers.append(event["sequence_number"])
            if kind == "response.output_text.delta":
                streamed += event["delta"]
            elif kind in ("response.completed", "response.incomplete"):
                whole = self.read_whole(event["response"])
                said.text, said.calls, said.finish = whole.text, whole.calls, whole.finish
                said.input_tokens, said.output_tokens = whole.input_tokens, whole.output_tokens
            elif kind in ("error", "response.failed"):
                said.error = json.dumps(event)
        if numbers != sorted(set(numbers)):
            said.faults.append("sequence numbers do not rise")
        if not said.error and streamed != said.text:
            said.faults.append("the deltas are not the whole")
        return said

    def error_of(self, status, body):
        return Chat().error_of(status, body)


class Messages:
    name = "anthropic"
    finishes = {"stop": "end_turn", "tools": "tool_use"}

    def request(self, ask):
        content = [{"type": "text", "text": ask.text}]
        if ask.image:
            source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
            content.append({"type": "image", "source": source})
        messages = [{"role": "user", "content": content}]
        if ask.results:
            uses = [
                {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
                for call, _ in ask.results
            ]
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": result}
                for call, result in ask.results
            ]
            messages += [{"role": "assistant", "content": uses}]
            messages += [{"role": "user", "content": results}]
        body = {"model": ask.model, "messages": messages, "system": "Be brief."}
        body["max_tokens"] = 500
        if ask.stream:
            body["stream"] = True
        if ask.tools:
            body["tools"] = [
                {"name": name, "description": what, "input_schema": CITY} for name, what in TOOLS
            ]
        if ask.structured:
            body["output_config"] = {"format": {"type": "json_schema", "schema": CITY}}
        return "/v1/messages", {"anthropic-version": "2023-06-01"}, body

    def read_whole(self, body):
        said = Said(finish=body["stop_reason"])
        for block in body["content"]:
            if block["type"] == "text":
                said.text += block["text"]
            elif block["type"] == "tool_use":
                said.calls.append(Call(block["id"], block["name"], block["input"]))
        usage = body["usage"]
        cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
        said.input_tokens = usage["input_tokens"] + sum(usage.get(name) or 0 for name in cached)
        said.output_tokens = usage["output_tokens"]
        return said

    def read_stream(self, text):
        said, blocks, opened, usage = Said(), {}, None, {}
        events = [(name, json.loads(data)) for name, data in sse(text)]
        kinds = [event["type"] for _, event in events if event["type"] != "ping"]
        if not kinds or kinds[0] != "message_start":
            said.faults.append("message_start is not the first event")
        for name, event in events:
            kind = event["type"]
            if name != kind:
                said.faults.append(f"event {name} says {kind}")
            if kind == "message_start":
                usage |= event["message"]["usage"]
            elif kind == "content_block_start":
                if opened is not None or event["index"] != len(blocks):
                    said.faults.append("blocks overlap or their indexes jump")
                opened = event["index"]
                blocks[opened] = event["content_block"] | {"json": ""}
            elif kind == "content_block_delta":
                delta, block = event["delta"], blocks[event["index"]]
                if event["index"] != opened:
                    said.faults.append("a delta of a block that is not open")
                if delta["type"] == "text_delta":
                    block["text"] += delta["text"]
                elif delta["type"] == "input_json_delta":
                    block["json"] += delta["partial_json"]
            elif kind == "content_block_stop":
                opened = None
            elif kind == "message_delta":
                said.finish = event["delta"]["stop_reason"]
                usage |= {name: n for name, n in event["usage"].items() if n}
            elif kind == "error":
                said.error = event["error"]["message"]
        if not said.error and kinds[-1:] != ["message_stop"]:
            said.faults.append("message_stop is not the last event")
        for block in blocks.values():
            if block["type"] == "text":
                said.text += block["text"]
            elif block["type"] == "tool_use":
                arguments = json.loads(block["json"] or "{}")
                said.calls.append(Call(block["id"], block["name"], arguments))
        said.input_tokens = usage.get("input_tokens", 0)
        said.output_tokens = usage.get("output_tokens", 0)
        return said

    def error_of(self, status, body):
        assert body["type"] == "error", "no error in Anthropic's form"
        return body["error"]["type"]


class Gemini:
    name = "gemini"
    finishes = {"stop": "STOP", "tools": "STOP"}

    def request(self, ask):
        parts = [{"text": ask.text}]
        if ask.image:
            parts.append({"inlineData": {"mimeType": "image/png", "data": PIXEL}})
        contents = [{"role": "user", "parts": parts}]
        if ask.results:
            calls = [
                {"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}}
                for call, _ in ask.results
            ]
            results = []
            for call, result in ask.results:
                response = {"id": call.id, "name": call.name, "response": {"output": result}}
                results.append({"functionResponse": response})
            contents.append({"role": "model", "parts": calls})
            contents.append({"role": "user", "parts": results})
        body = {
            "contents": contents,
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"maxOutputTokens": 500},
        }
        if ask.tools:
            functions = [
                {"name": name, "description": what, "parametersJsonSchema": CITY}
                for name, what in TOOLS
            ]
            body["tools"] = [{"functionDeclarations": functions}]
        if ask.structured:
            form = {"responseMimeType": "application/json", "responseJsonSchema": CITY}
            body["generationConfig"] |= form
        verb = "streamGenerateContent?alt=sse" if ask.stream else "generateContent"
        return f"/v1beta/models/{ask.model}:{verb}", {"x-goog-api-key": "any"}, body

    def _take(self, said, body):
        for candidate in body.get("candidates", [])[:1]:
            for part in candidate.get("content", {}).get("parts", []):
                if "text" in part and not part.get("thought"):
                    said.text += part["text"]
                if "functionCall" in part:
                    call = part["functionCall"]
                    arguments = call.get("args", {})
                    said.calls.append(Call(call.get("id", ""), call["name"], arguments))
            said.finish = candidate.get("finishReason") or said.finish
        usage = body.get("usageMetadata")
        if usage:
            said.input_tokens = usage["promptTokenCount"]
            thoughts = usage.get("thoughtsTokenCount", 0)
            said.output_tokens = usage.get("candidatesTokenCount", 0) + thoughts

    def read_whole(self, body):
        said = Said()
        self._take(said, body)
        return said

    def read_stream(self, text):
        said = Said()
        for line in text.replace("\r\n", "\n").split("\n"):
            # What Google's own Python client cannot read.
            if line and not line.startswith("data: "):
                said.faults.append(f"a line that is no data: {line[:40]}")
        for _, data in sse(text):
            body = json.loads(data)
            if "error" in body:
                said.error = body["error"]["message"]
            else:
                self._take(said, body)
        return said

    def error_of(self, status, body):
        error = body["error"]
        assert error["code"] == status, f"code {error['code']} under status {status}"
        assert error["message"], "an error without a message"
        return error["status"]


CALLERS = [Chat(), Responses(), Messages(), Gemini()]
