// Draws the recording: sentiment course on top, one lane a channel, redacted stretches hatched, findings as ticks.

const TOP = 10;
const FOOT = 14;
const MAGIC = 0x534b5043; // "CPKS", little endian

/** Read the binary outline (candor/conversation/peaks.py). */
export function readPeaks(buffer) {
  const head = new DataView(buffer);
  if (head.byteLength < 20 || head.getUint32(0, true) !== MAGIC || head.getUint8(4) !== 1) return null;
  const channels = head.getUint8(5);
  const perSecond = head.getUint32(8, true) / head.getUint32(12, true);
  const count = head.getUint32(16, true);
  return { channels, perSecond, count, data: new Int8Array(buffer, 20) };
}

/** Stretches in which no channel is heard for at least `shortest` seconds, as [start, end]. */
export function silences(peaks, shortest = 1.2) {
  const { channels, count, data, perSecond } = peaks;
  let loudest = 1;
  for (const value of data) loudest = Math.max(loudest, Math.abs(value));
  const floor = Math.max(2, loudest * 0.04);
  const found = [];
  let began = -1;
  for (let place = 0; place <= count; place += 1) {
    let quiet = place < count;
    for (let channel = 0; quiet && channel < channels; channel += 1) {
      const at = (channel * count + place) * 2;
      quiet = -data[at] <= floor && data[at + 1] <= floor;
    }
    if (quiet && began < 0) began = place;
    if (!quiet && began >= 0) {
      if ((place - began) / perSecond >= shortest) found.push([began / perSecond, place / perSecond]);
      began = -1;
    }
  }
  return found;
}

export class Waveform {
  constructor(box, call) {
    this.box = box;
    this.call = call;
    this.peaks = null;
    this.time = 0;
    this.selection = null;
    this.still = box.querySelector("#wave-still");
    this.moving = box.querySelector("#wave-moving");
    this.names = [...document.querySelectorAll(".lane-name")];
    new ResizeObserver(() => this.draw()).observe(box);
    addEventListener("candor:theme", () => this.draw());
  }

  /** Seconds at the horizontal place `clientX`. */
  timeAt(clientX) {
    const { left, width } = this.box.getBoundingClientRect();
    return Math.min(Math.max((clientX - left) / width, 0), 1) * this.call.duration;
  }

  show(time, selection) {
    if (Math.abs(time - this.time) < this.call.duration / 4000 && selection === this.selection) return;
    this.time = time;
    this.selection = selection;
    this.drawMoving();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (!width) return;
    const scale = devicePixelRatio || 1;
    for (const canvas of [this.still, this.moving]) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    this.width = width;
    this.height = height;
    this.scale = scale;
    this.lane = (height - TOP - FOOT) / Math.max(this.call.lanes.length, 1);
    for (const name of this.names) name.style.height = `${this.lane}px`;
    this.drawStill();
    this.drawMoving();
  }

  colour(name) {
    const probe = document.querySelector(`.probes .${name}`);
    return getComputedStyle(probe).color;
  }

  x(seconds) {
    return (seconds / this.call.duration) * this.width;
  }

  drawStill() {
    const paint = this.still.getContext("2d");
    paint.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    paint.clearRect(0, 0, this.width, this.height);
    this.drawCourse(paint);
    this.call.lanes.forEach((lane, place) => this.drawLane(paint, lane, TOP + place * this.lane));
    this.drawMasked(paint);
    this.drawFindings(paint);
  }

  // Up and green is positive, down and red negative: the place says it as well as the colour.
  drawCourse(paint) {
    const [good, bad] = [this.colour("ink-good"), this.colour("ink-bad")];
    for (const [start, end, customer] of this.call.course) {
      if (customer === null || Math.abs(customer) < 0.05) continue;
      paint.fillStyle = customer > 0 ? good : bad;
      const size = Math.max(1, Math.abs(customer) * 4);
      paint.fillRect(this.x(start), customer > 0 ? 5 - size : 5, Math.max(this.x(end) - this.x(start), 1), size);
    }
    paint.fillStyle = this.colour("ink-line");
    paint.fillRect(0, 4.75, this.width, 0.5);
  }

  drawLane(paint, lane, top) {
    const middle = top + this.lane / 2;
    paint.fillStyle = this.colour("ink-line");
    paint.fillRect(0, middle - 0.25, this.width, 0.5);
    if (!this.peaks || lane.channel >= this.peaks.channels) return;
    const { count, data, perSecond } = this.peaks;
    const first = lane.channel * count * 2;
    let loudest = 24;
    for (let at = first; at < first + count * 2; at += 1) loudest = Math.max(loudest, Math.abs(data[at]));
    const reach = (this.lane / 2 - 2) / loudest;
    const perPixel = (this.call.duration * perSecond) / this.width;
    paint.fillStyle = this.colour(`lane-${lane.kind}`);
    for (let x = 0; x < this.width; x += 1) {
      const from = Math.floor(x * perPixel);
      const to = Math.min(Math.max(Math.floor((x + 1) * perPixel), from + 1), count);
      let [low, high] = [0, 0];
      for (let place = from; place < to; place += 1) {
        low = Math.min(low, data[first + place * 2]);
        high = Math.max(high, data[first + place * 2 + 1]);
      }
      if (high - low > 1) paint.fillRect(x, middle - high * reach, 1, Math.max((high - low) * reach, 1));
    }
  }

  drawMasked(paint) {
    const hatched = [...this.call.masked, ...(this.call.gaps ?? [])];
    if (!hatched.length) return;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const brush = tile.getContext("2d");
    brush.strokeStyle = this.colour("ink-redacted");
    brush.lineWidth = 1.5;
    for (const shift of [-8, 0, 8]) {
      brush.moveTo(shift, 8);
      brush.lineTo(shift + 8, 0);
    }
    brush.stroke();
    const hatch = paint.createPattern(tile, "repeat");
    for (const [start, end] of hatched) {
      const [x, width] = [this.x(start), Math.max(this.x(end) - this.x(start), 3)];
      paint.clearRect(x, TOP + 1, width, this.height - TOP - FOOT - 2);
      paint.fillStyle = hatch;
      paint.fillRect(x, TOP + 1, width, this.height - TOP - FOOT - 2);
    }
  }

  drawFindings(paint) {
    paint.fillStyle = this.colour("ink-attention");
    const foot = this.height - 3;
    for (const finding of this.call.findings) {
      const x = this.x(finding.start);
      paint.beginPath();
      paint.moveTo(x, foot - 8);
      paint.lineTo(x + 4, foot);
      paint.lineTo(x - 4, foot);
      paint.fill();
      paint.fillRect(x, foot - 2, Math.max(this.x(finding.end) - x, 1), 2);
    }
  }

  drawMoving() {
    const paint = this.moving.getContext("2d");
    paint.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    paint.clearRect(0, 0, this.width, this.height);
    const accent = this.colour("ink-accent");
    if (this.selection) {
      const [start, end] = this.selection;
      paint.globalAlpha = 0.18;
      paint.fillStyle = accent;
      paint.fillRect(this.x(start), 0, this.x(end) - this.x(start), this.height);
      paint.globalAlpha = 1;
    }
    paint.fillStyle = accent;
    const x = this.x(this.time);
    paint.fillRect(x - 0.75, 0, 1.5, this.height);
    paint.beginPath();
    paint.arc(x, 4, 4, 0, 7);
    paint.fill();
  }
}
