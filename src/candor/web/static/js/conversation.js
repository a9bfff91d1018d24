// The conversation page: player, transcript, panel, and the keys that join them.

import "./app.js";
import { onKey } from "./keys.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { wirePlayerKeys, wirePlayLinks } from "./playing.js";
import { TranscriptView } from "./transcript.js";

const section = document.querySelector("#player[data-audio]");
const player = section ? new Player(section) : null;
const transcript = new TranscriptView(player);
const panel = new Panel();

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

wirePlayLinks(player);
wirePlayerKeys(player, onKey);
onKey("j", () => transcript.move(1));
onKey("k", () => transcript.move(-1));
onKey("]", () => moveFinding(1));
onKey("[", () => moveFinding(-1));
onKey("e", () => panel.choose("score", { focus: true }));
