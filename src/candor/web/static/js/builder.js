// The builder of scorecards: where the focus goes after a part was moved, and Alt with arrows for moving.
// Saving is htmx's; without script every button is a form's own.

function go() {
  const part = document.querySelector("#builder [data-focus]");
  if (!part) return;
  part.removeAttribute("data-focus");
  part.scrollIntoView({ block: "nearest" });
  (part.querySelector("input:not([type=hidden])") ?? part).focus({ preventScroll: true });
}

document.addEventListener("htmx:afterSettle", go);
document.addEventListener("keydown", (event) => {
  if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  const form = event.target.closest?.(".sc-form");
  const button = form?.querySelector(`[data-act="${event.key === "ArrowUp" ? "up" : "down"}"]`);
  if (!button) return;
  event.preventDefault();
  button.click();
});
