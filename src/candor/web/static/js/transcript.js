// The transcript follows the sound, seeks on click, and can be searched.

export class TranscriptView {
  constructor(player) {
    this.player = player;
    this.lines = [...document.querySelectorAll(".line")].map((element) => ({
      element,
      start: Number(element.dataset.start),
      end: Number(element.dataset.end),
      words: null,
    }));
    this.follow = document.getElementById("follow");
    this.current = new Set();
    this.word = null;
    this.scrolledAt = 0;
    if (player) {
      player.addEventListener("time", (event) => this.show(event.detail));
      player.utteranceAt = (time) => this.span(time);
      document.getElementById("lines")?.addEventListener("click", (event) => this.clicked(event));
    }
    for (const kind of ["wheel", "touchmove"]) {
      addEventListener(kind, () => (this.scrolledAt = performance.now()), { passive: true });
    }
    this.wireSearch();
  }

  /** Place of the last line that has begun at `time`, -1 before the first. */
  placeAt(time) {
    let [low, high] = [0, this.lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.lines[middle].start <= time + 0.01) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  span(time) {
    const line = this.lines[Math.max(this.placeAt(time), 0)];
    return line ? [line.start, line.end] : null;
  }

  show(time) {
    const last = this.placeAt(time);
    const now = new Set();
    // People talk at once: a few lines before the last one may still be going on.
    for (let place = Math.max(last - 4, 0); place <= last; place += 1) {
      if (this.lines[place].end > time) now.add(place);
    }
    for (const place of this.current) if (!now.has(place)) this.lines[place].element.classList.remove("current");
    for (const place of now) {
      if (this.current.has(place)) continue;
      this.lines[place].element.classList.add("current");
      if (this.player.playing) this.reveal(place);
    }
    this.current = now;
    this.markWord(now.has(last) ? last : -1, time);
  }

  markWord(place, time) {
    let found = null;
    if (place >= 0) {
      const line = this.lines[place];
      line.words ??= [...line.element.querySelectorAll("[data-t]")].map((word) => [Number(word.dataset.t), word]);
      for (const [start, word] of line.words) {
        if (start > time + 0.02) break;
        found = word;
      }
    }
    if (found === this.word) return;
    this.word?.classList.remove("now");
    found?.classList.add("now");
    this.word = found;
  }

  reveal(place) {
    if (!this.follow.checked || performance.now() - this.scrolledAt < 4000) return;
    const box = this.lines[place].element.getBoundingClientRect();
    const top = document.getElementById("player").getBoundingClientRect().bottom;
    if (box.top < top + 8 || box.bottom > innerHeight - 90) {
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.lines[place].element.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    }
  }

  clicked(event) {
    const word = event.target.closest("[data-t]");
    if (word && !String(getSelection())) this.player.seek(Number(word.dataset.t));
  }

  /** Go to the next (1) or previous (-1) utterance. */
  move(step) {
    if (!this.lines.length) return;
    const focused = this.lines.findIndex((line) => line.element.contains(document.activeElement));
    const from = focused >= 0 ? focused : this.placeAt(this.player?.time ?? 0);
    const place = Math.min(Math.max(from + step, 0), this.lines.length - 1);
    this.player?.seek(this.lines[place].start);
    this.lines[place].element.querySelector(".at").focus();
  }

  wireSearch() {
    const field = document.getElementById("find");
    if (!field) return;
    this.hits = [];
    this.hit = -1;
    field.addEventListener("input", () => this.search(field.value));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.nextHit(event.shiftKey ? -1 : 1);
    });
    document.getElementById("find-next").addEventListener("click", () => this.nextHit(1));
    // A list search may have come along: its operators mean nothing here.
    const given = field.value.replace(/\b(agent|customer):/g, "").replace(/"/g, "").trim();
    field.value = given;
    if (given) this.search(given);
  }

  search(text) {
    const wanted = text.trim().toLowerCase().replace(/\s+/g, " ");
    this.hits = [];
    this.hit = -1;
    if (wanted.length > 1) {
      for (const line of this.lines) this.searchLine(line, wanted);
      if (!this.hits.length && wanted.includes(" ")) {
        for (const part of wanted.split(" ")) if (part.length > 2) for (const line of this.lines) this.searchLine(line, part);
      }
    }
    if (globalThis.CSS?.highlights) CSS.highlights.set("found", new Highlight(...this.hits.map((hit) => hit.range)));
    this.showCount(wanted);
  }

  searchLine(line, wanted) {
    const body = line.element.querySelector(".said-text");
    const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
    const nodes = [];
    let whole = "";
    while (walker.nextNode()) {
      nodes.push([whole.length, walker.currentNode]);
      whole += walker.currentNode.data;
    }
    const lower = whole.toLowerCase();
    const locate = (offset) => {
      const [start, node] = nodes.findLast(([begin]) => begin <= offset);
      return [node, offset - start];
    };
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(...locate(at));
      const [node, offset] = locate(at + wanted.length - 1);
      range.setEnd(node, offset + 1);
      this.hits.push({ range, line });
    }
  }

  nextHit(step) {
    if (!this.hits.length) return;
    this.hit = (this.hit + step + this.hits.length) % this.hits.length;
    const { line } = this.hits[this.hit];
    line.element.scrollIntoView({ block: "center" });
    this.player?.seek(line.start);
    this.showCount("x");
  }

  showCount(wanted) {
    const output = document.getElementById("found");
    if (wanted.length < 2 && this.hit < 0) output.textContent = "";
    else if (!this.hits.length) output.textContent = output.dataset.none;
    else output.textContent = this.hit < 0 ? String(this.hits.length) : `${this.hit + 1}/${this.hits.length}`;
  }
}
