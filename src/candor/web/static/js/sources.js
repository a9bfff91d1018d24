// What comes in now is shown again every few seconds, but never under the hands of who is using it.

const hold = document.getElementById("hold");
let places = new Map();

hold.addEventListener("click", () => hold.setAttribute("aria-pressed", String(hold.getAttribute("aria-pressed") !== "true")));

/** Whether somebody reads on, types, or is about to press something in there. */
function inUse(part) {
  const held = hold.getAttribute("aria-pressed") === "true";
  return held || part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
}

const wraps = (part) => [...part.querySelectorAll(".table-wrap")];

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches(".live") && inUse(event.target)) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.target.matches(".live")) return;
  // It was asked for before the hand came.
  if (inUse(event.target)) event.detail.shouldSwap = false;
  else for (const wrap of wraps(event.target)) places.set(wrap.id, wrap.scrollLeft);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const [id, left] of places) {
    const wrap = document.getElementById(id);
    if (wrap) wrap.scrollLeft = left;
  }
  places = new Map();
});
