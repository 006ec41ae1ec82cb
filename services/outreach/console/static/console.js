// Live updates. Every page works without this file: it only fetches the page again when the server says it
// has changed, and swaps the parts marked data-live. Forms are never swapped.

const LEAST_MS = 1500; // between two fetches of the page, however fast events come
const live = document.getElementById("live");
let waiting = null;
let last = 0;

function busy(part) {
  // Nothing moves under a pointer that is about to click, or under the keyboard's focus.
  return part.contains(document.activeElement) || (part.tagName === "SECTION" && part.matches(":hover") && part.querySelector("a"));
}

async function refresh() {
  waiting = null;
  last = Date.now();
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (!next || busy(part) || part.innerHTML === next.innerHTML) continue;
    const score = part.querySelector(".score dd")?.textContent;
    part.replaceWith(document.adoptNode(next));
    const shown = next.querySelector(".score");
    if (shown && score !== undefined && shown.querySelector("dd").textContent !== score) shown.classList.add("changed");
  }
}

function soon() {
  if (waiting || document.hidden) return;
  waiting = setTimeout(() => refresh().catch(() => {}), Math.max(0, LEAST_MS - (Date.now() - last)));
}

function listen() {
  const source = new EventSource(document.body.dataset.events);
  const say = (text, on) => {
    if (live.textContent !== text) live.textContent = text;
    live.classList.toggle("on", on);
  };
  const first = new Set();
  const onBeat = (event) => {
    // The first of each kind is what the page already shows.
    if (first.has(event.type)) soon();
    first.add(event.type);
  };
  source.addEventListener("open", () => say("Live", true));
  source.addEventListener("error", () => say("Reconnecting", false));
  const watchesCustomer = document.body.dataset.events.includes("customer=");
  source.addEventListener(watchesCustomer ? "customer" : "queue", onBeat);
  document.addEventListener("visibilitychange", () => document.hidden || soon());
  addEventListener("pagehide", () => source.close());
}

function keepAnswers() {
  // The name of whoever sits here is typed once.
  for (const field of document.querySelectorAll("[data-keep]")) {
    const name = `greenline.${field.dataset.keep}`;
    field.value ||= localStorage.getItem(name) ?? "";
    field.addEventListener("change", () => localStorage.setItem(name, field.value));
  }
}

keepAnswers();
listen();
