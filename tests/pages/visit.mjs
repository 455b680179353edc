// Visits every public page of the status listener with a real browser: in two languages, light and
// dark, narrow and wide, with and without script, in forced colours and as print. Fails on what axe
// finds serious, on anything that a page's policy refused, on sideways scroll and on pages that are
// too heavy. Screenshots are left in the folder that is given.
//
//   node visit.mjs --chromium PROGRAM --afternoon URL --quiet URL --alone URL --out FOLDER

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const PAGE_BYTES_MAX = 120 * 1024;
const wanted = { type: "string" };
const { values: asked } = parseArgs({
  options: { chromium: wanted, afternoon: wanted, quiet: wanted, alone: wanted, out: wanted },
});
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const PATHS = [
  ["history", "/history"], ["may", "/history/2024-05"],
  ["incident", "/incidents/2024-06-04-chatgpt-2"],
  ["work", "/maintenances/w3"], ["report", "/report"], ["reported", "/reported"],
  ["counting", "/how-we-count"], ["subscribe", "/subscribe"], ["subscribed", "/subscribed"],
  ["confirm", "/confirm?token=abc"], ["unsubscribe", "/unsubscribe?token=abc"],
];
// The longest of the small pages, which is seen in as many ways as the page itself.
const OVER = "/incidents/2024-06-04-chatgpt-1";
const LOCALES = { en: "en-GB", zh: "zh-CN" };
const faults = [];
let visits = 0;

const browser = await chromium.launch({
  executablePath: asked.chromium,
  args: ["--no-sandbox", "--disable-gpu"],
});

async function visit(name, address, options, { checked = true, shot = true, media } = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const fault = text => faults.push(`${name}: ${text}`);
  page.on("console", message => {
    if (message.type() === "error") fault(`the browser says ${message.text()}`);
  });
  page.on("pageerror", error => fault(`a script failed: ${error.message}`));
  let bytes = 0;
  page.on("response", async response => {
    if (response.status() >= 400) fault(`${response.url()} is answered with ${response.status()}`);
    bytes += (await response.body().catch(() => "")).length;
  });
  const answer = await page.goto(address, { waitUntil: "load" });
  if (answer.status() !== 200) fault(`answered with ${answer.status()}`);
  if (media) await page.emulateMedia(media);
  const lang = await page.locator("html").getAttribute("lang");
  const spoken = options.locale.startsWith("zh") ? "zh-Hans" : "en";
  if (lang !== spoken) fault(`is in ${lang}, not in ${spoken}`);
  if (bytes > PAGE_BYTES_MAX) fault(`weighs ${bytes} bytes with all its parts`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth).catch(() => 0);
  if (wide > 0) fault(`scrolls sideways by ${wide} px`);
  if (checked) await check(page, fault);
  if (shot) await page.screenshot({ path: join(asked.out, `${name}.png`), fullPage: true });
  visits += 1;
  await context.close();
}

// The page's own policy lets no other script in, so axe comes by the debugger.
async function check(page, fault) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, {
    resultTypes: ["violations"],
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  for (const one of found.violations) {
    if (["serious", "critical"].includes(one.impact)) {
      const places = one.nodes.slice(0, 3).map(node => `${node.target} (${node.failureSummary?.split("\n").slice(1, 2)})`);
      fault(`axe, ${one.impact}: ${one.help}: ${places.join("; ")}`);
    }
  }
}

// The walls are walked with the keys alone.
async function walk(address) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(address, { waitUntil: "load" });
  const wall = page.locator("#c-openai_app .wall");
  await wall.focus();
  const line = page.locator("#c-openai_app .readout");
  const expect = async wanted => {
    const told = await line.textContent();
    if (!told.includes(wanted)) faults.push(`walking the wall: "${told}" has no "${wanted}"`);
  };
  await expect("329 min major outage");
  await page.keyboard.press("ArrowLeft");
  await expect("3 Jun: no trouble recorded");
  await page.keyboard.press("ArrowUp");
  await expect("4 May: no trouble recorded");
  visits += 1;
  await context.close();
}

// The lag counts on, and the page changes in place, unless somebody is reading in it.
async function live(address) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(address, { waitUntil: "load" });
  const lag = page.locator("[data-so-far]");
  await page.clock.runFor(5_000);
  const counted = (await lag.textContent()).replace(/\s+/g, " ").trim();
  if (!/^10 min [5-9] s$/.test(counted)) faults.push(`the lag says "${counted}" after 5 s`);
  const mark = () => page.evaluate(() => { document.querySelector("h1").dataset.old = "yes"; });
  const isOld = () => page.evaluate(() => document.querySelector("h1").dataset.old === "yes");
  await mark();
  await page.locator("main summary").first().focus();
  await page.clock.runFor(30_000);
  if (!(await isOld())) faults.push("the page changed under a reader");
  await page.evaluate(() => document.activeElement.blur());
  await page.clock.runFor(31_000);
  // The page's own clock stands still now, so the wait is on this side.
  for (let tries = 0; tries < 50 && await isOld(); tries += 1) {
    await new Promise(done => setTimeout(done, 100));
  }
  if (await isOld()) faults.push("the page does not change in place");
  const wall = page.locator("#c-openai_app .wall");
  if (await wall.getAttribute("role") !== "slider") faults.push("a wall that came later cannot be walked");
  visits += 1;
  await context.close();
}

// A report is sent as a reader without script would.
async function report(address) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "en-GB", javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${address}/report`);
  await page.selectOption("#component", "openai/app");
  await page.check("input[value=no_answer]");
  await page.fill("#words", "It loads and loads & nothing comes");
  await page.click("button[type=submit]");
  if (!page.url().endsWith("/reported")) faults.push(`a report led to ${page.url()}`);
  visits += 1;
  await context.close();
}

// A check that finds nothing is worth what it finds elsewhere: a page with a known fault.
async function prove() {
  const context = await browser.newContext({ viewport: broad, locale: "en-GB" });
  const page = await context.newPage();
  await page.setContent("<html lang=en><title>x</title><main><h1>x</h1><img src='data:,'><p style='color:#999'>pale</p></main></html>");
  const found = [];
  await check(page, text => found.push(text));
  if (found.length < 2) faults.push(`axe sees no fault where there are two: ${found}`);
  await context.close();
}

mkdirSync(asked.out, { recursive: true });
const narrow = { width: 390, height: 844 }, broad = { width: 1440, height: 900 };
const started = Date.now();
const tasks = [];
const plan = (name, address, options, more) => tasks.push(() => visit(name, address, options, more));
for (const [tongue, locale] of Object.entries(LOCALES)) {
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [narrow, broad]) {
      plan(`main-${tongue}-${colorScheme}-${viewport.width}`, asked.afternoon, { viewport, locale, colorScheme });
      plan(`over-${tongue}-${colorScheme}-${viewport.width}`, asked.afternoon + OVER, { viewport, locale, colorScheme });
    }
  }
  // The small pages once dark and wide, once light and narrow; each language has one of them.
  const kind = tongue === "en" ? { viewport: broad, colorScheme: "dark" } : { viewport: narrow, colorScheme: "light" };
  for (const [name, path] of PATHS) {
    plan(`${name}-${tongue}-${kind.colorScheme}-${kind.viewport.width}`, asked.afternoon + path, { ...kind, locale });
  }
  plan(`quiet-${tongue}-light-1440`, asked.quiet, { viewport: broad, locale });
  plan(`alone-${tongue}-light-390`, asked.alone, { viewport: narrow, locale });
  plan(`bare-${tongue}-light-390`, asked.afternoon, { viewport: narrow, locale, javaScriptEnabled: false }, { checked: false });
}
plan("small-en-light-320", asked.afternoon, { viewport: { width: 320, height: 640 }, locale: "en-GB" });
plan("forced-en-dark-1440", asked.afternoon, { viewport: broad, locale: "en-GB", colorScheme: "dark", forcedColors: "active" }, { checked: false });
plan("print-en-1440", asked.afternoon, { viewport: broad, locale: "en-GB" }, { checked: false, media: { media: "print" } });
tasks.push(() => walk(asked.afternoon), () => live(asked.afternoon), () => report(asked.afternoon), prove);

// Two at a time: one draws while the other is looked through.
const work = async () => { for (let task; (task = tasks.shift());) await task(); };
await Promise.all([work(), work()]);
await browser.close();

for (const fault of faults) console.log(`FAULT ${fault}`);
console.log(`${visits} visits in ${((Date.now() - started) / 1000).toFixed(1)} s, ${faults.length} faults`);
process.exit(faults.length > 0 ? 1 : 0);
