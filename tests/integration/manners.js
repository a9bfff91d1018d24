// What a page owes to assistive technology, as far as a script can see it: sentences for what is missing.
() => {
  const faults = [];
  const name = (element) =>
    element.getAttribute("aria-label") ||
    (element.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("") ||
    [...(element.labels ?? [])].map((label) => label.textContent).join("") ||
    element.textContent ||
    element.title;
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  for (const element of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=slider], [role=tab]")) {
    if (seen(element) && !name(element)?.trim()) faults.push(`no name: ${element.outerHTML.slice(0, 90)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((each) => each === id).length > 1) faults.push(`id twice: ${id}`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not exactly one h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("not exactly one main");
  if (!document.documentElement.lang) faults.push("no language");
  // Target size (2.5.8): 24 px, unless it stands in a line of text.
  for (const element of document.querySelectorAll("button, summary, select, input:not([type=hidden])")) {
    if (!seen(element)) continue;
    const box = (element.closest("label") ?? element).getBoundingClientRect();
    if (box.height && (box.height < 23.5 || box.width < 23.5)) faults.push(`small target ${box.width}×${box.height}: ${element.outerHTML.slice(0, 80)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`wider than the window by ${document.documentElement.scrollWidth - innerWidth}`);
  return faults;
}
