// OpenAI's official Node SDK against the release binary: on the wall and on the reserve model.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import OpenAI from "openai";

const READY_MS_MAX = 120_000;
const KEY = "sk-caller-of-the-sdk-test";
const HELLO = [{ role: "user", content: "Hello" }];
const RESERVE = "reserve/smollm2-135m";
const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};
const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA" +
  "WjR9awAAAABJRU5ErkJggg==";

// --- The stage: servers on free ports, ended by their id. ---

const folder = mkdtempSync(join(tmpdir(), "seawall-test-"));
const servers = [];

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function start(seawall, name, args, ready, environment = {}) {
  const log = join(folder, `${name}.log`);
  const file = openSync(log, "w");
  const env = { ...process.env, ...environment };
  const child = spawn(seawall, args, { stdio: ["ignore", file, file], env });
  closeSync(file);
  const server = { name, child, log: () => readFileSync(log, "utf8") };
  servers.push(server);
  for (const until = Date.now() + READY_MS_MAX; Date.now() < until; await sleep(50)) {
    if (child.exitCode !== null) throw new Error(`${name} ended early:\n${server.log()}`);
    const answer = await fetch(ready).catch(() => undefined);
    await answer?.text();
    if (answer?.status === 200) return server;
  }
  throw new Error(`${name} is not ready:\n${server.log()}`);
}

async function startWall(seawall) {
  const address = `127.0.0.1:${await freePort()}`;
  const args = ["wall", "--listen", address, "--profile", "fast"];
  const server = await start(seawall, "wall", args, `http://${address}/control/health`);
  return Object.assign(server, { root: `http://${address}` });
}

async function startGateway(seawall, name, toml) {
  const [gateway, status, console] = [await freePort(), await freePort(), await freePort()];
  const doors = Object.entries({ gateway, status, console });
  const listen = doors.map(([door, port]) => `${door} = "127.0.0.1:${port}"\n`).join("");
  const path = join(folder, `${name}.toml`);
  writeFileSync(path, `[listen]\n${listen}\n${toml}`);
  const root = `http://127.0.0.1:${gateway}`;
  const environment = { WALL_KEY: "sk-provider-of-the-sdk-test" };
  const server = await start(seawall, name, ["serve", "-c", path], `${root}/readyz`, environment);
  return Object.assign(server, { root });
}

async function stopAll() {
  for (const { child } of servers.reverse()) {
    if (child.exitCode !== null) continue;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(late);
  }
  rmSync(folder, { recursive: true });
}

const config = (wall, assistant, reserve) => `
[providers.wall]
kind = "compatible"
base_url = "${wall.root}/v1"
api_keys = ["env:WALL_KEY"]

[models."fb-*"]
ladder = ["wall/*"]

[models.assistant]
ladder = ["${assistant}"]

[reserve]
enabled = ${reserve}
`;

// --- What the cases share. ---

function client(server, more = {}) {
  const baseURL = `${server.root}/v1`;
  return new OpenAI({ baseURL, apiKey: KEY, maxRetries: 0, timeout: 90_000, ...more });
}

const words = (text) => text.split(/\s+/).filter(Boolean).length;

async function raises(kind, act) {
  try {
    await act();
  } catch (error) {
    assert.ok(error instanceof kind, `${kind.name} was expected, not ${error}`);
    return error;
  }
  assert.fail(`${kind.name} was expected, nothing was raised`);
}

async function textOf(stream) {
  const seen = { text: "", finish: null, usages: [] };
  for await (const chunk of stream) {
    if (chunk.usage) seen.usages.push(chunk.usage);
    for (const choice of chunk.choices) {
      seen.text += choice.delta.content ?? "";
      seen.finish = choice.finish_reason ?? seen.finish;
    }
  }
  return seen;
}

async function firstChunks(stream, count) {
  for await (const _ of stream) {
    count -= 1;
    if (count === 0) break;
  }
}

// --- On the wall. ---

function wallCases(gateway, wall, locked) {
  const api = client(gateway);
  const ask = (model, more = {}) => api.chat.completions.create({ model, messages: HELLO, ...more });
  const log = async (model) => {
    const { attempts } = await (await fetch(`${wall.root}/control/log`)).json();
    return attempts.filter((attempt) => attempt.model === model);
  };
  return {
    async chat() {
      const answer = await ask("fb-ok");
      assert.equal(words(answer.choices[0].message.content), 60);
      assert.equal(answer.choices[0].finish_reason, "stop");
      assert.equal(answer.usage.completion_tokens, 60);
    },
    async stream() {
      const { text, finish, usages } = await textOf(await ask("fb-ok", { stream: true }));
      assert.deepEqual([words(text), finish, usages], [60, "stop", []]);
    },
    async "stream with usage"() {
      const more = { stream: true, stream_options: { include_usage: true } };
      const { usages } = await textOf(await ask("fb-ok", more));
      assert.deepEqual(usages.map((usage) => usage.completion_tokens), [60]);
    },
    async "stream helper"() {
      const final = await api.chat.completions
        .stream({ model: "fb-ok", messages: HELLO })
        .finalChatCompletion();
      assert.equal(words(final.choices[0].message.content), 60);
    },
    async tools() {
      const answer = await ask("fb-ok-tools", { tools: [WEATHER] });
      const [choice] = answer.choices;
      const [call] = choice.message.tool_calls;
      assert.equal(choice.finish_reason, "tool_calls");
      assert.deepEqual(JSON.parse(call.function.arguments), { city: "Lagos" });
      const result = { role: "tool", tool_call_id: call.id, content: "sunny" };
      const messages = [...HELLO, choice.message, result];
      const again = await ask("fb-ok-tools", { tools: [WEATHER], messages });
      assert.equal(words(again.choices[0].message.content), 60);
    },
    async "tools, streamed"() {
      let given = "";
      for await (const chunk of await ask("fb-ok-tools", { tools: [WEATHER], stream: true })) {
        const calls = chunk.choices[0]?.delta.tool_calls ?? [];
        for (const call of calls) given += call.function.arguments ?? "";
      }
      assert.deepEqual(JSON.parse(given), { city: "Lagos" });
    },
    async "JSON schema"() {
      const properties = { city: { type: "string" }, degrees: { type: "number" } };
      const schema = { type: "object", properties, required: ["city", "degrees"] };
      const response_format = { type: "json_schema", json_schema: { name: "weather", schema } };
      const answer = await ask("fb-ok-json", { response_format });
      const { city, degrees } = JSON.parse(answer.choices[0].message.content);
      assert.deepEqual([typeof city, typeof degrees], ["string", "number"]);
    },
    async images() {
      const image = { type: "image_url", image_url: { url: PIXEL } };
      const content = [{ type: "text", text: "What is it?" }, image];
      const answer = await ask("fb-ok-image", { messages: [{ role: "user", content }] });
      assert.match(answer.choices[0].message.content, /1 image/);
    },
    async "unknown fields pass"() {
      const strange = { n: 1.5, deep: [null, true, "ü"] };
      const answer = await ask("fb-ok-echo", { x_shop: strange });
      const seen = JSON.parse(answer.choices[0].message.content);
      assert.deepEqual([seen.x_shop, seen.model], [strange, "fb-ok-echo"]);
    },
    async models() {
      const ids = [];
      for await (const model of api.models.list()) ids.push(model.id);
      assert.ok(ids.includes("assistant"), ids.join());
    },
    async headers() {
      const { response } = await ask("fb-ok").withResponse();
      assert.equal(response.headers.get("seawall-served-by"), "wall/fb-ok");
      assert.equal(response.headers.get("seawall-attempts"), "1");
      assert.ok(response.headers.get("seawall-request-id"));
    },
    async "unknown model"() {
      const error = await raises(OpenAI.NotFoundError, () => ask("no-such-model"));
      assert.equal(error.code, "model_not_found");
    },
    async "wrong key"() {
      const stranger = client(locked, { apiKey: "sk-wrong" });
      const create = () => stranger.chat.completions.create({ model: "fb-ok", messages: HELLO });
      const error = await raises(OpenAI.AuthenticationError, create);
      assert.ok(!String(error).includes("sk-wrong"));
    },
    async "right key"() {
      const answer = await client(locked).chat.completions.create({ model: "fb-ok", messages: HELLO });
      assert.ok(answer.choices.length);
    },
    async "429 with Retry-After"() {
      const model = "fb-s02-sdk-node";
      const error = await raises(OpenAI.RateLimitError, () => ask(model));
      const waitS = Number(error.headers.get("retry-after"));
      assert.ok(waitS >= 1 && waitS <= 60, `${waitS}`);
      const tries = [];
      const counted = (url, init) => {
        tries.push(new Headers(init.headers).get("x-stainless-retry-count"));
        return fetch(url, init);
      };
      const patient = client(gateway, { maxRetries: 1, fetch: counted });
      const start = Date.now();
      const create = () => patient.chat.completions.create({ model, messages: HELLO });
      const last = await raises(OpenAI.RateLimitError, create);
      if (last.headers.get("x-should-retry") === "false") {
        assert.deepEqual(tries, ["0"]);
      } else {
        assert.deepEqual(tries, ["0", "1"]);
        assert.ok(Date.now() - start >= 1_000);
      }
    },
    async "429 once is retried by the gateway"() {
      const answer = await ask("fb-s01-sdk-node");
      assert.equal(words(answer.choices[0].message.content), 60);
      assert.equal((await log("fb-s01-sdk-node")).length, 2);
    },
    async "hang-up in mid-stream"() {
      const stream = await ask("fb-ok-slow", { stream: true });
      await firstChunks(stream, 3);
      stream.controller.abort();
      const closed = Date.now();
      while (!(await log("fb-ok-slow")).some((attempt) => attempt.hung_up)) {
        assert.ok(Date.now() - closed < 1_000, "the provider's call went on");
        await sleep(20);
      }
    },
    async "a cut stream is taken over"() {
      let told = "";
      const finishes = [];
      for await (const { choices } of await ask("fb-s08", { stream: true })) {
        for (const { delta, finish_reason } of choices) {
          told += delta.content ?? "";
          finishes.push(finish_reason);
        }
      }
      assert.equal(told.split(" ").length, 60, told);
      assert.equal(finishes.pop(), "stop");
      assert.ok(finishes.every((finish) => finish === null), "only the last one ends it");
    },
    async "a cut stream that nobody goes on with raises"() {
      // Half a tool call is nothing that anybody could go on with.
      let seen = 0;
      await raises(OpenAI.APIError, async () => {
        for await (const _ of await ask("fb-s25", { tools: [WEATHER], stream: true })) seen += 1;
      });
      assert.ok(seen >= 2, "the part before the cut is the caller's");
    },
    async "a provider's own refusal"() {
      const error = await raises(OpenAI.BadRequestError, () => ask("fb-s12"));
      assert.equal(error.code, "context_length_exceeded");
    },
  };
}

// --- On the reserve. ---

function reserveCases(gateway) {
  const api = client(gateway);
  const ask = (content = "What is the capital of France?", more = {}) =>
    api.chat.completions.create({ model: "assistant", messages: [{ role: "user", content }], ...more });
  return {
    async "reserve: chat"() {
      const { data, response } = await ask(undefined, { temperature: 0 }).withResponse();
      assert.ok(data.choices[0].message.content.trim());
      assert.ok(data.usage.completion_tokens > 0);
      assert.match(data.model, /smollm2/);
      assert.equal(response.headers.get("seawall-served-by"), RESERVE);
    },
    async "reserve: stream"() {
      const more = { stream: true, stream_options: { include_usage: true }, max_tokens: 24 };
      const { text, finish, usages } = await textOf(await ask("Count from one to five.", more));
      assert.ok(text.trim() && ["stop", "length"].includes(finish));
      assert.equal(usages.length, 1);
    },
    async "reserve: stop string"() {
      const more = { stop: ["."], max_tokens: 200, temperature: 0 };
      const answer = await ask("Tell me about the sea.", more);
      assert.ok(!answer.choices[0].message.content.includes("."));
      assert.equal(answer.choices[0].finish_reason, "stop");
    },
    async "reserve: max_tokens"() {
      const answer = await ask("Tell me a long story about the sea.", { max_tokens: 5 });
      assert.equal(answer.choices[0].finish_reason, "length");
      assert.equal(answer.usage.completion_tokens, 5);
    },
    async "reserve: context too long"() {
      const long = "harbour wave gull ".repeat(3_000);
      const error = await raises(OpenAI.BadRequestError, () => ask(long));
      assert.equal(error.code, "context_length_exceeded");
    },
    async "reserve: tools are refused"() {
      const act = () => ask(undefined, { tools: [WEATHER] });
      assert.match(String(await raises(OpenAI.BadRequestError, act)), /tool/);
    },
    async "reserve: other scripts are refused"() {
      await raises(OpenAI.BadRequestError, () => ask("请用两句话介绍一下北京的历史和文化。"));
    },
  };
}

// --- The run. ---

const { values } = parseArgs({
  options: { seawall: { type: "string" }, "without-reserve": { type: "boolean" } },
});
if (!values.seawall) throw new Error("--seawall FILE is needed: the binary under test");
const count = { passed: 0, failed: 0 };

async function run(cases) {
  for (const [name, check] of Object.entries(cases)) {
    const start = Date.now();
    try {
      await check();
      count.passed += 1;
      console.log(`ok     ${name} (${((Date.now() - start) / 1_000).toFixed(1)} s)`);
    } catch (error) {
      count.failed += 1;
      console.log(`FAILED ${name}: ${error}`);
    }
  }
}

try {
  const wall = await startWall(values.seawall);
  const plain = config(wall, "wall/fb-ok", false);
  const full = values["without-reserve"] ? plain : config(wall, RESERVE, true);
  const gateway = await startGateway(values.seawall, "gateway", full);
  const digest = createHash("sha256").update(KEY).digest("hex");
  const auth = `[auth]\nkeys = [{ name = "shop", hash = "sha256:${digest}" }]\n`;
  const locked = await startGateway(values.seawall, "locked", plain + auth);
  await run(wallCases(gateway, wall, locked));
  if (!values["without-reserve"]) await run(reserveCases(gateway));
  if (count.failed) console.log(gateway.log().slice(-4_000));
} finally {
  await stopAll();
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed || !count.passed ? 1 : 0;
