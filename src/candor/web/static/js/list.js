// The conversations list: rows by keyboard and click, ticking.

import { onKey } from "./keys.js";

const rows = [...document.querySelectorAll("tr[data-href]")];
const linkOf = (row) => row.querySelector(".row-link");
const tickOf = (row) => row.querySelector("input[name=id]");
const picked = document.getElementById("picked");
const all = document.getElementById("pick-all");

function current() {
  return rows.findIndex((row) => row.contains(document.activeElement));
}

function move(step) {
  const at = current();
  const row = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)];
  if (row) linkOf(row).focus();
}

function count() {
  const chosen = rows.filter((row) => tickOf(row).checked);
  rows.forEach((row) => row.classList.toggle("picked", tickOf(row).checked));
  if (all) {
    all.checked = chosen.length > 0 && chosen.length === rows.length;
    all.indeterminate = chosen.length > 0 && chosen.length < rows.length;
  }
  if (picked) picked.textContent = chosen.length ? picked.dataset.some.replace("{n}", chosen.length) : picked.dataset.none;
  for (const button of document.querySelectorAll("#bulk button")) button.disabled = chosen.length === 0;
}

onKey("j", () => move(1));
onKey("k", () => move(-1));
onKey("x", () => {
  const row = rows[current()];
  if (!row) return;
  tickOf(row).checked = !tickOf(row).checked;
  count();
});
for (const row of rows) {
  row.addEventListener("click", (event) => {
    if (event.target.closest("a, label, input, button") || String(getSelection())) return;
    if (event.ctrlKey || event.metaKey) open(row.dataset.href, "_blank", "noopener");
    else location.assign(row.dataset.href);
  });
}
all?.addEventListener("change", () => {
  for (const row of rows) tickOf(row).checked = all.checked;
  count();
});
document.getElementById("selection")?.addEventListener("change", count);
if (rows.length) count();
