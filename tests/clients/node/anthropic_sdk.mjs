// Anthropic's Node SDK: messages, its beta client, the counting of tokens and the models.

import assert from "node:assert/strict";

import { CITY, PIXEL, PROMPT, RESULTS, SYSTEM, TIMEOUT_MS, TOOLS, kindOf, load, main } from "./scenes.mjs";

const { module, version } = await load("@anthropic-ai/sdk", "anthropic-older");
const { default: Anthropic } = module;

class Messages {
  name = `anthropic-node ${version}`;
  own = "anthropic";
  foreign = "openai";

  constructor(root, key) {
    this.root = root;
    const more = { maxRetries: 0, timeout: TIMEOUT_MS };
    this.api = new Anthropic({ baseURL: root, apiKey: key, ...more });
  }

  stranger() {
    return new Messages(this.root, "sk-stranger");
  }

  fault(error) {
    if (error instanceof Anthropic.APIError) {
      const kind = error.status ? kindOf(error.status) : "other";
      const retryAfter = error.headers?.get?.("retry-after");
      return { kind, code: error.error?.error?.type, retryAfter };
    }
    if (error instanceof Anthropic.AnthropicError) return { kind: "other", code: error.message };
    if (error instanceof TypeError && error.message === "terminated") return { kind: "other" };
    return undefined;
  }

  wish({ model, tools, image, after }) {
    let content = PROMPT;
    if (image) {
      const source = { type: "base64", media_type: "image/png", data: PIXEL };
      content = [{ type: "text", text: PROMPT }, { type: "image", source }];
    }
    const messages = [{ role: "user", content }];
    if (after) {
      const results = after.calls.map(({ id, name }) => {
        return { type: "tool_result", tool_use_id: id, content: RESULTS[name] };
      });
      messages.push({ role: "assistant", content: after.turn }, { role: "user", content: results });
    }
    const wish = { model, messages, max_tokens: 500, system: SYSTEM };
    if (tools) {
      wish.tools = TOOLS.map(([name, description]) => ({ name, description, input_schema: CITY }));
    }
    return wish;
  }

  read(message, said) {
    const texts = message.content.filter((block) => block.type === "text");
    said.text = texts.map((block) => block.text).join("");
    said.turn = message.content;
    for (const block of message.content) {
      if (block.type === "tool_use") {
        said.calls.push({ id: block.id, name: block.name, arguments: block.input });
      }
    }
    const finishes = { end_turn: "stop", tool_use: "tools", max_tokens: "length", refusal: "filter" };
    said.finish = finishes[message.stop_reason] ?? message.stop_reason;
    const { usage } = message;
    said.cachedTokens = usage.cache_read_input_tokens ?? 0;
    // Anthropic counts what a cache gave apart.
    const made = usage.cache_creation_input_tokens ?? 0;
    said.inputTokens = usage.input_tokens + said.cachedTokens + made;
    said.outputTokens = usage.output_tokens;
  }

  async ask(ask, said) {
    if (!ask.stream) return this.read(await this.api.messages.create(this.wish(ask)), said);
    const stream = this.api.messages.stream(this.wish(ask));
    stream.on("text", (text) => {
      said.text += text;
    });
    const final = await stream.finalMessage();
    assert.ok(final.stop_reason, "ended cleanly without a reason");
    const streamed = said.text;
    this.read(final, said);
    assert.equal(said.text, streamed);
    return undefined;
  }

  // The beta client, whose path has `?beta=true`, and raw events.
  async gather(model, said) {
    const messages = [{ role: "user", content: PROMPT }];
    const wish = { model, messages, max_tokens: 500, stream: true, betas: ["context-1m-2025-08-07"] };
    const kinds = [];
    for await (const event of await this.api.beta.messages.create(wish)) {
      if (event.type === "content_block_delta") said.text += event.delta.text;
      else if (event.type !== "ping") kinds.push(event.type);
    }
    const block = ["content_block_start", "content_block_stop"];
    assert.deepEqual(kinds, ["message_start", ...block, "message_delta", "message_stop"]);
  }

  async structured(model) {
    const messages = [{ role: "user", content: PROMPT }];
    const output_config = { format: { type: "json_schema", schema: CITY } };
    const wish = { model, messages, max_tokens: 500, output_config };
    const { content } = await this.api.messages.create(wish);
    return JSON.parse(content[0].text);
  }

  async count(model) {
    const messages = [{ role: "user", content: PROMPT }];
    return (await this.api.messages.countTokens({ model, messages })).input_tokens;
  }

  async models() {
    const names = [];
    for await (const model of this.api.models.list()) names.push(model.id);
    return names;
  }
}

await main((root, key) => [new Messages(root, key)]);
