// The keyboard: see the help that "?" opens. It can be switched off there, as single keys are in the way of some.
"use strict";

const dialog = document.getElementById("keys");
const box = document.getElementById("keys-on");
const opener = document.getElementById("keys-open");

function used() {
  try {
    return localStorage.getItem("keys") !== "off";
  } catch {
    return true; // no storage, as in some private windows
  }
}

function help() {
  box.checked = used();
  dialog.showModal();
}

opener.hidden = false;
opener.addEventListener("click", help);
box.addEventListener("change", () => {
  try {
    localStorage.setItem("keys", box.checked ? "on" : "off");
  } catch {
    // it holds for this page alone then
  }
});

const links = () => [...document.querySelectorAll("li.row a.to")];
const row = () => document.activeElement?.closest("li.row");

function move(step) {
  const all = links();
  const at = all.indexOf(row()?.querySelector("a.to"));
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

// act unfolds the form of an act on the page of an alert; in a list it goes to that of the row.
function act(name) {
  const form = document.querySelector(`details[data-act="${name}"]`);
  if (form) {
    form.open = true;
    form.querySelector("input, textarea, select")?.focus();
    return true;
  }
  const to = row()?.querySelector("a.to");
  if (to) location.assign(to.href + "#" + name);
  return Boolean(to);
}

// acknowledge does so at once in a list: what is selected, else the row.
function acknowledge() {
  const button = document.querySelector("#bulk button[value=acknowledge]");
  if (!button) return act("acknowledge");
  if (!document.querySelector("li.row input[type=checkbox]:checked")) {
    const own = row()?.querySelector("input[type=checkbox]");
    if (!own) return false;
    own.checked = true;
  }
  button.click();
  return true;
}

function select() {
  const own = row()?.querySelector("input[type=checkbox]");
  if (!own) return false;
  own.click();
  return true;
}

const keys = {
  j: () => (move(1), true),
  k: () => (move(-1), true),
  x: select,
  a: acknowledge,
  c: () => act("comment"),
  s: () => act("silence"),
  e: () => act("exclude"),
  u: () => {
    const list = document.querySelector(".crumbs a");
    if (list) location.assign(list.href);
    return Boolean(list);
  },
  "/": () => {
    const field = document.querySelector("input[type=search]");
    if (!field) return false;
    field.closest("details")?.setAttribute("open", "");
    field.focus();
    field.select();
    return true;
  },
  "?": () => (help(), true),
};

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || dialog.open || !used()) return;
  if (e.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  if (Object.hasOwn(keys, e.key) && keys[e.key]()) e.preventDefault();
});

// The page of an alert is led to with the act that is wanted.
if (location.hash.length > 1 && document.querySelector("article.story")) act(decodeURIComponent(location.hash.slice(1)));

// One box selects all rows, and the bar tells how many are.
const all = document.getElementById("all");
function counted() {
  const boxes = [...document.querySelectorAll("li.row input[type=checkbox]")];
  const chosen = boxes.filter((b) => b.checked).length;
  const told = document.getElementById("chosen");
  if (told) told.textContent = chosen === 0 ? "" : `${chosen} selected`;
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
}
if (all) {
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    for (const b of document.querySelectorAll("li.row input[type=checkbox]")) b.checked = all.checked;
    counted();
  });
  document.addEventListener("change", (e) => e.target.matches("li.row input[type=checkbox]") && counted());
  document.addEventListener("renewed", counted);
  counted();
}
