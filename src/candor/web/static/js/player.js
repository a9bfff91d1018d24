// Plays the recording. Others listen to its "time" events and call seek(), toggle() and playRange().

import { say } from "./app.js";
import { Waveform, readPeaks, silences } from "./waveform.js";

export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export class Player extends EventTarget {
  constructor(section) {
    super();
    this.section = section;
    this.call = JSON.parse(document.getElementById("call-data").textContent);
    this.sound = document.getElementById("sound");
    this.box = document.getElementById("wave");
    this.button = document.getElementById("play");
    this.waveform = new Waveform(this.box, this.call);
    this.quiet = [];
    this.selection = null;
    this.stopAt = null;
    this.wire();
    this.loadPeaks();
    const at = Number.parseFloat(section.dataset.at);
    if (Number.isFinite(at)) this.seek(at);
  }

  get time() {
    return this.wanted ?? this.sound.currentTime;
  }

  get playing() {
    return !this.sound.paused;
  }

  seek(seconds) {
    const at = Math.min(Math.max(seconds, 0), Math.max(this.call.duration - 0.05, 0));
    this.stopAt = null;
    // Before the first bytes are there the place is kept and taken up when they are.
    this.wanted = at;
    if (this.sound.readyState > 0) this.sound.currentTime = at;
    this.tell();
  }

  play() {
    this.fault(false);
    return this.sound.play().catch((error) => {
      if (error.name !== "AbortError") this.fault(true);
    });
  }

  toggle() {
    if (this.playing) this.sound.pause();
    else this.play();
  }

  /** Play [start, end], then stop; without an end, play on. */
  playRange(start, end) {
    this.seek(start);
    this.stopAt = Number.isFinite(end) && end > start ? end + 0.15 : null;
    this.play();
  }

  wire() {
    const sound = this.sound;
    this.button.addEventListener("click", () => this.toggle());
    for (const name of ["play", "pause", "ended"]) sound.addEventListener(name, () => this.changed());
    sound.addEventListener("seeked", () => {
      this.wanted = null;
      this.tell();
    });
    sound.addEventListener("timeupdate", () => this.tell());
    sound.addEventListener("loadedmetadata", () => {
      if (this.wanted) sound.currentTime = this.wanted;
    });
    sound.addEventListener("error", () => this.fault(true));
    if (sound.error) this.fault(true);
    document.getElementById("speed").addEventListener("change", (event) => {
      sound.playbackRate = Number(event.target.value);
      sound.preservesPitch = true;
    });
    for (const name of ["skip", "loop"]) {
      const button = document.getElementById(name);
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        this[name] = on;
        if (name === "loop") this.loopChanged(on);
      });
    }
    document.getElementById("copy").addEventListener("click", () => this.copyLink());
    for (const slider of this.section.querySelectorAll("input[data-channel]")) {
      slider.addEventListener("input", () => this.setVolume(Number(slider.dataset.channel), Number(slider.value) / 100));
    }
    // After a click with the mouse the keys go to the player again, not to the button.
    this.section.addEventListener("click", (event) => {
      if (event.detail > 0 && event.target.closest("button")) this.box.focus({ preventScroll: true });
    });
    this.wirePointer();
    new ResizeObserver(() => {
      document.documentElement.style.setProperty("--player", `${this.section.offsetHeight}px`);
    }).observe(this.section);
    addEventListener("pagehide", () => this.keepPlace());
  }

  wirePointer() {
    let from = null;
    this.box.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = event.clientX;
      this.box.setPointerCapture(event.pointerId);
    });
    this.box.addEventListener("pointermove", (event) => {
      if (from === null || Math.abs(event.clientX - from) < 5) return;
      const [a, b] = [this.waveform.timeAt(from), this.waveform.timeAt(event.clientX)];
      this.selection = [Math.min(a, b), Math.max(a, b)];
      this.tell();
    });
    this.box.addEventListener("pointerup", (event) => {
      if (from === null) return;
      if (Math.abs(event.clientX - from) < 5) {
        this.selection = null;
        this.seek(this.waveform.timeAt(event.clientX));
      } else {
        this.seek(this.selection[0]);
      }
      from = null;
    });
    this.box.addEventListener("pointercancel", () => (from = null));
  }

  loopChanged(on) {
    if (!on) this.selection = null;
    else this.selection ??= this.utteranceAt?.(this.time) ?? [0, this.call.duration];
    this.tell();
  }

  changed() {
    const playing = this.playing;
    this.button.classList.toggle("playing", playing);
    this.button.setAttribute("aria-label", playing ? this.section.dataset.pauseText : this.section.dataset.playText);
    if (playing) this.follow();
    else this.keepPlace();
    this.dispatchEvent(new Event("state"));
    this.tell();
  }

  // Between two paints: steadier than "timeupdate", which comes four times a second.
  follow() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (!this.playing) return;
      this.guide();
      this.tell();
      this.follow();
    });
  }

  guide() {
    const time = this.sound.currentTime;
    if (this.wanted !== null && this.wanted !== undefined) return;
    if (this.stopAt !== null && time >= this.stopAt) {
      this.stopAt = null;
      this.sound.pause();
    } else if (this.loop && this.selection && time >= this.selection[1]) {
      this.seek(this.selection[0]);
    } else if (this.skip) {
      const gap = this.quiet.find(([start, end]) => time > start + 0.25 && time < end - 0.45);
      if (gap) this.seek(gap[1] - 0.25);
    }
  }

  tell() {
    const time = this.time;
    this.waveform.show(time, this.selection);
    const text = clock(time);
    const output = document.getElementById("now");
    if (output.textContent !== text) {
      output.textContent = text;
      this.box.setAttribute("aria-valuenow", Math.round(time));
      const of = this.section.dataset.of;
      this.box.setAttribute("aria-valuetext", of.replace("{time}", text).replace("{total}", clock(this.call.duration)));
    }
    this.dispatchEvent(new CustomEvent("time", { detail: time }));
  }

  address() {
    const address = new URL(location.href);
    address.searchParams.set("t", this.time.toFixed(1));
    return address;
  }

  keepPlace() {
    if (this.time > 0.05) history.replaceState(history.state, "", this.address());
  }

  async copyLink() {
    const address = this.address();
    history.replaceState(history.state, "", address);
    try {
      await navigator.clipboard.writeText(address.href);
      say(this.section.dataset.copied);
    } catch {
      say(address.href); // no clipboard without https: the link can be taken from here
    }
  }

  // The graph is made when a volume is first moved: plain playing does not depend on it.
  setVolume(channel, value) {
    if (!this.gains) {
      const audio = new AudioContext();
      const source = audio.createMediaElementSource(this.sound);
      const count = Math.max(this.call.channels, 1);
      const [split, merge] = [audio.createChannelSplitter(count), audio.createChannelMerger(count)];
      source.connect(split);
      this.gains = Array.from({ length: count }, (_, place) => {
        const gain = audio.createGain();
        split.connect(gain, place);
        gain.connect(merge, 0, place);
        return gain;
      });
      merge.connect(audio.destination);
      this.audio = audio;
    }
    this.audio.resume();
    if (this.gains[channel]) this.gains[channel].gain.value = value;
  }

  async loadPeaks() {
    try {
      const answer = await fetch(this.section.dataset.peaks);
      if (!answer.ok) return;
      this.waveform.peaks = readPeaks(await answer.arrayBuffer());
      if (this.waveform.peaks) this.quiet = silences(this.waveform.peaks);
      this.waveform.draw();
      this.section.dataset.ready = "1";
    } catch {
      // without an outline the player still plays and seeks
    }
  }

  fault(on) {
    const line = document.getElementById("player-fault");
    line.hidden = !on;
    if (on) line.textContent = this.section.dataset.broken;
  }
}
