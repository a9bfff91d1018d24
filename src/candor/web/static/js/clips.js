// Clips on a page: each plays by itself, and what plays already stops. The outline is fetched when a clip comes in sight.

import "./app.js";
import { clock } from "./player.js";
import { readPeaks } from "./waveform.js";

let playing = null;

class Clip {
  constructor(box) {
    this.box = box;
    this.seconds = Number(box.dataset.seconds);
    this.button = box.querySelector("button");
    this.canvas = box.querySelector("canvas");
    this.output = box.querySelector("output");
    this.fault = box.querySelector(".player-fault");
    this.sound = new Audio();
    this.sound.preload = "none";
    this.peaks = null;
    this.wanted = null;
    this.wire();
  }

  get time() {
    return this.wanted ?? this.sound.currentTime;
  }

  wire() {
    this.button.addEventListener("click", () => this.toggle());
    for (const name of ["play", "pause", "ended"]) this.sound.addEventListener(name, () => this.changed());
    this.sound.addEventListener("timeupdate", () => this.tell());
    this.sound.addEventListener("seeked", () => this.tell());
    this.sound.addEventListener("error", () => this.broken());
    this.sound.addEventListener("loadedmetadata", () => {
      if (this.wanted !== null) this.sound.currentTime = this.wanted;
      this.wanted = null;
    });
    this.canvas.addEventListener("click", (event) => {
      const { left, width } = this.canvas.getBoundingClientRect();
      this.seek(((event.clientX - left) / width) * this.seconds);
    });
    this.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
      if (step) this.seek(this.time + step);
      else if (event.key === " ") this.toggle();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    addEventListener("candor:theme", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  // The address is set at the first playing: nothing is fetched, and nothing noted as heard, before.
  toggle() {
    if (!this.sound.paused) {
      this.sound.pause();
      return;
    }
    this.fault.hidden = true;
    if (!this.sound.src) this.sound.src = this.box.dataset.audio;
    if (playing && playing !== this) playing.sound.pause();
    playing = this;
    this.sound.play().catch((error) => {
      if (error.name !== "AbortError") this.broken();
    });
  }

  seek(seconds) {
    const at = Math.min(Math.max(seconds, 0), Math.max(this.seconds - 0.05, 0));
    if (this.sound.readyState > 0) this.sound.currentTime = at;
    else this.wanted = at;
    this.tell();
  }

  changed() {
    const on = !this.sound.paused && !this.sound.ended;
    this.button.classList.toggle("playing", on);
    this.button.setAttribute("aria-label", on ? this.box.dataset.pauseText : this.box.dataset.playText);
    this.tell();
  }

  tell() {
    this.output.textContent = clock(this.time);
    this.canvas.setAttribute("aria-valuenow", Math.round(this.time));
    this.canvas.setAttribute("aria-valuetext", clock(this.time));
    this.draw();
  }

  broken() {
    this.fault.textContent = this.box.dataset.broken;
    this.fault.hidden = false;
  }

  async load() {
    try {
      const answer = await fetch(this.box.dataset.peaks);
      if (answer.ok) this.peaks = readPeaks(await answer.arrayBuffer());
    } catch {
      // without an outline the clip still plays
    }
    this.box.dataset.ready = "1";
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const paint = this.canvas.getContext("2d");
    paint.scale(scale, scale);
    const style = getComputedStyle(this.canvas);
    const [played, rest] = [style.color, style.borderTopColor];
    const here = (this.time / this.seconds) * width;
    const middle = height / 2;
    if (this.peaks) {
      const { channels, count, data } = this.peaks;
      let loudest = 24;
      for (const value of data) loudest = Math.max(loudest, Math.abs(value));
      for (let x = 0; x < width; x += 2) {
        const from = Math.floor((x / width) * count);
        const to = Math.min(Math.max(Math.floor(((x + 2) / width) * count), from + 1), count);
        let most = 0;
        for (let channel = 0; channel < channels; channel += 1) {
          for (let place = from; place < to; place += 1) {
            const at = (channel * count + place) * 2;
            most = Math.max(most, -data[at], data[at + 1]);
          }
        }
        const size = Math.max((most / loudest) * (middle - 3), 0.5);
        paint.fillStyle = x <= here ? played : rest;
        paint.fillRect(x, middle - size, 1.4, size * 2);
      }
    } else {
      paint.fillStyle = rest;
      paint.fillRect(0, middle - 0.5, width, 1);
    }
    paint.fillStyle = played;
    paint.fillRect(Math.min(Math.max(here - 0.75, 0), width - 1.5), 0, 1.5, height);
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    entry.target.clip.load();
  }
});
for (const box of document.querySelectorAll("[data-clip]")) {
  box.clip = new Clip(box);
  seen.observe(box);
}
