// Google's Node SDK for Gemini: content, streams, counts, vectors and the models.

import assert from "node:assert/strict";

import { CITY, PIXEL, PROMPT, RESULTS, SYSTEM, TIMEOUT_MS, TOOLS, kindOf, load, main } from "./scenes.mjs";

const { module, version } = await load("@google/genai", "genai-older");
const { GoogleGenAI, ApiError } = module;
const FILTERS = ["SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION"];

class Gemini {
  name = `google-genai-node ${version}`;
  own = "gemini";
  foreign = "openai";

  constructor(root, apiKey) {
    this.root = root;
    const httpOptions = { baseUrl: root, timeout: TIMEOUT_MS };
    this.api = new GoogleGenAI({ apiKey, vertexai: false, httpOptions });
  }

  stranger() {
    return new Gemini(this.root, "sk-stranger");
  }

  fault(error) {
    if (error instanceof ApiError) return { kind: kindOf(error.status), code: error.message };
    if (error instanceof TypeError && error.message === "terminated") return { kind: "other" };
    // Google itself tells an error in mid-stream without the frame of an event.
    const bare = error.message === "Incomplete JSON segment at the end";
    return bare || error.message.includes("exception") ? { kind: "other", code: error.message } : undefined;
  }

  wish({ model, tools, image, after }) {
    const parts = [{ text: PROMPT }];
    if (image) parts.push({ inlineData: { mimeType: "image/png", data: PIXEL } });
    const contents = [{ role: "user", parts }];
    if (after) {
      const results = after.calls.map(({ id, name }) => {
        return { functionResponse: { id, name, response: { output: RESULTS[name] } } };
      });
      contents.push(after.turn, { role: "user", parts: results });
    }
    const config = { systemInstruction: SYSTEM, maxOutputTokens: 500 };
    if (tools) {
      const functionDeclarations = TOOLS.map(([name, description]) => {
        return { name, description, parametersJsonSchema: CITY };
      });
      config.tools = [{ functionDeclarations }];
    }
    return { model, contents, config };
  }

  take(answer, said, kept) {
    if (answer.promptFeedback?.blockReason) said.finish = "filter";
    for (const { content, finishReason } of answer.candidates ?? []) {
      for (const part of content?.parts ?? []) {
        kept.push(part);
        if (part.text && !part.thought) said.text += part.text;
        if (part.functionCall) {
          const { id, name, args } = part.functionCall;
          said.calls.push({ id, name, arguments: args ?? {} });
        }
      }
      const finishes = { STOP: "stop", MAX_TOKENS: "length" };
      const finish = FILTERS.includes(finishReason) ? "filter" : finishes[finishReason];
      if (finishReason) said.finish = finish ?? finishReason;
    }
    if (said.calls.length && said.finish === "stop") said.finish = "tools";
    const usage = answer.usageMetadata;
    if (usage) {
      said.inputTokens = usage.promptTokenCount ?? 0;
      said.outputTokens = (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0);
      said.cachedTokens = usage.cachedContentTokenCount ?? 0;
    }
  }

  async ask(ask, said) {
    const kept = [];
    if (ask.stream) {
      for await (const chunk of await this.api.models.generateContentStream(this.wish(ask))) {
        this.take(chunk, said, kept);
      }
      // The client ends without a word where a stream does.
      assert.ok(said.finish, `ended cleanly without a reason, after ${said.text.slice(-40)}`);
    } else {
      this.take(await this.api.models.generateContent(this.wish(ask)), said, kept);
    }
    said.turn = { role: "model", parts: kept };
  }

  // A chat, which keeps the turns itself.
  async gather(model, said) {
    const chat = this.api.chats.create({ model });
    for await (const chunk of await chat.sendMessageStream({ message: PROMPT })) {
      said.text += chunk.text ?? "";
    }
    assert.ok((await chat.sendMessage({ message: "And again?" })).text);
  }

  async structured(model) {
    const config = { responseMimeType: "application/json", responseJsonSchema: CITY };
    const answer = await this.api.models.generateContent({ model, contents: PROMPT, config });
    // The other way to give a schema, with its own words for types.
    const responseSchema = { type: "OBJECT", properties: { city: { type: "STRING" } } };
    const other = { responseMimeType: "application/json", responseSchema };
    const again = await this.api.models.generateContent({ model, contents: PROMPT, config: other });
    assert.equal(typeof JSON.parse(again.text), "object");
    return JSON.parse(answer.text);
  }

  async count(model) {
    return (await this.api.models.countTokens({ model, contents: PROMPT })).totalTokens;
  }

  async embed(model) {
    const contents = ["the harbour", "the town"];
    const { embeddings } = await this.api.models.embedContent({ model, contents });
    return embeddings.map(({ values }) => values);
  }

  async models() {
    const names = [];
    for await (const model of await this.api.models.list()) names.push(model.name);
    return names;
  }
}

await main((root, key) => [new Gemini(root, key)]);
