// The conversation page: player, transcript, panel, and the keys that join them.

import "./app.js";
import { onKey } from "./keys.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { TranscriptView } from "./transcript.js";

const section = document.querySelector("#player[data-audio]");
const player = section ? new Player(section) : null;
const transcript = new TranscriptView(player);
const panel = new Panel();
let playingLink = null;

function moveFinding(step) {
  const findings = player?.call.findings ?? [];
  const time = player?.time ?? 0;
  const next =
    step > 0
      ? findings.find((finding) => finding.start > time + 0.05)
      : findings.findLast((finding) => finding.start < time - 0.6);
  if (!next) return;
  player.seek(next.start);
  panel.choose("findings");
  for (const item of document.querySelectorAll(".findings li")) {
    item.classList.toggle("current", item.id === `f-${next.id}`);
  }
  document.getElementById(`f-${next.id}`)?.scrollIntoView({ block: "nearest" });
}

// Every play button on the page, also those that come later: score evidence, findings, utterances.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-play]");
  if (!link || !player || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const again = link === playingLink && player.playing;
  playingLink?.classList.remove("playing");
  playingLink = null;
  if (again) {
    player.toggle();
    return;
  }
  player.playRange(Number(link.dataset.play), Number.parseFloat(link.dataset.end));
  if (link.classList.contains("play")) {
    playingLink = link;
    link.classList.add("playing");
  }
});

player?.addEventListener("state", () => {
  if (player.playing) return;
  playingLink?.classList.remove("playing");
  playingLink = null;
});

if (player) {
  onKey(" ", () => player.toggle());
  for (const [key, step] of [["ArrowLeft", -5], ["ArrowRight", 5], ["Shift+ArrowLeft", -1], ["Shift+ArrowRight", 1]]) {
    onKey(key, () => player.seek(player.time + step));
  }
  onKey("Home", () => player.seek(0));
}
onKey("j", () => transcript.move(1));
onKey("k", () => transcript.move(-1));
onKey("]", () => moveFinding(1));
onKey("[", () => moveFinding(-1));
onKey("e", () => panel.choose("score", { focus: true }));
