"""LangChain's chat models for OpenAI (chat and responses), Anthropic and Google."""

from importlib.metadata import version

import scenes
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from scenes import Call, Fault

FINISHES = {"end_turn": "stop", "completed": "stop", "STOP": "stop", "tool_calls": "tools"}
FINISHES |= {"tool_use": "tools", "max_tokens": "length", "MAX_TOKENS": "length"}
FINISHES |= {"max_output_tokens": "length", "content_filter": "filter", "refusal": "filter"}
FINISHES |= {"SAFETY": "filter"}
TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": what, "parameters": scenes.CITY},
    }
    for name, what in scenes.TOOLS
]


class Chain(scenes.Driver):
    package = ""
    cannot = {"unknown_model": "as the SDK below", "once_busy": "as the SDK below"}

    def __init__(self, root, key):
        self.root, self.key = root, key
        self.name = f"{self.package} {version(self.package)}{self.kind()}"

    def kind(self):
        return ""

    def model(self, name):
        raise NotImplementedError

    def stranger(self):
        return type(self)(self.root, "sk-stranger")

    def fault(self, error):
        # Each package has exceptions of its own over those of the SDK below.
        at = error
        while at is not None:
            status = getattr(at, "status_code", None) or getattr(at, "code", None)
            if isinstance(status, int):
                return Fault(scenes.kind_of(status), str(at))
            at = at.__cause__
        ours = ("openai", "anthropic", "google", "httpx", "langchain_")
        return Fault("other", str(error)) if type(error).__module__.startswith(ours) else None

    def messages(self, ask):
        content = [{"type": "text", "text": scenes.PROMPT}]
        if ask.image:
            url = f"data:image/png;base64,{scenes.PIXEL}"
            content.append({"type": "image_url", "image_url": {"url": url}})
        messages = [SystemMessage(scenes.SYSTEM), HumanMessage(content)]
        if ask.after:
            messages.append(ask.after.turn)
            for call in ask.after.calls:
                messages.append(ToolMessage(scenes.RESULTS[call.name], tool_call_id=call.id))
        return messages

    def ask(self, ask, said):
        model = self.model(ask.model)
        if ask.tools:
            model = model.bind_tools(TOOLS)
        if ask.stream:
            whole = None
            for chunk in model.stream(self.messages(ask)):
                said.text += chunk.text
                whole = chunk if whole is None else whole + chunk
            streamed = said.text
            assert whole is not None, "an empty stream"
            assert whole.text == streamed, f"streamed {streamed!r}, gathered {whole.text!r}"
            self.read(whole, said)
        else:
            self.read(model.invoke(self.messages(ask)), said)

    def read(self, message, said):
        said.text, said.turn = message.text, message
        said.calls = [Call(call["id"], call["name"], call["args"]) for call in message.tool_calls]
        said.refusal = message.additional_kwargs.get("refusal") or ""
        if isinstance(message.content, list):
            said.refusal += "".join(
                part.get("refusal", "") for part in message.content if isinstance(part, dict)
            )
        told = message.response_metadata
        incomplete = (told.get("incomplete_details") or {}).get("reason")
        finish = incomplete or told.get("finish_reason") or told.get("stop_reason")
        finish = finish or told.get("status") or ""
        if (told.get("prompt_feedback") or {}).get("block_reason"):
            finish = "SAFETY"
        said.finish = FINISHES.get(finish, finish)
        if said.finish == "stop" and said.calls:
            said.finish = "tools"
        if message.usage_metadata:
            usage = message.usage_metadata
            said.input_tokens = usage["input_tokens"]
            said.output_tokens = usage["output_tokens"]
            said.cached_tokens = usage.get("input_token_details", {}).get("cache_read") or 0

    def structured(self, model):
        chain = self.model(model).with_structured_output(
            {"title": "Place", "description": "A place", **scenes.CITY}, method="json_schema"
        )
        return chain.invoke(scenes.PROMPT)


class OpenAi(Chain):
    package = "langchain-openai"
    own, foreign = "openai", "gemini"
    responses = False
    cannot = Chain.cannot | {"refusal_streamed": "it drops the refusal of a chat's stream"}

    def kind(self):
        return " responses" if self.responses else " chat"

    def model(self, name):
        return ChatOpenAI(
            model=name,
            base_url=f"{self.root}/v1",
            api_key=self.key,
            max_retries=0,
            timeout=scenes.TIMEOUT_S,
            stream_usage=True,
            use_responses_api=self.responses,
        )

    def embed(self, model):
        # Without the check it would send numbers in place of words.
        embeddings = OpenAIEmbeddings(
            model=model,
            base_url=f"{self.root}/v1",
            api_key=self.key,
            max_retries=0,
            check_embedding_ctx_length=False,
        )
        return embeddings.embed_documents(["the harbour", "the town"])


class OpenAiResponses(OpenAi):
    own, foreign = "openai", "anthropic"
    responses = True
    cannot = Chain.cannot | {"embeddings": "as the chat client"}


class Anthropic(Chain):
    package = "langchain-anthropic"
    own, foreign = "anthropic", "gemini"

    def model(self, name):
        return ChatAnthropic(
            model=name,
            base_url=self.root,
            api_key=self.key,
            max_retries=0,
            timeout=scenes.TIMEOUT_S,
            max_tokens=500,
        )


class Google(Chain):
    package = "langchain-google-genai"
    own, foreign = "gemini", "openai"
    auth_kinds = ("auth", "rejected")

    def model(self, name):
        return ChatGoogleGenerativeAI(
            model=name,
            base_url=self.root,
            google_api_key=self.key,
            max_retries=1,
            timeout=scenes.TIMEOUT_S,
        )


DRIVERS = [OpenAi, OpenAiResponses, Anthropic, Google]

if __name__ == "__main__":
    scenes.main(lambda root, key: [driver(root, key) for driver in DRIVERS])
