// What every client is put through, in no client's words; the same scenes as in `scenes.py`. A
// driver, which each client script has, makes the client ask and tells what it was given.
//
// Prints a line of JSON for each case; `run.py` reads them.

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { parseArgs } from "node:util";

export const WALL_TEXT =
  "Each morning the harbour wakes before the town does. Small boats leave in a line, gulls argue " +
  "over scraps, and the old crane swings slowly above the quay. When the weather turns, a long " +
  "stone wall takes the first blow of every wave, so that the boats behind it lie still and the " +
  "people ashore can finish their day's work.";
export const SYSTEM = "Be brief.";
export const PROMPT = "Say something about the harbour.";
export const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const CITY = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
export const TOOLS = [
  ["weather", "The weather of a city"],
  ["local_time", "The local time of a city"],
];
export const RESULTS = { weather: "sunny-and-mild", local_time: "half-past-nine" };
export const TIMEOUT_MS = 60_000;
const WORDS = words(WALL_TEXT);

const { values: WISH } = parseArgs({
  options: {
    root: { type: "string" },
    key: { type: "string" },
    // RUNG=WALL: a rung and the wall behind it.
    rung: { type: "string", multiple: true, default: [] },
    // A gateway where callers stand in line, and the file of what it sends.
    line: { type: "string" },
    heard: { type: "string" },
    generation: { type: "string", default: "newer" },
    direct: { type: "boolean", default: false },
    scene: { type: "string", multiple: true, default: [] },
  },
});
const WALLS = new Map(WISH.rung.map((pair) => pair.split("=", 2)));
export const OLDER = WISH.generation === "older";

// A package of the generation that is asked for; the older has another name in package.json.
export async function load(newer, older) {
  const name = OLDER ? older : newer;
  const folder = name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/");
  const manifest = new URL(`./node_modules/${folder}/package.json`, import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, "utf8"));
  return { module: await import(name), version };
}

export const said = () => ({
  text: "",
  refusal: "",
  calls: [],
  finish: "",
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  turn: undefined,
});

// The kind of a refusal by its status.
export function kindOf(status) {
  const known = { 400: "rejected", 413: "rejected", 401: "auth", 403: "auth", 404: "not found" };
  if (status === 429) return "rate";
  return known[status] ?? (status >= 500 ? "server" : "other");
}

function words(text) {
  return text.split(/\s+/).filter(Boolean).length;
}

const even = (text) => text.split(/\s+/).filter(Boolean).join(" ");

class NoSuchThing extends Error {}

// A driver before a rung.
class Case {
  constructor(driver, rung, make) {
    Object.assign(this, { driver, rung, make, prefix: WISH.direct ? "" : `${rung}/` });
  }

  model(scene) {
    // What fails on purpose does so under a name of its own for each client, so that no breaker that
    // one has tripped stands in the way of another.
    const own = `-${this.driver.name.replaceAll(/[^a-z0-9]/gi, "-")}`;
    return `${this.prefix}${scene}${scene.startsWith("fb-s") ? own : ""}`;
  }

  async answer(scene, more = {}) {
    const answer = said();
    await this.driver.ask({ model: this.model(scene), ...more }, answer);
    return answer;
  }

  // The fault with which an act ends; anything but the client's own exception fails.
  async refused(act) {
    try {
      await act();
    } catch (error) {
      return this.faultOf(error);
    }
    return assert.fail("an error was expected, nothing was raised");
  }

  faultOf(error) {
    const fault = error instanceof assert.AssertionError ? undefined : this.driver.fault(error);
    if (!fault) throw error;
    return fault;
  }

  // The last body that the wall got for a scene.
  async received(scene) {
    const { attempts } = await (await fetch(`${WALLS.get(this.rung)}/control/log?bodies=1`)).json();
    const bodies = attempts.filter((at) => at.model === scene).map((at) => at.received?.body);
    const found = bodies.filter(Boolean);
    assert.ok(found.length, `the wall never saw ${scene}`);
    return JSON.parse(found.at(-1));
  }
}

function whole(answer) {
  assert.equal(even(answer.text), WALL_TEXT);
}

function counted(answer, count = WORDS) {
  assert.equal(answer.outputTokens, count, "tokens of output");
  assert.ok(answer.inputTokens > 0 && answer.inputTokens < 500, `input ${answer.inputTokens}`);
}

// The calls of a body and the results under their ids, whatever its dialect: name to result.
function paired(body) {
  const names = new Map();
  const results = new Map();
  const walk = (value) => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (value === null || typeof value !== "object") return undefined;
    if (value.type === "function" && value.id) names.set(value.id, value.function.name);
    else if (value.type === "function_call") names.set(value.call_id, value.name);
    else if (value.type === "tool_use") names.set(value.id, value.name);
    else if (value.functionResponse) {
      // Gemini pairs by name; ids are there only for some models.
      const { name, response } = value.functionResponse;
      names.set(name, name);
      results.set(name, JSON.stringify(response));
    }
    if (value.role === "tool") results.set(value.tool_call_id, JSON.stringify(value.content));
    else if (value.type === "function_call_output") {
      results.set(value.call_id, JSON.stringify(value.output));
    } else if (value.type === "tool_result") {
      results.set(value.tool_use_id, JSON.stringify(value.content));
    }
    return Object.values(value).forEach(walk);
  };
  walk(body);
  assert.deepEqual([...names.keys()].sort(), [...results.keys()].sort(), "calls and results");
  return [...results].map(([id, result]) => [names.get(id), result]);
}

// --- The scenes. ---

async function roundTrip(on, scene, count, stream) {
  const first = await on.answer(scene, { stream, tools: true });
  const got = first.calls.map((call) => [call.name, call.arguments.city]);
  assert.deepEqual(got, [["weather", "Lagos"], ["local_time", "Oslo"]].slice(0, count));
  assert.equal(first.finish, "tools");
  const ids = first.calls.map((call) => call.id);
  const apart = ids.every(Boolean) && new Set(ids).size === count;
  assert.ok(apart || on.driver.own === "gemini", `ids ${ids}`);
  const again = await on.answer(scene, { stream, tools: true, after: first });
  whole(again);
  assert.equal(again.finish, "stop");
  const results = paired(await on.received(scene));
  assert.equal(results.length, count);
  for (const [name, result] of results) {
    assert.ok(result.includes(RESULTS[name]), `${name} was given ${result}`);
  }
}

// The part that came is a part of the text, and the end is an exception of the client.
async function torn(on, scene, least) {
  const part = said();
  await on.refused(() => on.driver.ask({ model: on.model(scene), stream: true }, part));
  assert.ok(WALL_TEXT.startsWith(even(part.text)), `another text: ${part.text}`);
  assert.ok(words(part.text) >= least, `only '${part.text}' came`);
}

async function tooLong(on, stream) {
  assert.equal((await on.refused(() => on.answer("fb-s12", { stream }))).kind, "rejected");
}

function toldAsFilter(on, answer) {
  // Perplexity has no word for a refusal and answers in plain text.
  const plain = on.rung === "perplexity" && answer.text.includes("will not help");
  assert.ok(answer.refusal || answer.finish === "filter" || plain, `finish ${answer.finish}`);
}

async function refused(on, scene, stream) {
  const answer = said();
  try {
    await on.driver.ask({ model: on.model(scene), stream }, answer);
  } catch (error) {
    const { kind } = on.faultOf(error);
    assert.ok(["rejected", "filter"].includes(kind), kind);
    return;
  }
  assert.ok(!answer.text.includes(WALL_TEXT.slice(0, 20)), answer.text);
  toldAsFilter(on, answer);
}

async function filtered(on, stream) {
  const answer = said();
  try {
    await on.driver.ask({ model: on.model("fb-filter-mid"), stream }, answer);
  } catch (error) {
    assert.equal(on.faultOf(error).kind, "filter");
    return;
  }
  assert.ok(answer.text && WALL_TEXT.startsWith(even(answer.text)), answer.text);
  assert.equal(answer.finish, "filter");
}

async function limited(on, stream) {
  const answer = await on.answer("fb-length", { stream });
  assert.deepEqual([answer.finish, words(answer.text)], ["length", 12]);
  counted(answer, 12);
}

async function fromCache(on, stream) {
  const answer = await on.answer("fb-cached", { stream });
  whole(answer);
  assert.ok(answer.inputTokens > 1024 && answer.inputTokens < 1524, `${answer.inputTokens}`);
  assert.equal(answer.cachedTokens, 1024, "cached tokens");
}

// Some providers have no such service; then the refusal says so, in the caller's words.
async function mayBeMissing(on, act) {
  if (!["anthropic", "perplexity"].includes(on.rung)) return act();
  const fault = await on.refused(act);
  assert.equal(fault.kind, "rejected");
  throw new NoSuchThing(`no vectors of ${on.rung}: ${fault.code}`);
}

// Once for a client.
const AT_HOME = {
  async models(on) {
    const names = await on.driver.models();
    assert.ok(names.some((name) => name.includes("fb-ok")), names.join());
  },
  async wrong_key(on) {
    const stranger = on.driver.stranger();
    const fault = await on.refused(() => stranger.ask({ model: on.model("fb-ok") }, said()));
    const kinds = on.driver.own === "gemini" ? ["auth", "rejected"] : ["auth"];
    assert.ok(kinds.includes(fault.kind), fault.kind);
  },
  async unknown_model(on) {
    const fault = await on.refused(() => on.driver.ask({ model: "no-such-model" }, said()));
    assert.equal(fault.kind, "not found");
  },
  // The client's own gathering of a stream.
  async gathered(on) {
    const answer = said();
    await on.driver.gather(on.model("fb-ok"), answer);
    whole(answer);
  },
};

// Where the gateway stands between.
const IN_LINE = {
  // Behind another stream, whose provider thinks, on a rung that takes one at a time: the client is
  // told that it waits, in comments if it can read them, and then it is answered.
  async in_line(on) {
    const driver = on.make(WISH.line, WISH.key).find(({ name }) => name === on.driver.name);
    const model = on.model("fb-s34-line");
    const before = statSync(WISH.heard).size;
    const answers = [said(), said()];
    await Promise.all(answers.map((answer) => driver.ask({ model, stream: true }, answer)));
    for (const answer of answers) {
      whole(answer);
      assert.equal(answer.finish, "stop");
    }
    const told = readFileSync(WISH.heard).subarray(before).toString();
    const comments = told.split("\n").filter((line) => line.startsWith(":"));
    if (driver.own === "gemini") {
      assert.deepEqual(comments, [], "a client that cannot read them");
      return;
    }
    for (const start of [": seawall waiting position=1", ": seawall answers"]) {
      assert.ok(comments.some((line) => line.startsWith(start)), comments.join());
    }
  },
};

// On every rung.
const SHORT = {
  async text(on) {
    const answer = await on.answer("fb-ok");
    whole(answer);
    assert.equal(answer.finish, "stop");
    counted(answer);
    assert.ok(JSON.stringify(await on.received("fb-ok")).includes(SYSTEM), "no system's turn");
  },
  async stream(on) {
    const answer = await on.answer("fb-ok", { stream: true });
    whole(answer);
    assert.equal(answer.finish, "stop");
    counted(answer);
  },
  tools: (on) => roundTrip(on, "fb-tools", 1, false),
  tools_streamed: (on) => roundTrip(on, "fb-tools", 1, true),
  parallel_streamed: (on) => roundTrip(on, "fb-parallel-tools", 2, true),
  async structured(on) {
    // Some clients ask for structure by a tool of their own.
    const got = await on.driver.structured(on.model(on.driver.byTool ? "fb-tools" : "fb-ok-json"));
    assert.deepEqual(Object.keys(got), ["city"]);
  },
  async image(on) {
    assert.equal((await on.answer("fb-ok-image", { image: true })).text.trim(), "I see 1 image.");
  },
  too_long: (on) => tooLong(on, false),
  cut: (on) => torn(on, "fb-s08", 10),
  filtered_streamed: (on) => filtered(on, true),
  length_streamed: (on) => limited(on, true),
  async embeddings(on) {
    const [one, two] = await mayBeMissing(on, () => on.driver.embed(on.model("fb-ok")));
    assert.ok(one.length > 7 && one.length === two.length);
    assert.notDeepEqual(one, two);
    const square = one.reduce((sum, x) => sum + x * x, 0);
    assert.ok(Math.abs(square - 1) < 1e-3, `a vector of length ${square}`);
  },
  async count_tokens(on) {
    const count = await on.driver.count(on.model("fb-ok"));
    assert.ok(count > 0 && count < 100, `${count}`);
  },
};

// On the rung of the client's own dialect and on another.
const LONG = {
  parallel: (on) => roundTrip(on, "fb-parallel-tools", 2, false),
  // The client's own loop: it calls the functions and asks again.
  async agent(on) {
    const called = [];
    const text = await on.driver.agent(on.model("fb-parallel-tools"), called);
    assert.equal(even(text), WALL_TEXT);
    assert.deepEqual(called.sort(), [["local_time", "Oslo"], ["weather", "Lagos"]]);
  },
  too_long_streamed: (on) => tooLong(on, true),
  error_mid: (on) => torn(on, "fb-error-mid", 5),
  error_first: (on) => torn(on, "fb-error-first", 0),
  async overloaded(on) {
    assert.equal((await on.refused(() => on.answer("fb-s04"))).kind, "server");
  },
  async rate_limited(on) {
    const fault = await on.refused(() => on.answer("fb-s02"));
    assert.equal(fault.kind, "rate");
    if (fault.retryAfter) assert.ok(Number(fault.retryAfter) <= 60, fault.retryAfter);
  },
  refusal: (on) => refused(on, "fb-refusal", false),
  refusal_streamed: (on) => refused(on, "fb-refusal", true),
  policy: (on) => refused(on, "fb-s13", false),
  filtered: (on) => filtered(on, false),
  length: (on) => limited(on, false),
  cached: (on) => fromCache(on, false),
  cached_streamed: (on) => fromCache(on, true),
  async thinking(on) {
    whole(await on.answer("fb-thinking"));
    whole(await on.answer("fb-thinking", { stream: true }));
  },
  async citations(on) {
    for (const stream of [false, true]) {
      const answer = await on.answer("fb-citations", { stream });
      assert.ok(even(answer.text).startsWith(WALL_TEXT.slice(0, 52)), answer.text);
      assert.equal(answer.finish, "stop");
    }
  },
  async unknown_there(on) {
    assert.equal((await on.refused(() => on.answer("no-such"))).kind, "not found");
  },
};

// What the gateway must mend; before the wall itself there is nobody to do it.
const MENDED = {
  async once_busy(on) {
    whole(await on.answer("fb-s03"));
  },
  async garbled(on) {
    whole(await on.answer("fb-s10", { stream: true }));
  },
  // A stream without its closing mark: whole where the end was told before, else an error.
  async no_mark(on) {
    const answer = said();
    try {
      await on.driver.ask({ model: on.model("fb-s11"), stream: true }, answer);
    } catch (error) {
      on.faultOf(error);
      assert.ok(!["azure", "anthropic", "compatible"].includes(on.rung), `${error}`);
      return;
    }
    whole(answer);
    assert.equal(answer.finish, "stop");
  },
};

// What only some drivers have, and its method.
const OPTIONAL = {
  gathered: "gather",
  agent: "agent",
  embeddings: "embed",
  count_tokens: "count",
  models: "models",
  structured: "structured",
};

function scenesOf(driver, rung) {
  let chosen = SHORT;
  if (WISH.direct) chosen = { ...SHORT, ...LONG, ...AT_HOME };
  else if (rung === driver.own) chosen = { ...SHORT, ...LONG, ...MENDED, ...AT_HOME, ...IN_LINE };
  else if (rung === driver.foreign) chosen = { ...SHORT, ...LONG, ...MENDED };
  return Object.entries(chosen).filter(([name]) => {
    const asked = !WISH.scene.length || WISH.scene.includes(name);
    const cannot = { ...driver.cannot, ...(WISH.direct ? driver.cannotDirect : {}) };
    if (driver.notOn?.[rung]?.includes(name)) return false;
    if (driver.only && !driver.only.includes(name)) return false;
    return asked && !(name in cannot) && driver[OPTIONAL[name] ?? "ask"];
  });
}

async function play(on, scene) {
  try {
    await scene(on);
  } catch (error) {
    if (error instanceof NoSuchThing) return { end: "none", why: error.message };
    return { end: "failed", why: `${error?.name}: ${error?.message ?? error}`.slice(0, 600) };
  }
  return { end: "ok", why: "" };
}

// Everything on one rung; the rungs are played beside one another, each before its own wall.
async function playRung(driver, rung, make) {
  for (const [scene, act] of scenesOf(driver, rung)) {
    const start = performance.now();
    const end = await play(new Case(driver, rung, make), act);
    const took_s = Math.round(performance.now() - start) / 1_000;
    console.log(JSON.stringify({ client: driver.name, rung, scene, ...end, took_s }));
  }
}

// Plays everything; `make(root, key)` gives the drivers.
export async function main(make) {
  for (const driver of make(WISH.root, WISH.key)) {
    const rungs = WISH.direct ? [driver.own] : [...WALLS.keys()];
    await Promise.all(rungs.map((rung) => playRung(driver, rung, make)));
  }
  // A client may keep a connection, which would keep the process.
  process.exit(0);
}
