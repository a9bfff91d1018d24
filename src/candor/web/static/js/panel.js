// Tabs of the side panel; on narrow screens the transcript is one of them.

const narrow = matchMedia("(max-width: 1000px)");

export class Panel {
  constructor() {
    this.list = document.getElementById("tabs");
    this.tabs = [...this.list.querySelectorAll("[role=tab]")];
    this.side = this.list.dataset.tab;
    const named = new URL(location.href).searchParams.has("tab");
    const inside = location.hash.length > 1 && document.getElementById(location.hash.slice(1))?.closest(".panel");
    if (inside) this.side = inside.id;
    this.chosen = narrow.matches && !named && !inside ? "transcript" : this.side;
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.choose(tab.dataset.for));
      const body = document.getElementById(tab.dataset.for);
      if (tab.dataset.for !== "transcript") {
        body.setAttribute("role", "tabpanel");
        body.setAttribute("aria-labelledby", tab.id);
        body.removeAttribute("aria-label");
      }
    }
    this.list.addEventListener("keydown", (event) => this.arrows(event));
    narrow.addEventListener("change", () => this.apply());
    this.apply();
  }

  choose(name, { focus = false } = {}) {
    this.chosen = name;
    if (name !== "transcript") this.side = name;
    const address = new URL(location.href);
    address.searchParams.set("tab", name);
    if (name === "transcript") address.searchParams.delete("tab");
    history.replaceState(history.state, "", address);
    this.apply();
    if (focus) this.tabs.find((tab) => tab.dataset.for === name)?.focus();
  }

  apply() {
    const shown = narrow.matches ? this.chosen : this.side;
    for (const tab of this.tabs) {
      const on = tab.dataset.for === shown;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      document.getElementById(tab.dataset.for).classList.toggle("chosen", on);
    }
  }

  arrows(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const seen = this.tabs.filter((tab) => tab.offsetParent !== null);
    const place = seen.indexOf(document.activeElement);
    this.choose(seen[(place + step + seen.length) % seen.length].dataset.for, { focus: true });
  }
}
