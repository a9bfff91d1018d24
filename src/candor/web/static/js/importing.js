// Sends files to the API, two at a time, each with its own progress; a failed one stops nothing else.

const form = document.getElementById("import");
const field = document.getElementById("files");
const drop = document.getElementById("drop");
const list = document.getElementById("queue");
const summary = document.getElementById("import-summary");
const [go, stop] = [form.querySelector("[type=submit]"), document.getElementById("stop")];
const AT_ONCE = 2;
const text = form.dataset;
let jobs = [];
let running = 0;

function add(files) {
  for (const file of files) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = file.name;
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    const state = document.createElement("span");
    state.textContent = text.waiting;
    item.append(name, bar, state);
    list.append(item);
    jobs.push({ file, item, bar, state, phase: "waiting" });
  }
  go.disabled = !jobs.some((job) => job.phase === "waiting");
}

// The field gives wall-clock time; the offset that holds here at that time goes with it.
function withOffset(value) {
  const minutes = -new Date(value).getTimezoneOffset();
  const two = (number) => String(Math.floor(Math.abs(number))).padStart(2, "0");
  const seconds = value.length === 16 ? ":00" : "";
  return `${value}${seconds}${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

function metadata() {
  const values = {};
  for (const input of form.querySelectorAll("[data-meta]")) {
    const value = input.value.trim();
    if (!value) continue;
    if (input.dataset.meta === "start") values.start = withOffset(value);
    else if (input.dataset.meta === "channels") [values.agent_channel, values.customer_channel] = [...value].map(Number);
    else values[input.dataset.meta] = value;
  }
  return values;
}

function end(job, phase, label, { detail, link, notes = [] } = {}) {
  job.phase = phase;
  job.bar.value = 1;
  job.state.textContent = label;
  job.state.className = { taken: "tone-good", known: "quiet", failed: "tone-bad" }[phase] ?? "quiet";
  if (link) {
    const open = document.createElement("a");
    open.href = link;
    open.textContent = text.open;
    job.state.append(" ", open);
  }
  for (const note of notes) {
    const line = document.createElement("p");
    line.className = "note";
    line.textContent = note;
    job.item.append(line);
  }
  if (detail) {
    const why = document.createElement("p");
    why.className = "why";
    why.textContent = detail;
    job.item.append(why);
  }
}

function problem(answer, status) {
  return [answer.detail ?? answer.title ?? `HTTP ${status}`, answer.advice].filter(Boolean).join(" ");
}

function send(job) {
  job.phase = "sending";
  job.state.textContent = text.sending;
  const body = new FormData();
  // The metadata comes first: the server reads the file as a stream.
  body.append("metadata", new Blob([JSON.stringify(metadata())], { type: "application/json" }), "metadata.json");
  body.append("file", job.file, job.file.name);
  const request = new XMLHttpRequest(); // fetch cannot tell how far an upload has come
  job.request = request;
  request.open("POST", text.to);
  request.setRequestHeader("X-CSRF-Token", text.csrf);
  request.responseType = "json";
  request.upload.onprogress = (event) => (job.bar.value = event.total ? event.loaded / event.total : 0);
  request.onload = () => {
    const answer = request.response ?? {};
    const id = answer.conversation_id ?? answer.id;
    const link = typeof id === "string" && /^[0-9a-f-]{36}$/.test(id) ? `/conversations/${id}` : null;
    if (request.status >= 400) end(job, "failed", text.failed, { detail: problem(answer, request.status), link });
    else if (answer.duplicate) end(job, "known", text.known, { link });
    else end(job, "taken", text.taken, { link, notes: answer.notes ?? [] });
    done();
  };
  request.onerror = () => {
    end(job, "failed", text.failed, { detail: text.lost });
    done();
  };
  request.onabort = () => {
    end(job, "failed", text.failed);
    done();
  };
  request.send(body);
}

function done() {
  running -= 1;
  tell();
  next();
}

function next() {
  while (running < AT_ONCE) {
    const job = jobs.find((each) => each.phase === "waiting" && each.started);
    if (!job) break;
    running += 1;
    send(job);
  }
  stop.hidden = running === 0;
  go.disabled = running > 0 || !jobs.some((job) => job.phase === "waiting");
}

function tell() {
  const over = jobs.filter((job) => ["taken", "known", "failed"].includes(job.phase));
  const failed = over.filter((job) => job.phase === "failed").length;
  summary.textContent = text.summary
    .replace("{done}", over.length).replace("{total}", jobs.length).replace("{failed}", failed);
}

field.addEventListener("change", () => {
  add(field.files);
  field.value = "";
});
for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, () => drop.classList.add("over"));
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  for (const job of jobs) job.started = true;
  tell();
  next();
});
stop.addEventListener("click", () => {
  for (const job of jobs) if (job.phase === "waiting") job.started = false;
  for (const job of jobs) if (job.phase === "sending") job.request.abort();
});
addEventListener("beforeunload", (event) => {
  if (running > 0) event.preventDefault();
});
