// Saves a form change by change, one request at a time, each with the revision that it changes.
//
// What is not saved yet lies in the tab's own storage as well, so that neither a log-in that ended, nor a server that is
// away, nor a reload loses a word; it is taken out as soon as the server has it. Of two windows the second is told.

const RETRY = 3000;

export class Saver {
  constructor(data, { show, faults, card }) {
    this.id = data.id;
    this.revision = data.revision;
    this.show = show;
    this.faults = faults;
    this.card = card;
    this.waiting = new Map();
    this.sending = false;
    this.stopped = false;
    this.key = `candor-form-${data.id}`;
    this.token = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRF-Token"] ?? "";
    this.line = document.getElementById("saved");
    this.texts = document.getElementById("texts").dataset;
    document.getElementById("take-theirs").addEventListener("click", () => this.takeTheirs());
    document.getElementById("keep-mine").addEventListener("click", () => this.keepMine());
    addEventListener("beforeunload", (event) => {
      if (this.waiting.size) event.preventDefault();
    });
    for (const kind of ["focus", "online"]) addEventListener(kind, () => this.stopped || this.flush());
  }

  /** Put back what an earlier life of this page could not save, and save it. */
  start(write) {
    const kept = JSON.parse(sessionStorage.getItem(this.key) ?? "null");
    if (!kept) return;
    for (const [question, answer] of kept.changes) {
      write(question, answer);
      this.waiting.set(question, answer);
    }
    if (kept.revision === this.revision) this.flush();
    else this.stale({ saved_at: null });
  }

  change(question, answer) {
    this.waiting.set(question, answer);
    this.keep();
    if (!this.stopped) {
      clearTimeout(this.soon);
      // Presses are saved at once, typing when it rests for a moment.
      this.soon = setTimeout(() => this.flush(), document.activeElement?.matches("textarea, input") ? 400 : 0);
    }
  }

  keep() {
    if (this.waiting.size) sessionStorage.setItem(this.key, JSON.stringify({ revision: this.revision, changes: [...this.waiting] }));
    else sessionStorage.removeItem(this.key);
  }

  async flush() {
    if (this.sending || this.stopped) return;
    clearTimeout(this.soon);
    this.sending = true;
    try {
      while (this.waiting.size && !this.stopped) {
        const [question, answer] = this.waiting.entries().next().value;
        this.line.textContent = this.line.dataset.saving;
        const fields = { revision: this.revision, question };
        if (question) fields.answer = JSON.stringify(answer);
        else fields.summary = answer;
        const told = await this.post("answers", fields);
        if (!told) return;
        this.revision = told.revision;
        if (this.waiting.get(question) === answer) this.waiting.delete(question);
        this.keep();
        this.saved(told);
      }
    } finally {
      this.sending = false;
    }
  }

  saved(told) {
    this.show(told);
    document.getElementById("trouble").hidden = true;
    const time = new Date(told.saved_at).toLocaleTimeString("en-GB");
    this.line.textContent = this.line.dataset.saved.replace("{time}", time);
    this.line.dataset.revision = told.revision;
  }

  async submit() {
    await this.flush();
    if (this.sending || this.waiting.size) return;
    this.sending = true;
    try {
      const told = await this.post("submit", { revision: this.revision });
      if (told?.location) location.assign(told.location);
    } finally {
      this.sending = false;
    }
  }

  /** The server's answer; null when it was none, and then everything else is arranged. */
  async post(what, fields, again = true) {
    let answer;
    try {
      answer = await fetch(`/evaluations/forms/${this.id}/${what}`, {
        method: "POST",
        headers: { "X-CSRF-Token": this.token, "HX-Request": "true" },
        body: new URLSearchParams(fields),
      });
    } catch {
      return this.later();
    }
    if (answer.status === 401 || (answer.status === 403 && answer.headers.get("content-type")?.startsWith("text/html"))) {
      return again && (await this.freshToken()) ? this.post(what, fields, false) : null;
    }
    if (answer.status >= 500 || answer.status === 429) return this.later();
    const told = await answer.json().catch(() => null);
    if (answer.ok && told) return told;
    if (answer.status === 409) this.stale(told);
    else if (told?.faults) this.faults(told.faults);
    else this.refused(fields.question, told);
    return null;
  }

  later() {
    this.line.textContent = this.line.dataset.waiting;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.flush(), RETRY);
    return null;
  }

  /** After another log-in in the same browser the page needs that log-in's token. */
  async freshToken() {
    let answer;
    try {
      answer = await fetch(`/evaluations/forms/${this.id}/state`, { headers: { "HX-Request": "true" } });
    } catch {
      this.later();
      return false;
    }
    if (answer.ok) {
      const told = await answer.json();
      this.token = told.csrf;
      if (told.state !== "open") {
        this.stale(told);
        return false;
      }
      document.getElementById("trouble").hidden = true;
      return true;
    }
    if (answer.status === 404) this.trouble(this.texts.other, {});
    else {
      this.trouble(this.texts.out, { logIn: true });
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.flush(), RETRY);
    }
    return false;
  }

  stale(told) {
    this.stopped = true;
    this.theirs = told;
    const closed = told?.state && told.state !== "open";
    const time = told?.saved_at ? new Date(told.saved_at).toLocaleTimeString("en-GB") : "?";
    this.trouble(closed ? this.texts.closed : this.texts.stale.replace("{time}", time), { theirs: true, mine: !closed && this.waiting.size > 0 });
  }

  refused(question, told) {
    const error = question && this.card(question)?.querySelector(".field-error");
    this.line.textContent = this.line.dataset.refused;
    // The change stays on the page; it is sent again with the next one to the same question.
    this.waiting.delete(question);
    this.keep();
    if (error) {
      error.textContent = told?.message ?? "";
      error.hidden = false;
    } else this.trouble(told?.message ?? "", {});
  }

  trouble(text, { theirs = false, mine = false, logIn = false }) {
    document.getElementById("trouble-text").textContent = text;
    document.getElementById("take-theirs").hidden = !theirs;
    document.getElementById("keep-mine").hidden = !mine;
    document.getElementById("log-in").hidden = !logIn;
    document.getElementById("trouble").hidden = false;
    this.line.textContent = this.line.dataset.refused;
  }

  takeTheirs() {
    this.waiting.clear();
    this.keep();
    location.reload();
  }

  /** Only what was written here is put over the other's; the rest of the form is theirs after a reload. */
  async keepMine() {
    const answer = await fetch(`/evaluations/forms/${this.id}/state`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) return;
    this.revision = (await answer.json()).revision;
    this.stopped = false;
    await this.flush();
    if (!this.waiting.size) location.reload();
  }
}
