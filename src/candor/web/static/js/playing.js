// Every play button on a page, also those that come later: score evidence, findings, utterances, pinned places.

export function wirePlayLinks(player) {
  let playingLink = null;

  function over() {
    playingLink?.classList.remove("playing");
    playingLink = null;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-play]");
    if (!link || !player || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const again = link === playingLink && player.playing;
    over();
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
    if (!player.playing) over();
  });
}

/** Space, arrows and Home work the player. */
export function wirePlayerKeys(player, onKey) {
  if (!player) return;
  onKey(" ", () => player.toggle());
  for (const [key, step] of [["ArrowLeft", -5], ["ArrowRight", 5], ["Shift+ArrowLeft", -1], ["Shift+ArrowRight", 1]]) {
    onKey(key, () => player.seek(player.time + step));
  }
  onKey("Home", () => player.seek(0));
}
