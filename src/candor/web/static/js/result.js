// An evaluation or a dispute beside player and transcript: play buttons and the player's keys.

import "./app.js";
import { onKey } from "./keys.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { wirePlayerKeys, wirePlayLinks } from "./playing.js";
import { TranscriptView } from "./transcript.js";

const section = document.querySelector("#player[data-audio]");
const player = section ? new Player(section) : null;
const transcript = new TranscriptView(player);
new Panel();
wirePlayLinks(player);
wirePlayerKeys(player, onKey);
onKey("j", () => transcript.move(1));
onKey("k", () => transcript.move(-1));
