// Shows times in the reader's zone, and renews the page every five seconds while somebody looks at it. What is unfolded,
// focused and scrolled stays as it is. Without this script the page renews itself as a whole.
"use strict";

const every = 5000;

function local(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const d = new Date(t.dateTime);
    if (!isNaN(d)) {
      t.title = t.dateTime;
      t.textContent = d.toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
    }
  }
}

async function renew() {
  if (document.hidden || document.activeElement?.closest("form select, form input") || getSelection()?.type === "Range") return;
  const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
  if (answer.redirected) {
    location.assign(answer.url); // logged out meanwhile
    return;
  }
  if (!answer.ok) throw new Error(answer.statusText);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  local(fresh);
  const unfolded = [...document.querySelectorAll("details[open]")].map((d) => d.id);
  for (const id of unfolded) fresh.getElementById(id)?.setAttribute("open", "");
  const focused = document.activeElement?.closest("details")?.id;
  for (const name of ["main", "footer"]) {
    const was = document.querySelector(name);
    const scrolled = was.querySelector(".scroll")?.scrollTop;
    was.replaceChildren(...fresh.querySelector(name).childNodes);
    const table = was.querySelector(".scroll");
    if (table && scrolled) table.scrollTop = scrolled;
  }
  if (focused) document.getElementById(focused)?.querySelector("summary")?.focus({ preventScroll: true });
  document.body.classList.remove("stale");
  document.title = "tocsin";
}

local(document);
setInterval(() => renew().catch(() => {
  document.body.classList.add("stale");
  document.title = "(no connection) tocsin";
}), every);
