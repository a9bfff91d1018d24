// Runs before the page is painted: whatever needs script may show itself.
document.documentElement.classList.add("scripted");
