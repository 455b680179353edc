"""Google's Python SDK for Gemini: content, streams, counts, vectors and the models."""

import base64

import pydantic
from google import genai
from google.genai import errors, types

import scenes
from scenes import Call, Fault


class City(pydantic.BaseModel):
    city: str


class Gemini(scenes.Driver):
    own, foreign = "gemini", "anthropic"
    finishes = {"STOP": "stop", "MAX_TOKENS": "length"}
    finishes |= dict.fromkeys(("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION"), "filter")
    # Google calls a wrong key an invalid argument.
    auth_kinds = ("auth", "rejected")

    def __init__(self, root, key):
        self.root = root
        self.name = f"google-genai-python {genai.__version__}"
        options = types.HttpOptions(base_url=root, timeout=scenes.TIMEOUT_S * 1000)
        self.api = genai.Client(api_key=key, http_options=options)

    def stranger(self):
        return type(self)(self.root, "sk-stranger")

    def fault(self, error):
        if isinstance(error, errors.APIError):
            return Fault(scenes.kind_of(error.code), str(error.status))
        if isinstance(error, errors.UnknownApiResponseError):
            return None
        if type(error).__module__.startswith("httpx"):
            return Fault("other", type(error).__name__)
        return None

    def contents(self, ask):
        parts = [types.Part.from_text(text=scenes.PROMPT)]
        if ask.image:
            data = base64.b64decode(scenes.PIXEL)
            parts.append(types.Part.from_bytes(data=data, mime_type="image/png"))
        contents = [types.Content(role="user", parts=parts)]
        if ask.after:
            results = []
            for call in ask.after.calls:
                response = {"output": scenes.RESULTS[call.name]}
                answer = types.FunctionResponse(id=call.id, name=call.name, response=response)
                results.append(types.Part(function_response=answer))
            contents.append(ask.after.turn)
            contents.append(types.Content(role="user", parts=results))
        return contents

    def config(self, ask):
        config = {"system_instruction": scenes.SYSTEM, "max_output_tokens": 500}
        if ask.tools:
            functions = [
                types.FunctionDeclaration(
                    name=name, description=what, parameters_json_schema=scenes.CITY
                )
                for name, what in scenes.TOOLS
            ]
            config["tools"] = [types.Tool(function_declarations=functions)]
            off = types.AutomaticFunctionCallingConfig(disable=True)
            config["automatic_function_calling"] = off
        return types.GenerateContentConfig(**config)

    def take(self, answer, said, parts):
        if answer.prompt_feedback and answer.prompt_feedback.block_reason:
            said.finish = "filter"
        for candidate in answer.candidates or []:
            for part in (candidate.content and candidate.content.parts) or []:
                parts.append(part)
                if part.text and not part.thought:
                    said.text += part.text
                if part.function_call:
                    call = part.function_call
                    said.calls.append(Call(call.id, call.name, call.args or {}))
            if candidate.finish_reason:
                finish = candidate.finish_reason.value
                said.finish = self.finishes.get(finish, finish)
        if said.calls and said.finish == "stop":
            said.finish = "tools"
        usage = answer.usage_metadata
        if usage:
            said.input_tokens = usage.prompt_token_count or 0
            thoughts = usage.thoughts_token_count or 0
            said.output_tokens = (usage.candidates_token_count or 0) + thoughts
            said.cached_tokens = usage.cached_content_token_count or 0

    def ask(self, ask, said):
        wish = {"contents": self.contents(ask), "config": self.config(ask)}
        parts = []
        if ask.stream:
            for chunk in self.api.models.generate_content_stream(model=ask.model, **wish):
                self.take(chunk, said, parts)
            # The client ends without a word where a stream does.
            if not said.finish:
                raise AssertionError(f"ended cleanly without a reason, after {said.text[-40:]!r}")
        else:
            answer = self.api.models.generate_content(model=ask.model, **wish)
            self.take(answer, said, parts)
        said.turn = types.Content(role="model", parts=parts)

    def gather(self, model, said):
        """A chat, which keeps the turns itself."""
        chat = self.api.chats.create(model=model)
        said.text = "".join(chunk.text or "" for chunk in chat.send_message_stream(scenes.PROMPT))
        assert chat.send_message("And again?").text

    def agent(self, model, called):
        def weather(city: str) -> str:
            """The weather of a city."""
            called.append(("weather", city))
            return scenes.RESULTS["weather"]

        def local_time(city: str) -> str:
            """The local time of a city."""
            called.append(("local_time", city))
            return scenes.RESULTS["local_time"]

        config = types.GenerateContentConfig(tools=[weather, local_time])
        wish = {"contents": scenes.PROMPT, "config": config}
        return self.api.models.generate_content(model=model, **wish).text

    def structured(self, model):
        config = {"response_mime_type": "application/json"}
        first = types.GenerateContentConfig(**config, response_schema=City)
        answer = self.api.models.generate_content(
            model=model, contents=scenes.PROMPT, config=first
        )
        # Both ways to give a schema.
        second = types.GenerateContentConfig(**config, response_json_schema=scenes.CITY)
        other = self.api.models.generate_content(
            model=model, contents=scenes.PROMPT, config=second
        )
        assert City.model_validate_json(other.text)
        return answer.parsed.model_dump()

    def count(self, model):
        return self.api.models.count_tokens(model=model, contents=scenes.PROMPT).total_tokens

    def embed(self, model):
        texts = ["the harbour", "the town"]
        answer = self.api.models.embed_content(model=model, contents=texts)
        return [vector.values for vector in answer.embeddings]

    def models(self):
        return [model.name for model in self.api.models.list()]


if __name__ == "__main__":
    scenes.main(lambda root, key: [Gemini(root, key)])
