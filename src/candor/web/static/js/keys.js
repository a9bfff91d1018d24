// One place for keyboard shortcuts, so that none fires while somebody types or works a control.

const FIELDS = "input, textarea, select, [contenteditable]";
const bound = new Map();

/** Call `action(event)` on `key` ("j", "Shift+ArrowLeft", " "). */
export function onKey(key, action) {
  bound.set(key, action);
}

/** True when the key belongs to the element that has the focus. */
export function isTaken(event) {
  const target = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return true;
  if (target.matches(FIELDS)) return !(target.type === "checkbox" && event.key !== " ");
  if (event.key === " ") return target.closest("button, summary, a, [role=tab]") !== null;
  return event.key === "Enter";
}

document.addEventListener("keydown", (event) => {
  if (isTaken(event)) return;
  const shifted = event.shiftKey && event.key.length > 1;
  const action = bound.get(shifted ? `Shift+${event.key}` : event.key);
  if (action) {
    event.preventDefault();
    action(event);
  }
});
