// Hands a call list to the API as it is; then its days are compared, at once when every line was taken.

const form = document.getElementById("hand-in");
const compare = document.getElementById("hand-in-check");
const result = document.getElementById("hand-in-result");
const go = form.querySelector("button");
const text = form.dataset;
const KINDS = { jsonl: "application/x-ndjson", ndjson: "application/x-ndjson", tsv: "text/tab-separated-values" };
const field = (name) => document.getElementById(`h-${name}`);

function say(line, kind) {
  const paragraph = document.createElement("p");
  paragraph.textContent = line;
  if (kind) paragraph.className = kind;
  result.append(paragraph);
}

// The page itself knows this browser's zone only from an earlier visit.
field("zone").value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";

// The page's periods are days of this browser's zone.
function day(moment) {
  const at = new Date(moment);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

async function send(file) {
  const query = new URLSearchParams({ source: field("source").value.trim() });
  if (field("zone").value.trim()) query.set("zone", field("zone").value.trim());
  const answer = await fetch(`${text.to}?${query}`, {
    method: "PUT",
    headers: {
      "Content-Type": KINDS[file.name.split(".").pop().toLowerCase()] ?? "text/csv",
      "X-CSRF-Token": text.csrf,
    },
    body: file,
  });
  return [answer.ok, await answer.json()];
}

function tell(taken, told) {
  const errors = told.errors ?? [];
  if (taken) {
    const count = errors.length + told.more_errors;
    say(text.done.replace("{added}", told.added).replace("{replaced}", told.replaced).replace("{errors}", count), count ? "tone-attention" : "tone-good");
  } else {
    say([told.detail ?? told.title, told.advice].filter(Boolean).join(" "), "tone-bad");
  }
  for (const note of told.notes ?? []) say(note, "quiet");
  for (const each of errors) {
    say(text.line.replace("{line}", each.line).replace("{why}", [each.message, each.advice].filter(Boolean).join(" ")));
  }
  if (told.more_errors) say(text.more.replace("{more}", told.more_errors), "quiet");
  if (!told.first) return;
  compare.action = `/completeness/check?${new URLSearchParams({ from: day(told.first), to: day(told.last) })}`;
  compare.hidden = false;
  if (!errors.length) compare.submit();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  compare.hidden = true;
  result.replaceChildren();
  try {
    tell(...(await send(field("file").files[0])));
  } catch {
    say(text.lost, "tone-bad");
  } finally {
    go.disabled = false;
  }
});
