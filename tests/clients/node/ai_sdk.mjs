// Vercel's AI SDK with its providers for OpenAI (responses and chat), Anthropic, Google, Azure,
// Perplexity and compatible servers.

import { z } from "zod";

import { PIXEL, PROMPT, RESULTS, SYSTEM, TIMEOUT_MS, TOOLS, OLDER, kindOf, load, main } from "./scenes.mjs";

const ai = await load("ai", "ai-older");
const { generateText, streamText, generateObject, embedMany, tool, stepCountIs } = ai.module;
const providerOf = async (name) => {
  const { module } = await load(`@ai-sdk/${name}`, `ai-${name}-older`);
  return Object.values(module).find((made) => /^create/.test(made?.name ?? ""));
};
const made = {};
for (const name of ["openai", "anthropic", "google", "azure", "perplexity", "openai-compatible"]) {
  made[name] = await providerOf(name);
}
// These make nothing of a refusal that has a field of its own.
const REFUSALS = { refusal: "it has no word for it", refusal_streamed: "it has no word for it" };
// The newer one still speaks Sonar, which knows no tools; and it looks for usage in each chunk of a
// stream without asking for it.
const SONAR = ["text", "structured", "image", "too_long", "too_long_streamed", "wrong_key"];
SONAR.push("length", "overloaded", "rate_limited", "once_busy", "garbled", "thinking");
SONAR.push("citations", "unknown_model", "unknown_there");
const PLACE = z.object({ city: z.string() });

class Driver {
  constructor(kind, own, foreign, more) {
    Object.assign(this, { kind, own, foreign, name: `ai ${ai.version} ${kind}` }, more);
  }

  stranger() {
    return make(this.root, "sk-stranger").find((driver) => driver.kind === this.kind);
  }

  fault(error) {
    if (error?.name === "AI_APICallError") {
      const status = error.statusCode;
      const kind = status && status !== 200 ? kindOf(status) : "other";
      return { kind, code: error.message, retryAfter: error.responseHeaders?.["retry-after"] };
    }
    if (error?.name === "AI_NoObjectGeneratedError") return undefined;
    // What a stream brings in an event, as the SDK hands it on.
    if (error?.inStream) return { kind: "other", code: error.message };
    return undefined;
  }

  wish({ model, tools, image, after }) {
    const content = [{ type: "text", text: PROMPT }];
    if (image) content.push({ type: "image", image: Buffer.from(PIXEL, "base64"), mediaType: "image/png" });
    const messages = [{ role: "user", content }];
    if (after) {
      messages.push(...after.turn);
      const results = after.calls.map(({ id, name }) => {
        const output = { type: "text", value: RESULTS[name] };
        return { type: "tool-result", toolCallId: id, toolName: name, output };
      });
      messages.push({ role: "tool", content: results });
    }
    const wish = { model: this.model(model), system: SYSTEM, messages, maxRetries: 0 };
    if (tools) {
      wish.tools = Object.fromEntries(
        TOOLS.map(([name, description]) => [name, tool({ description, inputSchema: PLACE })]),
      );
    }
    // Nothing is stored at the gateway, so the items themselves go back.
    if (this.providerOptions) wish.providerOptions = this.providerOptions;
    return { ...wish, maxOutputTokens: 500, abortSignal: AbortSignal.timeout(TIMEOUT_MS) };
  }

  async ask(ask, said) {
    const wish = this.wish(ask);
    let answer;
    if (ask.stream) {
      answer = streamText({ ...wish, onError: () => {} });
      for await (const part of answer.fullStream) {
        if (part.type === "text-delta") said.text += part.text;
        if (part.type === "error") throw inStream(part.error);
      }
    } else {
      answer = await generateText(wish);
    }
    const finish = await answer.finishReason;
    const finishes = { "tool-calls": "tools", "content-filter": "filter" };
    said.finish = finishes[finish] ?? finish;
    if (ask.stream && ["unknown", "error"].includes(finish)) throw inStream(`finish ${finish}`);
    said.text = await answer.text;
    for (const { toolCallId, toolName, input } of await answer.toolCalls) {
      said.calls.push({ id: toolCallId, name: toolName, arguments: input });
    }
    said.turn = (await answer.response).messages;
    const usage = await answer.usage;
    said.outputTokens = usage.outputTokens ?? 0;
    said.cachedTokens = usage.cachedInputTokens ?? 0;
    said.inputTokens = (usage.inputTokens ?? 0) + (this.cacheApart ? said.cachedTokens : 0);
  }

  async structured(model) {
    const wish = { model: this.model(model), schema: PLACE, prompt: PROMPT, maxRetries: 0 };
    return (await generateObject(wish)).object;
  }

  async agent(model, called) {
    const tools = TOOLS.map(([name, description]) => {
      const execute = ({ city }) => {
        called.push([name, city]);
        return RESULTS[name];
      };
      return [name, tool({ description, inputSchema: PLACE, execute })];
    });
    const wish = { model: this.model(model), prompt: PROMPT, tools: Object.fromEntries(tools) };
    const more = { maxRetries: 0, stopWhen: stepCountIs(3), providerOptions: this.providerOptions };
    return (await generateText({ ...wish, ...more })).text;
  }
}

// Vectors, where the provider has them.
class WithVectors extends Driver {
  async embed(model) {
    const values = ["the harbour", "the town"];
    return (await embedMany({ model: this.vectors(model), values, maxRetries: 0 })).embeddings;
  }
}

function inStream(error) {
  const told = error instanceof Error ? error : new Error(JSON.stringify(error));
  // Its own complaint that an event is not what it ought to be is no error of the provider.
  if (told.name === "AI_TypeValidationError" || told.name === "AI_JSONParseError") return told;
  told.inStream = true;
  return told;
}

const vectorsOf = (provider) => (model) =>
  (provider.embeddingModel ?? provider.textEmbeddingModel).call(provider, model);

function make(root, apiKey) {
  const v1 = `${root}/v1`;
  const openai = made.openai({ baseURL: v1, apiKey });
  const anthropic = made.anthropic({ baseURL: v1, apiKey });
  const google = made.google({ baseURL: `${root}/v1beta`, apiKey });
  const azure = made.azure({ baseURL: `${root}/openai`, apiKey, useDeploymentBasedUrls: true });
  const perplexity = made.perplexity({ baseURL: root, apiKey });
  const compatible = made["openai-compatible"]({
    name: "seawall",
    baseURL: v1,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
  const stateless = { openai: { store: false, strictJsonSchema: true } };
  return [
    new WithVectors("openai", "openai", "gemini", {
      root,
      cannot: OLDER ? REFUSALS : {},
      model: (name) => openai(name),
      vectors: vectorsOf(openai),
      providerOptions: stateless,
    }),
    new Driver("openai.chat", "openai", "anthropic", {
      root,
      cannot: OLDER ? REFUSALS : {},
      model: (name) => openai.chat(name),
    }),
    new Driver("anthropic", "anthropic", "openai", {
      root,
      byTool: true,
      cacheApart: OLDER,
      model: (name) => anthropic(name),
    }),
    new WithVectors("google", "gemini", "azure", {
      root,
      // Google's own form of an error in mid-stream is nothing to it.
      cannotDirect: { error_mid: "unseen", error_first: "unseen" },
      model: (name) => google(name),
      vectors: vectorsOf(google),
    }),
    new Driver("azure.chat", "azure", "anthropic", {
      root,
      cannot: REFUSALS,
      model: (name) => azure.chat(name),
    }),
    new WithVectors("openai-compatible", "compatible", "perplexity", {
      root,
      cannot: OLDER ? REFUSALS : {},
      model: (name) => compatible(name),
      vectors: vectorsOf(compatible),
    }),
    new Driver("perplexity", "perplexity", "openai", {
      root,
      cannot: REFUSALS,
      only: OLDER ? undefined : SONAR,
      // Its body goes there as it is, and OpenAI's responses know no `response_format`.
      notOn: OLDER ? { openai: ["structured"], azure: ["structured"] } : {},
      model: (name) => perplexity(name),
    }),
  ];
}

await main(make);
