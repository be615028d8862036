// Shows times in the reader's zone, and renews the parts of the page that changed, while somebody looks at it: at once when
// the stream of alerts says so, and else from time to time. What is unfolded, selected, focused and typed stays as it is. The
// page works without this script.
"use strict";

const shown = new Map(); // the parts as they came, by id
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

// ago tells how long something is past, or ahead, in the largest unit that has at least one of it.
function ago(date) {
  const seconds = Math.round((date - Date.now()) / 1000);
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}

function local(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const d = new Date(t.dateTime);
    if (isNaN(d)) continue;
    const whole = d.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
    const text = "ago" in t.dataset ? ago(d) : whole;
    if (t.textContent !== text) t.textContent = text;
    t.title = "ago" in t.dataset ? whole : t.dateTime;
  }
  for (const t of root.querySelectorAll("text[data-at]")) below(t, new Date(t.dataset.at));
  for (const said of root.querySelectorAll(".utc")) said.remove();
}

// below writes a time below a chart: the hour or, in a chart of days, the day with the hour behind it.
function below(text, date) {
  const hour = date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const behind = text.querySelector("tspan"), day = date.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  const whole = behind ? day + " " + hour : hour;
  if (text.textContent === whole) return;
  if (behind) {
    text.firstChild.textContent = day;
    behind.textContent = " " + hour;
  } else {
    text.textContent = hour;
  }
}

// busy says that somebody works in a part, which is then left alone.
function busy(part) {
  const active = document.activeElement;
  if (part.querySelector("details[name=act][open]")) return true;
  if (active !== document.body && part.contains(active) && active.matches("input:not([type=checkbox]), textarea, select")) return true;
  const chosen = getSelection();
  return chosen?.type === "Range" && part.contains(chosen.anchorNode);
}

// replace puts what is new into a part.
function replace(part, fresh) {
  for (const d of part.querySelectorAll("details[id]")) {
    fresh.querySelector("#" + CSS.escape(d.id))?.toggleAttribute("open", d.open);
  }
  for (const box of part.querySelectorAll("input[type=checkbox]:checked")) {
    const same = fresh.querySelector(`input[name="${box.name}"][value="${CSS.escape(box.value)}"]`);
    if (same) same.checked = true;
  }
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const home = active?.closest("[id]");
  const nth = home ? [...home.querySelectorAll(active.localName)].indexOf(active) : -1;
  const scrolled = part.querySelector(".scroll")?.scrollTop;
  part.replaceChildren(...fresh.childNodes);
  const table = part.querySelector(".scroll");
  if (table && scrolled) table.scrollTop = scrolled;
  if (home) {
    const place = document.getElementById(home.id);
    (nth < 0 ? place : place?.querySelectorAll(active.localName)[nth])?.focus({ preventScroll: true });
  }
}

// say tells who listens to the page, without moving him.
function say(text) {
  document.getElementById("said").textContent = text;
}

// rows are the alerts of a page, each once, also where several widgets show it.
function rows(root) {
  return [...new Set([...root.querySelectorAll("li.row[id*=alert-]")].map((row) => row.id.slice(row.id.lastIndexOf("alert-"))))];
}

// ask fetches what is shown. Who never answers, as over a connection that died unseen, counts as gone after a while: else nothing
// would be asked any more, and nobody told that what he sees is old.
const patience = 30_000;
const ask = (address) => fetch(address, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(patience) });

let since = null; // when the connection was lost

function warn(text) {
  const banner = document.getElementById("offline");
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = false;
}

function lost() {
  since ??= new Date();
  warn(`No connection to tocsin since ${since.toLocaleTimeString()}. What you see is from then; it is tried again.`);
}

function found() {
  since = null;
  document.getElementById("offline").hidden = true;
}

async function renew() {
  const answer = await ask(location.pathname + location.search);
  if (answer.redirected) {
    location.reload(); // logged out meanwhile: the page leads to the login, which leads back here
    return;
  }
  if (answer.status === 404) {
    since = null; // tocsin is there, and what the page shows is not
    warn("What you see is no longer there: load the page again.");
    return;
  }
  if (!answer.ok) throw new Error(answer.statusText);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  found();
  const before = new Set(rows(document));
  let changed = false;
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.getElementById(part.id);
    if (!next || busy(part)) continue;
    const text = next.innerHTML;
    if (shown.get(part.id) === text) continue;
    shown.set(part.id, text);
    local(next);
    replace(part, next);
    changed = true;
  }
  const now = fresh.getElementById("asof");
  if (now) document.getElementById("asof").replaceChildren(...now.childNodes);
  local(document);
  const more = rows(document).filter((id) => !before.has(id)).length;
  if (more > 0) say(more === 1 ? "1 more alert" : more + " more alerts");
  else if (changed && document.querySelector("article.story")) say("The alert changed.");
  document.dispatchEvent(new Event("renewed"));
}

let running = false, again = false, last = 0;

// wanted renews the page, once a second at most.
async function wanted() {
  if (document.hidden) return;
  if (running) {
    again = true;
    return;
  }
  running = true;
  const wait = last + 1000 - Date.now();
  if (wait > 0) await new Promise((done) => setTimeout(done, wait));
  last = Date.now();
  try {
    await renew();
  } catch {
    lost();
  }
  running = false;
  if (again) {
    again = false;
    wanted();
  }
}

// Parts with an address of their own ask much: they come after the page, two at a time, and anew after a while each.
const parts = [...document.querySelectorAll("[data-from]")].map((part) => ({ id: part.id, due: 0 }));
let asking = 0;

async function load(one) {
  const part = document.getElementById(one.id);
  try {
    const answer = await ask(part.dataset.from);
    if (answer.redirected) {
      location.reload(); // logged out meanwhile
      return;
    }
    if (answer.status === 404) { // nor will it be there later
      found();
      const words = document.createElement("p");
      words.className = "hint";
      words.textContent = "This is no longer on the page: load the page again.";
      part.replaceChildren(words);
      return;
    }
    if (!answer.ok) throw new Error(answer.statusText);
    const text = await answer.text();
    found();
    if (shown.get(one.id) !== text && !busy(part)) {
      shown.set(one.id, text);
      const next = new DOMParser().parseFromString(text, "text/html").body.firstElementChild;
      local(next);
      replace(part, next);
    }
  } catch {
    lost();
    if (!shown.has(one.id)) part.firstElementChild.textContent = "This could not be loaded; it is tried again.";
  }
  one.due = Date.now() + 1000 * part.dataset.every;
}

// loadDue loads the parts whose time has come, while somebody looks.
function loadDue() {
  for (const one of parts) {
    if (asking >= 2 || document.hidden) return;
    if (one.due > Date.now()) continue;
    one.due = Infinity;
    asking++;
    load(one).finally(() => {
      asking--;
      loadDue();
    });
  }
}

for (const part of document.querySelectorAll("[data-part]")) shown.set(part.id, part.innerHTML);
local(document);
setInterval(() => local(document), 10_000);

// follow opens the stream of alerts while somebody looks: a browser has few connections for all tabs of a site.
let stream = null;

function follow() {
  if (document.hidden) {
    stream?.close();
    stream = null;
    return;
  }
  if (stream && stream.readyState !== EventSource.CLOSED) return;
  stream = new EventSource("/api/v1/alerts/stream?since_change=-1");
  stream.addEventListener("alert", wanted);
}

if (parts.length > 0) {
  loadDue();
  setInterval(loadDue, 1000);
}

if ("live" in document.body.dataset) {
  follow();
  setInterval(wanted, 5000);
  setInterval(follow, 60_000); // where it was refused, as there were too many
  document.addEventListener("visibilitychange", () => {
    follow();
    wanted();
  });
}
