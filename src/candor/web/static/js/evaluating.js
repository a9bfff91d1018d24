// The form beside player and transcript: keys, pinned places, and saving every change with its revision.

import "./app.js";
import { Saver } from "./form_saver.js";
import { onKey } from "./keys.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { wirePlayerKeys, wirePlayLinks } from "./playing.js";
import { TranscriptView } from "./transcript.js";

const section = document.querySelector("#player[data-audio]");
const player = section ? new Player(section) : null;
const transcript = new TranscriptView(player);
const panel = new Panel();
const cards = [...document.querySelectorAll(".ask")];
const data = JSON.parse(document.getElementById("form-data").textContent);
const saver = new Saver(data, { show, faults, card: cardOf });
let current = null;
let chosenWords = null; // the last words selected in the transcript

wirePlayLinks(player);
wirePlayerKeys(player, onKey);

function cardOf(question) {
  return document.getElementById(`q-${question}`);
}

// ---- what a card says ----

function read(card) {
  const kind = card.dataset.kind;
  const pressed = [...card.querySelectorAll(".choice[aria-pressed=true]")].map((button) => button.dataset.value);
  const aside = pressed.find((value) => value === "n/a" || value === "cannot_tell");
  const answer = { verdict: aside ?? null, value: null, comment: card.querySelector(".comment").value, pins: pins(card) };
  if (aside) return answer;
  const typed = card.querySelector(".typed");
  if (kind === "yes_no") answer.verdict = pressed[0] ?? null;
  else if (typed) answer.value = typed.value.trim() === "" ? null : typed.value.trim();
  else if (kind === "multi_choice") answer.value = card.dataset.touched || pressed.length ? pressed : null;
  else answer.value = pressed[0] ?? null;
  return answer;
}

function pins(card) {
  return [...card.querySelectorAll(".pin")].map((pin) => ({
    start: Number(pin.dataset.start),
    end: Number(pin.dataset.end),
    utterance: pin.dataset.utterance,
    quote: pin.dataset.quote,
    note: pin.querySelector(".pin-note").value,
  }));
}

function changed(card) {
  card.querySelector(".field-error").hidden = true;
  saver.change(card.dataset.question, read(card));
}

/** Write an answer that was kept by the browser back into its card. */
function write(question, answer) {
  const card = cardOf(question);
  if (!card) return;
  const pressed = new Set([answer.verdict, ...[answer.value].flat()].map(String));
  for (const button of card.querySelectorAll(".choice")) button.setAttribute("aria-pressed", String(pressed.has(button.dataset.value)));
  const typed = card.querySelector(".typed");
  if (typed) typed.value = answer.value ?? "";
  card.querySelector(".comment").value = answer.comment ?? "";
  card.querySelector(".pins").replaceChildren();
  for (const pin of answer.pins ?? []) addPin(card, pin);
}

function choose(card, value) {
  const button = [...card.querySelectorAll(".choice")].find((each) => each.dataset.value === value);
  if (!button) return;
  const minor = button.classList.contains("minor");
  const was = button.getAttribute("aria-pressed") === "true";
  const several = card.dataset.kind === "multi_choice" && !minor;
  for (const each of card.querySelectorAll(".choice")) {
    if (each === button) each.setAttribute("aria-pressed", String(!was));
    else if (!several || each.classList.contains("minor")) each.setAttribute("aria-pressed", "false");
  }
  if (several) card.dataset.touched = "1";
  const typed = card.querySelector(".typed");
  if (typed && minor && !was) typed.value = "";
  changed(card);
}

// ---- moving ----

function shown() {
  return cards.filter((card) => !card.hidden);
}

function focusCard(card) {
  if (!card) return;
  panel.choose("form");
  current?.classList.remove("current");
  current = card;
  card.classList.add("current");
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const list = shown();
  const place = list.indexOf(current);
  focusCard(list[place < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(Math.max(place + step, 0), list.length - 1)]);
}

function answerKey(value) {
  current ??= shown()[0];
  if (!current) return;
  focusCard(current);
  choose(current, value);
}

// ---- pinned places ----

document.addEventListener("selectionchange", () => {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return;
  const lines = document.getElementById("lines");
  if (lines?.contains(selection.anchorNode) && lines.contains(selection.focusNode)) chosenWords = selection.getRangeAt(0).cloneRange();
});

function placeNow() {
  if (chosenWords && String(chosenWords).trim()) {
    const words = [...document.querySelectorAll("#lines [data-t]")].filter((word) => chosenWords.intersectsNode(word));
    const line = (chosenWords.startContainer.parentElement ?? document).closest(".line");
    const last = (chosenWords.endContainer.parentElement ?? document).closest(".line") ?? line;
    if (line) {
      const start = words.length ? Number(words[0].dataset.t) : Number(line.dataset.start);
      const next = words.length ? [...last.querySelectorAll("[data-t]")].find((word) => Number(word.dataset.t) > Number(words.at(-1).dataset.t)) : null;
      const end = next ? Number(next.dataset.t) : Number(last.dataset.end);
      const quote = String(chosenWords).replace(/\s+/g, " ").trim().slice(0, 1000);
      return { start, end: Math.max(start, end), utterance: line.id.slice(1), quote, note: "" };
    }
  }
  const time = player?.time ?? 0;
  const place = transcript.placeAt(time);
  const line = place >= 0 && transcript.lines[place].end > time ? transcript.lines[place].element : null;
  return { start: time, end: time, utterance: line ? line.id.slice(1) : "", quote: "", note: "" };
}

function addPin(card, place) {
  const pin = document.getElementById("pin-shape").content.firstElementChild.cloneNode(true);
  Object.assign(pin.dataset, { start: place.start.toFixed(2), end: place.end.toFixed(2), utterance: place.utterance ?? "", quote: place.quote ?? "" });
  const link = pin.querySelector("a.play");
  link.dataset.play = place.start.toFixed(2);
  link.href = `?t=${place.start.toFixed(2)}`;
  if (place.end > place.start) link.dataset.end = place.end.toFixed(2);
  const whole = Math.floor(place.start);
  link.querySelector("span").textContent = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  const quote = pin.querySelector("q");
  quote.textContent = place.quote ?? "";
  quote.hidden = !place.quote;
  pin.querySelector(".pin-note").value = place.note ?? "";
  card.querySelector(".pins").append(pin);
  return pin;
}

function pinHere(card) {
  const pin = addPin(card, placeNow());
  chosenWords = null;
  getSelection().removeAllRanges();
  focusCard(card);
  pin.querySelector(".pin-note").focus();
  changed(card);
}

// ---- wiring ----

for (const card of cards) {
  card.addEventListener("focusin", () => {
    if (current !== card) {
      current?.classList.remove("current");
      current = card;
      card.classList.add("current");
    }
  });
  card.addEventListener("click", (event) => {
    const choice = event.target.closest(".choice");
    if (choice) choose(card, choice.dataset.value);
    else if (event.target.closest(".pin-add")) pinHere(card);
    else if (event.target.closest(".pin-drop")) {
      event.target.closest(".pin").remove();
      changed(card);
    }
  });
  card.addEventListener("input", (event) => {
    if (event.target.matches(".typed")) for (const each of card.querySelectorAll(".choice.minor")) each.setAttribute("aria-pressed", "false");
    changed(card);
  });
  card.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.matches("input, textarea")) focusCard(card);
    if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      focusCard(card);
    }
  });
}
document.getElementById("evaluation").addEventListener("submit", (event) => event.preventDefault());
const summary = document.getElementById("summary");
summary.addEventListener("input", () => saver.change("", summary.value));

onKey("j", () => move(1));
onKey("k", () => move(-1));
onKey("y", () => answerKey("yes"));
onKey("n", () => answerKey("no"));
onKey("a", () => answerKey("n/a"));
onKey("t", () => answerKey("cannot_tell"));
for (let digit = 1; digit < 10; digit += 1) {
  onKey(String(digit), () => {
    const button = (current ??= shown()[0])?.querySelectorAll(".choice:not(.minor)")[digit - 1];
    if (button) answerKey(button.dataset.value);
    else current?.querySelector(".typed")?.focus();
  });
}
onKey("c", () => (current ??= shown()[0]) && pinHere(current));
onKey("m", () => (current ??= shown()[0])?.querySelector(".comment").focus());
onKey("]", () => transcript.move(1));
onKey("[", () => transcript.move(-1));
onKey("s", () => saver.submit());
document.getElementById("submit").addEventListener("click", () => saver.submit());

// ---- what the server says ----

function show(state) {
  const asked = new Set(state.asked);
  for (const card of cards) card.hidden = !asked.has(card.dataset.question);
  document.getElementById("answered").textContent = state.answered;
  document.getElementById("total").textContent = state.total;
  const score = document.getElementById("score");
  score.textContent = state.score ?? "–";
  score.classList.toggle("tone-bad", state.passed === false);
  score.classList.toggle("tone-good", state.passed === true);
  document.querySelector("#discard [name=revision]").value = state.revision;
}

function faults(found) {
  const box = document.getElementById("faults");
  const list = document.getElementById("fault-list");
  for (const card of cards) card.querySelector(".field-error").hidden = true;
  box.hidden = !found.length;
  list.replaceChildren();
  if (!found.length) return;
  document.getElementById("faults-text").textContent = document.getElementById("texts").dataset.missing.replace("{count}", found.length);
  for (const { question, message } of found) {
    const card = cardOf(question);
    if (!card) continue;
    const error = card.querySelector(".field-error");
    error.textContent = message;
    error.hidden = false;
    const link = document.createElement("a");
    link.href = `#q-${question}`;
    link.textContent = card.querySelector("legend").textContent.trim();
    link.addEventListener("click", (event) => {
      event.preventDefault();
      focusCard(card);
    });
    const item = document.createElement("li");
    item.append(link, `: ${message}`);
    list.append(item);
  }
  focusCard(cardOf(found[0].question));
}

saver.start((question, answer) => (question ? write(question, answer) : (summary.value = answer)));
