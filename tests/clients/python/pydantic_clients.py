"""pydantic-ai with its models for OpenAI (chat and responses), Anthropic and Google."""

import asyncio
from importlib.metadata import version

import httpx2
import scenes
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput, exceptions
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import (
    ModelRequest,
    SystemPromptPart,
    TextPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition
from scenes import Call, Fault

FINISHES = {"tool_call": "tools", "content_filter": "filter"}


class City(BaseModel):
    city: str


class Pydantic(scenes.Driver):
    kind = ""
    cannot = {"unknown_model": "as the SDK below", "once_busy": "as the SDK below"}

    def __init__(self, root, key):
        self.root, self.key = root, key
        self.name = f"pydantic-ai {version('pydantic-ai-slim')} {self.kind}"

    def stranger(self):
        return type(self)(self.root, "sk-stranger")

    def model(self, name):
        raise NotImplementedError

    def fault(self, error):
        if isinstance(error, exceptions.ModelHTTPError):
            return Fault(scenes.kind_of(error.status_code), str(error.body))
        if isinstance(error, exceptions.ContentFilterError):
            return Fault("filter", str(error))
        package = type(error).__module__.split(".")[0]
        ours = ("openai", "anthropic", "google", "httpx", "httpx2")
        if isinstance(error, exceptions.AgentRunError) or package in ours:
            return Fault("other", str(error))
        return None

    def messages(self, ask):
        content = [scenes.PROMPT]
        if ask.image:
            import base64

            data = base64.b64decode(scenes.PIXEL)
            content.append(BinaryContent(data, media_type="image/png"))
        messages = [ModelRequest([SystemPromptPart(scenes.SYSTEM), UserPromptPart(content)])]
        if ask.after:
            results = [
                ToolReturnPart(call.name, scenes.RESULTS[call.name], tool_call_id=call.id)
                for call in ask.after.calls
            ]
            messages += [ask.after.turn, ModelRequest(results)]
        return messages

    def ask(self, ask, said):
        # A client keeps its connections with the loop that made them; each question has both anew.
        asyncio.run(self.asked(ask, said))

    async def asked(self, ask, said):
        tools = [
            ToolDefinition(name=name, description=what, parameters_json_schema=scenes.CITY)
            for name, what in scenes.TOOLS
        ]
        wish = ModelRequestParameters(function_tools=tools if ask.tools else [])
        more = {"model_request_parameters": wish, "model_settings": {"max_tokens": 500}}
        messages = self.messages(ask)
        if not ask.stream:
            answer = await model_request(self.model(ask.model), messages, **more)
            return self.read(answer, said)
        async with model_request_stream(self.model(ask.model), messages, **more) as stream:
            async for _ in stream:
                self.read(stream.get(), said)
            # An answer without a part has no event.
            self.read(stream.get(), said)
        return None

    def read(self, answer, said):
        said.text = "".join(part.content for part in answer.parts if isinstance(part, TextPart))
        said.calls = []
        for part in answer.tool_calls:
            # While a stream goes on, the arguments may be half there.
            if answer.finish_reason:
                said.calls.append(Call(part.tool_call_id, part.tool_name, part.args_as_dict()))
        said.finish = FINISHES.get(answer.finish_reason, answer.finish_reason)
        if said.finish == "stop" and said.calls:
            said.finish = "tools"
        details = answer.provider_details or {}
        said.refusal = details.get("refusal") or ""
        said.turn = answer
        said.input_tokens = answer.usage.input_tokens
        said.output_tokens = answer.usage.output_tokens
        said.cached_tokens = answer.usage.cache_read_tokens

    def agent(self, model, called):
        agent = Agent(self.model(model), system_prompt=scenes.SYSTEM)

        @agent.tool_plain
        def weather(city: str) -> str:
            called.append(("weather", city))
            return scenes.RESULTS["weather"]

        @agent.tool_plain
        def local_time(city: str) -> str:
            called.append(("local_time", city))
            return scenes.RESULTS["local_time"]

        return agent.run_sync(scenes.PROMPT).output

    def structured(self, model):
        agent = Agent(self.model(model), output_type=NativeOutput(City))
        return agent.run_sync(scenes.PROMPT).output.model_dump()

    def gather(self, model, said):
        """The agent's stream of text."""

        async def run():
            agent = Agent(self.model(model))
            async with agent.run_stream(scenes.PROMPT) as result:
                async for piece in result.stream_text(delta=True):
                    said.text += piece

        asyncio.run(run())


class OpenAi(Pydantic):
    kind, own, foreign = "openai chat", "openai", "anthropic"
    model_class = OpenAIChatModel

    def model(self, name):
        import openai

        client = openai.AsyncOpenAI(
            base_url=f"{self.root}/v1", api_key=self.key, max_retries=0, timeout=scenes.TIMEOUT_S
        )
        return self.model_class(name, provider=OpenAIProvider(openai_client=client))


class OpenAiResponses(OpenAi):
    kind, own, foreign = "openai responses", "openai", "gemini"
    model_class = OpenAIResponsesModel


class Anthropic(Pydantic):
    kind, own, foreign = "anthropic", "anthropic", "gemini"

    def model(self, name):
        import anthropic

        client = anthropic.AsyncAnthropic(
            base_url=self.root, api_key=self.key, max_retries=0, timeout=scenes.TIMEOUT_S
        )
        # What the model can do is known to it by the names of Anthropic's own models only.
        able = {"supports_json_schema_output": True}
        provider = AnthropicProvider(anthropic_client=client)
        return AnthropicModel(name, provider=provider, profile=able)


class Google(Pydantic):
    kind, own, foreign = "google", "gemini", "openai"
    auth_kinds = ("auth", "rejected")

    def model(self, name):
        client = httpx2.AsyncClient(timeout=scenes.TIMEOUT_S)
        provider = GoogleProvider(api_key=self.key, base_url=self.root, http_client=client)
        return GoogleModel(name, provider=provider)


DRIVERS = [OpenAi, OpenAiResponses, Anthropic, Google]

if __name__ == "__main__":
    scenes.main(lambda root, key: [driver(root, key) for driver in DRIVERS])
