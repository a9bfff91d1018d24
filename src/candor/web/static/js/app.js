// What every page has: theme, time zone, help, menus, search key.

import { onKey } from "./keys.js";

const root = document.documentElement;
const YEAR = 365 * 86400;

export function remember(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
}

/** Say something briefly, to eyes and to screen readers. */
export function say(text) {
  const box = document.getElementById("said");
  if (!box) return;
  box.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (box.textContent = ""), 3500);
}

function dark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function switchTheme() {
  root.dataset.theme = dark() ? "light" : "dark";
  remember("candor_theme", root.dataset.theme);
  showTheme();
  dispatchEvent(new Event("candor:theme"));
}

function showTheme() {
  const use = document.querySelector("#theme use");
  if (use) use.setAttribute("href", use.getAttribute("href").replace(/#.*/, dark() ? "#sun" : "#moon"));
}

// The server wrote times in the zone it knew; where the browser knows better, they are written again.
function useOwnZone(scope = document) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || zone === root.dataset.zone) return;
  remember("candor_zone", zone);
  const format = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone,
  });
  for (const time of scope.querySelectorAll("time[datetime]")) time.textContent = format.format(new Date(time.dateTime));
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

showTheme();
useOwnZone();
// On a narrow screen the places are a strip that can be longer than the screen.
document.querySelector(".rail [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
document.addEventListener("htmx:afterSwap", (event) => useOwnZone(event.target));
document.getElementById("theme")?.addEventListener("click", switchTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  showTheme();
  dispatchEvent(new Event("candor:theme"));
});
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest("details.menu[open]");
  closeMenus();
  if (menu) menu.querySelector("summary").focus();
  else if (event.target.matches("input, textarea, select")) event.target.blur();
});
onKey("?", () => document.getElementById("help")?.showModal());
onKey("/", () => {
  const field = document.querySelector("#find") ?? document.querySelector("#search");
  field?.focus();
  field?.select();
});
// A filter left empty does not belong in the address.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "get") return;
  const empty = [...form.elements].filter((field) => field.name && !field.value && !field.disabled);
  for (const field of empty) field.disabled = true;
  setTimeout(() => empty.forEach((field) => (field.disabled = false)));
});
