// Small comforts. Every page reads and works without this file.
(() => {
  "use strict";
  const key = "seawall-theme";
  const zh = document.documentElement.lang.startsWith("zh");
  const DAY_MS = 864e5, LAST = 89, REFRESH_MS = 30_000;

  // The choice of colours is kept. A browser that keeps nothing still has the choice.
  const store = { get: () => { try { return localStorage.getItem(key); } catch { return null; } },
    set: value => { try { localStorage.setItem(key, value); } catch { /* not kept */ } } };
  for (const radio of document.querySelectorAll(".theme input")) {
    if (radio.value === store.get()) radio.checked = true;
    radio.addEventListener("change", () => store.set(radio.value));
  }

  // Walls: one tab stop each; arrow keys walk the days, up and down a course; the line below says
  // what was recorded.
  const walk = wall => {
    const line = wall.closest(".comp").querySelector(".readout"), usual = line.textContent;
    const said = new Map(wall.dataset.said.split("|").filter(Boolean).map(one => {
      const cut = one.indexOf("=");
      return [Number(one.slice(0, cut)), one.slice(cut + 1)];
    }));
    const stones = [...wall.children], end = Date.parse(`${wall.dataset.end}T00:00:00Z`);
    const format = new Intl.DateTimeFormat(zh ? "zh-Hans" : "en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
    const words = index => {
      if (said.has(index)) return said.get(index);
      const gap = stones[index].className === "x";
      const what = gap ? (zh ? "无数据" : "no data") : (zh ? "未记录到故障" : "no trouble recorded");
      return `${format.format(end - (LAST - index) * DAY_MS)}${zh ? "：" : ": "}${what}`;
    };
    let at = LAST;
    const show = index => {
      stones[at].classList.remove("on");
      at = Math.max(0, Math.min(LAST, index));
      const text = words(at);
      stones[at].classList.add("on");
      line.textContent = text;
      wall.setAttribute("aria-valuenow", at + 1);
      wall.setAttribute("aria-valuetext", text);
    };
    const leave = () => { stones[at].classList.remove("on"); line.textContent = usual; };
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -30, ArrowDown: 30, Home: -LAST, End: LAST };
    wall.setAttribute("role", "slider");
    wall.tabIndex = 0;
    wall.setAttribute("aria-valuemin", 1);
    wall.setAttribute("aria-valuemax", LAST + 1);
    wall.setAttribute("aria-valuenow", LAST + 1);
    wall.setAttribute("aria-valuetext", words(LAST));
    wall.addEventListener("pointermove", event => {
      const index = stones.indexOf(event.target);
      if (index >= 0) show(index);
    });
    wall.addEventListener("pointerleave", leave);
    wall.addEventListener("blur", leave);
    wall.addEventListener("focus", () => show(at));
    wall.addEventListener("keydown", event => {
      if (event.key in steps) { event.preventDefault(); show(at + steps[event.key]); }
    });
  };
  const dress = () => document.querySelectorAll(".wall[data-said]").forEach(walk);
  dress();

  // A lag that is still growing counts on by the second; nobody is told of it aloud. The server
  // says how long it was when the page was made: the reader's clock may be wrong.
  let drawn = Date.now();
  const count = () => {
    for (const figure of document.querySelectorAll("[data-so-far]")) {
      const seconds = Number(figure.dataset.soFar) + Math.floor((Date.now() - drawn) / 1000);
      const values = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
      const parts = figure.dataset.units.split(" ").map((unit, index) => [values[index], unit]);
      const shown = values[0] > 0 ? parts.slice(0, 2) : parts.slice(1);
      figure.replaceChildren(...shown.flatMap(([value, unit]) => {
        const number = document.createElement("b"), small = document.createElement("small");
        number.textContent = value;
        small.textContent = unit;
        return [number, " ", small, " "];
      }));
    }
  };
  count();
  setInterval(count, 1000);

  // The page is asked for again and its parts change in place, unless somebody reads or types in
  // them. Only the line of time speaks up, politely.
  if (location.pathname !== "/") return;
  const busy = () => document.hidden || String(getSelection())
    || document.querySelector("main details[open]") || document.querySelector("main").contains(document.activeElement) && document.activeElement.id !== "main";
  let last = "";
  const refresh = async () => {
    if (busy()) return;
    try {
      const answer = await fetch(location.href, { cache: "no-cache" });
      if (!answer.ok) return;
      const text = await answer.text();
      if (text === last) return;
      const next = new DOMParser().parseFromString(text, "text/html");
      const main = document.querySelector("main"), fresh = next.querySelector("main");
      const age = document.getElementById("age"), told = fresh?.querySelector("#age");
      if (!age || !told || busy()) return;
      const time = told.textContent;
      told.replaceWith(age);
      main.replaceChildren(...fresh.childNodes);
      if (age.textContent !== time) age.textContent = time;
      document.title = next.title;
      last = text;
      drawn = Date.now();
      dress();
      count();
    } catch { /* The next try may succeed; the page says itself when it is old. */ }
  };
  setInterval(refresh, REFRESH_MS);
})();
