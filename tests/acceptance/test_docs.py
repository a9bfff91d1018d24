"""The reference pages say what the program says, and no link leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.acceptance.product import ROOT, Candor

PAGES = sorted(page for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "demo").glob("*.md")])
_LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)[^)]*\)")
_NAMED = re.compile(r"(?:^|`|/bin/)candor ([a-z]+)(?=[ `\n])", re.MULTILINE)
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


@pytest.mark.parametrize("page", ["settings", "cli"])
def test_a_generated_page_is_what_the_command_writes(page: str, tmp_path: Path) -> None:
    command = {"settings": "settings", "cli": "commands"}[page]
    made = Candor(tmp_path / "data").run(command, "--markdown")
    assert made.code == 0
    assert (ROOT / "docs" / "reference" / f"{page}.md").read_text() == made.out, "run: make docs"
    assert not (tmp_path / "data").exists(), "asking for a page must not make a data folder"


def anchors(page: Path) -> set[str]:
    """The places that a page's headings make, as GitHub and GitLab name them."""
    heads = re.findall(r"^#+ +(.+?) *$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(_CODE.sub("", page.read_text())):
        target, _, place = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), link
        assert ROOT in (found, *found.parents), link
        if place and found.suffix == ".md":
            assert place in anchors(found), link


def test_every_page_can_be_reached_from_the_first(tmp_path: Path) -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or not page.exists():
            continue
        seen.add(page)
        for link in _LINK.findall(page.read_text()):
            target = (page.parent / link.partition("#")[0]).resolve()
            todo += sorted(target.glob("*.md")) if target.is_dir() else [target] if target.suffix == ".md" else []
    assert {page for page in PAGES if page not in seen} == set()


def test_every_command_and_setting_that_the_pages_name_exists() -> None:
    commands = set(re.findall(r"^## `candor ([a-z -]+)`", (ROOT / "docs/reference/cli.md").read_text(), re.MULTILINE))
    first = {command.split()[0] for command in commands} | {"demo", "commands"}
    settings = set(re.findall(r"`(CANDOR_\w+)`", (ROOT / "docs/reference/settings.md").read_text()))
    for page in PAGES:
        text = page.read_text()
        for named in _NAMED.findall("\n".join(_CODE.findall(text))):
            assert named in first, (page.name, named)
        for named in re.findall(r"\bCANDOR_[A-Z_]+[A-Z]\b", text):
            assert named in settings, (page.name, named)
