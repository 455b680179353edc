// OpenAI's Node SDK: chat completions, responses, and Azure's chat completions.

import assert from "node:assert/strict";

import { z } from "zod";

import { CITY, PIXEL, PROMPT, RESULTS, SYSTEM, TIMEOUT_MS, TOOLS, kindOf, load, main } from "./scenes.mjs";

const { module, version } = await load("openai", "openai-older");
const { default: OpenAI, AzureOpenAI } = module;
const { module: helpers } = await load("openai/helpers/zod", "openai-older/helpers/zod");
const place = z.object({ city: z.string() });

class Driver {
  constructor(root, key) {
    this.root = root;
    this.api = this.client(root, key);
  }

  client(root, apiKey) {
    return new OpenAI({ baseURL: `${root}/v1`, apiKey, maxRetries: 0, timeout: TIMEOUT_MS });
  }

  stranger() {
    return new this.constructor(this.root, "sk-stranger");
  }

  fault(error) {
    if (error instanceof OpenAI.APIError) {
      const kind = error.status ? kindOf(error.status) : "other";
      const retryAfter = error.headers?.get?.("retry-after");
      return { kind, code: error.code ?? error.message, retryAfter };
    }
    if (error.name === "ContentFilterFinishReasonError") return { kind: "filter" };
    // A connection that was cut while a stream was read.
    if (error instanceof OpenAI.OpenAIError) return { kind: "other", code: error.message };
    if (error instanceof TypeError && error.message === "terminated") return { kind: "other" };
    return undefined;
  }

  async models() {
    const names = [];
    for await (const model of this.api.models.list()) names.push(model.id);
    return names;
  }

  async embed(model) {
    // The SDK asks for base64 unasked; the second question asks for numbers.
    const input = ["the harbour", "the town"];
    const { data } = await this.api.embeddings.create({ model, input });
    const float = { model, input, encoding_format: "float" };
    const plain = (await this.api.embeddings.create(float)).data[0].embedding;
    data[0].embedding.forEach((x, at) => assert.ok(Math.abs(x - plain[at]) < 1e-6, "base64"));
    return data.map(({ embedding }) => [...embedding]);
  }
}

class Chat extends Driver {
  name = `openai-node ${version} chat`;
  own = "openai";
  foreign = "gemini";

  wish({ model, tools, image, after, stream }) {
    let content = PROMPT;
    if (image) {
      const url = `data:image/png;base64,${PIXEL}`;
      content = [{ type: "text", text: PROMPT }, { type: "image_url", image_url: { url } }];
    }
    const messages = [{ role: "system", content: SYSTEM }, { role: "user", content }];
    if (after) {
      messages.push(after.turn);
      for (const { id, name } of after.calls) {
        messages.push({ role: "tool", tool_call_id: id, content: RESULTS[name] });
      }
    }
    const wish = { model, messages };
    if (tools) {
      wish.tools = TOOLS.map(([name, description]) => {
        return { type: "function", function: { name, description, parameters: CITY } };
      });
    }
    if (stream) Object.assign(wish, { stream: true, stream_options: { include_usage: true } });
    return wish;
  }

  read(answer, said) {
    const [{ message, finish_reason: finish }] = answer.choices;
    said.text = message.content ?? "";
    said.refusal = message.refusal ?? "";
    said.turn = message;
    this.finished(finish, said);
    for (const { id, function: called } of message.tool_calls ?? []) {
      said.calls.push({ id, name: called.name, arguments: JSON.parse(called.arguments) });
    }
    this.count_up(answer.usage, said);
  }

  finished(finish, said) {
    const finishes = { tool_calls: "tools", content_filter: "filter" };
    said.finish = finishes[finish] ?? finish ?? said.finish;
  }

  count_up(usage, said) {
    said.inputTokens = usage.prompt_tokens;
    said.outputTokens = usage.completion_tokens;
    said.cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? 0;
  }

  async ask(ask, said) {
    const answer = await this.api.chat.completions.create(this.wish(ask));
    if (!ask.stream) return this.read(answer, said);
    const calls = [];
    for await (const { choices, usage } of answer) {
      if (usage) this.count_up(usage, said);
      for (const { delta, finish_reason: finish } of choices) {
        said.text += delta.content ?? "";
        said.refusal += delta.refusal ?? "";
        this.finished(finish, said);
        for (const piece of delta.tool_calls ?? []) {
          calls[piece.index] ??= { id: "", type: "function", function: { name: "", arguments: "" } };
          const call = calls[piece.index];
          call.id += piece.id ?? "";
          call.function.name += piece.function?.name ?? "";
          call.function.arguments += piece.function?.arguments ?? "";
        }
      }
    }
    said.turn = { role: "assistant", content: said.text || null, tool_calls: calls };
    for (const { id, function: called } of calls) {
      said.calls.push({ id, name: called.name, arguments: JSON.parse(called.arguments) });
    }
    return undefined;
  }

  async gather(model, said) {
    // Nothing asks for usage here, so none may come.
    const messages = [{ role: "user", content: PROMPT }];
    const stream = this.api.chat.completions.stream({ model, messages });
    const final = await stream.finalChatCompletion();
    said.text = final.choices[0].message.content;
    assert.equal(final.usage ?? null, null, "usage that nobody asked for");
  }

  async structured(model) {
    const messages = [{ role: "user", content: PROMPT }];
    const response_format = helpers.zodResponseFormat(place, "place");
    const answer = await this.api.chat.completions.parse({ model, messages, response_format });
    return answer.choices[0].message.parsed;
  }

  async agent(model, called) {
    const tools = TOOLS.map(([name, description]) => {
      const act = ({ city }) => {
        called.push([name, city]);
        return RESULTS[name];
      };
      const own = { name, description, parameters: CITY, parse: JSON.parse, function: act };
      return { type: "function", function: own };
    });
    const messages = [{ role: "user", content: PROMPT }];
    const runner = this.api.chat.completions.runTools({ model, messages, tools, stream: true });
    return runner.finalContent();
  }
}

class Azure extends Chat {
  name = `openai-node ${version} azure`;
  own = "azure";
  foreign = "anthropic";
  cannot = { models: "Azure's own path", gathered: "as the chat client" };

  client(endpoint, apiKey) {
    const apiVersion = "2025-04-01-preview";
    return new AzureOpenAI({ endpoint, apiKey, apiVersion, maxRetries: 0, timeout: TIMEOUT_MS });
  }
}

class Responses extends Driver {
  name = `openai-node ${version} responses`;
  own = "openai";
  foreign = "anthropic";
  cannot = { embeddings: "as chat", models: "as chat", wrong_key: "as chat" };

  wish({ model, tools, image, after }) {
    const content = [{ type: "input_text", text: PROMPT }];
    if (image) {
      const image_url = `data:image/png;base64,${PIXEL}`;
      content.push({ type: "input_image", image_url, detail: "auto" });
    }
    const input = [{ role: "user", content }];
    if (after) {
      input.push(...after.turn);
      for (const { id, name } of after.calls) {
        input.push({ type: "function_call_output", call_id: id, output: RESULTS[name] });
      }
    }
    const wish = { model, input, instructions: SYSTEM, store: false };
    if (tools) {
      wish.tools = TOOLS.map(([name, description]) => {
        return { type: "function", name, description, parameters: CITY, strict: true };
      });
    }
    return wish;
  }

  read(answer, said) {
    said.text = answer.output_text;
    said.turn = answer.output;
    for (const item of answer.output) {
      if (item.type === "function_call") {
        const given = JSON.parse(item.arguments);
        said.calls.push({ id: item.call_id, name: item.name, arguments: given });
      }
      for (const part of item.content ?? []) said.refusal += part.refusal ?? "";
    }
    const reason = answer.incomplete_details?.reason;
    const finishes = { max_output_tokens: "length", content_filter: "filter" };
    said.finish = answer.status === "completed" ? "stop" : (finishes[reason] ?? answer.status);
    if (said.calls.length) said.finish = "tools";
    said.inputTokens = answer.usage.input_tokens;
    said.outputTokens = answer.usage.output_tokens;
    said.cachedTokens = answer.usage.input_tokens_details.cached_tokens;
  }

  async ask(ask, said) {
    if (!ask.stream) return this.read(await this.api.responses.create(this.wish(ask)), said);
    let final;
    let last = -1;
    const stream = this.api.responses.stream(this.wish(ask));
    for await (const event of stream) {
      assert.ok(event.sequence_number > last, "sequence numbers");
      last = event.sequence_number;
      if (event.type === "response.output_text.delta") said.text += event.delta;
      const ends = ["response.completed", "response.incomplete"];
      if (ends.includes(event.type)) final = event.response;
      const failed = event.response?.error ?? event;
      if (event.type === "response.failed" || event.type === "error") {
        throw new OpenAI.APIError(undefined, failed, failed.message, undefined);
      }
    }
    assert.ok(final, "ended cleanly without a last event");
    const streamed = said.text;
    // The event has no joined text; the helper's own final answer has.
    this.read({ ...final, output_text: textOf(final) }, said);
    assert.equal(said.text, streamed);
    return undefined;
  }

  async gather(model, said) {
    const stream = this.api.responses.stream({ model, input: PROMPT });
    said.text = textOf(await stream.finalResponse());
  }

  async structured(model) {
    const text = { format: helpers.zodTextFormat(place, "place") };
    return (await this.api.responses.parse({ model, input: PROMPT, text })).output_parsed;
  }
}

function textOf(response) {
  const parts = response.output.flatMap((item) => item.content ?? []);
  return parts.filter((part) => part.type === "output_text").map((part) => part.text).join("");
}

await main((root, key) => [Chat, Responses, Azure].map((driver) => new driver(root, key)));
