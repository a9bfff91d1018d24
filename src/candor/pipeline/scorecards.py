"""Scorecards as people work on them: drafts, publication, retirement; each step by right, and in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit.database import UnitOfWork
from candor.scoring import store as scorecards
from candor.scoring.dumper import dump_scorecard
from candor.scoring.lifecycle import checking, drafting, store
from candor.scoring.lifecycle.changes import Change, changes
from candor.scoring.lifecycle.checking import Checked
from candor.scoring.lifecycle.drafting import Tree
from candor.scoring.lifecycle.store import Draft, Version, VersionState
from candor.scoring.loader import load_scorecard, read_yaml
from candor.scoring.model import Scorecard
from candor.scoring.reading import ID

SeesAll = Callable[[Principal], bool]
"""Whether every conversation is within a person's reach."""
CLI = "cli"
"""Who it was, when it was somebody at this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One scorecard with all there is of it."""

    id: str
    title: str
    versions: tuple[Version, ...]
    """The newest first."""
    draft: Draft | None

    @property
    def active(self) -> Version | None:
        """The version in use."""
        return next((each for each in self.versions if each.state is VersionState.ACTIVE), None)


class Scorecards:
    """The verbs. ``principal`` None: somebody at the command line of this machine."""

    def __init__(self, sees_all: SeesAll) -> None:
        self._sees_all = sees_all

    def listed(self, uow: UnitOfWork, principal: Principal | None = None) -> tuple[Listed, ...]:
        """All scorecards, by title."""
        _allow_reading(principal)
        versions: dict[str, list[Version]] = {}
        for each in store.versions(uow):
            versions.setdefault(each.scorecard, []).append(each)
        drafts = {each.scorecard: each for each in store.drafts(uow)}
        found = [
            Listed(
                id=name, versions=tuple(versions.get(name, ())), draft=drafts.get(name),
                title=self._title(versions.get(name), drafts.get(name)),
            )
            for name in versions.keys() | drafts.keys()
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda each: (each.active is None, each.title.lower(), each.id)))

    @staticmethod
    def _title(versions: list[Version] | None, draft: Draft | None) -> str:
        if versions:
            active = next((each for each in versions if each.state is VersionState.ACTIVE), versions[0])
            return load_scorecard(active.yaml, vocabulary=None).title
        return str(draft.data.get("title") or draft.scorecard) if draft else ""

    def one(self, uow: UnitOfWork, scorecard_id: str, principal: Principal | None = None) -> Listed:
        """One scorecard; raises NotFound."""
        _allow_reading(principal)
        versions = store.versions(uow, scorecard_id)
        try:
            draft: Draft | None = store.draft(uow, scorecard_id)
        except NotFound:
            draft = None
        if not versions and draft is None:
            raise NotFound("There is no such scorecard.", code="scorecard.none")
        return Listed(
            id=scorecard_id, title=self._title(list(versions), draft), versions=versions, draft=draft
        )  # fmt: skip

    def draft(self, uow: UnitOfWork, scorecard_id: str, principal: Principal | None) -> Draft:
        """The open draft; raises NotFound."""
        _allow(principal)
        return store.draft(uow, scorecard_id)

    def begin(self, uow: UnitOfWork, scorecard_id: str, title: str, principal: Principal | None) -> Draft:
        """A draft of a new scorecard; raises Conflict where there is one of this name."""
        by = _allow(principal)
        if store.newest_number(uow, scorecard_id):
            raise Conflict("There is a scorecard with this id.", code="scorecard.exists", advice="Choose another.")
        tree = drafting.blank(scorecard_id, title)
        checked = checking.check(tree)
        if checked.scorecard is None:
            raise InvalidInput(checked.faults[0].message, code="scorecard.invalid")
        return self._opened(uow, scorecard_id, tree, by, None)

    def revise(
        self, uow: UnitOfWork, scorecard_id: str, principal: Principal | None, version: int | None = None
    ) -> Draft:
        """A draft that begins as a published version; None: the active one, else the newest."""
        by = _allow(principal)
        found = store.versions(uow, scorecard_id)
        chosen = [each for each in found if each.version == version] if version is not None else []
        if version is None:
            chosen = [each for each in found if each.state is VersionState.ACTIVE] or list(found[:1])
        if not chosen:
            raise NotFound("There is no such version of a scorecard.", code="scorecard.none")
        tree = _tree(load_scorecard(chosen[0].yaml, vocabulary=None))
        tree["version"] = found[0].version + 1
        return self._opened(uow, scorecard_id, tree, by, chosen[0].version)

    def take_in(
        self, uow: UnitOfWork, text: str, principal: Principal | None, revision: int | None = None,
        scorecard_id: str | None = None,
    ) -> Draft:  # fmt: skip
        """YAML as a draft: a new one, or in place of the one whose ``revision`` was seen. Raises InvalidInput.

        ``scorecard_id``: the id that it must have.
        """
        by = _allow(principal)
        data = read_yaml(text)
        if not isinstance(data, dict) or not isinstance(data.get("id"), str) or not ID.fullmatch(data["id"]):
            raise InvalidInput("A scorecard is a mapping with an id.", code="scorecard.invalid")
        if scorecard_id is not None and data["id"] != scorecard_id:
            raise InvalidInput(f'The id must stay "{scorecard_id}".', code="scorecard.invalid")
        tree: Tree = _plain({name: value for name, value in data.items() if name != "definitions"})
        if revision is not None:
            return store.save_draft(uow, tree["id"], tree, by=by, revision=revision)
        number = store.newest_number(uow, tree["id"])
        if number:
            tree["version"] = number + 1
        return self._opened(uow, tree["id"], tree, by, number or None)

    def _opened(self, uow: UnitOfWork, scorecard_id: str, tree: Tree, by: str, base: int | None) -> Draft:
        made = store.open_draft(uow, scorecard_id, tree, by=by, base_version=base)
        audit.record(uow, Event.SCORECARD_DRAFTED, by, subject=f"{scorecard_id}@{tree['version']}")
        return made

    def save(
        self, uow: UnitOfWork, scorecard_id: str, data: Mapping[str, Any], revision: int, principal: Principal | None
    ) -> Draft:
        """Keep what was changed; raises Conflict when somebody else changed it since ``revision``.

        The first change of a person to another's draft is an audit line, further ones are not: saving is constant.
        """
        by = _allow(principal)
        before = store.draft(uow, scorecard_id)
        tree = dict(data) | {"id": scorecard_id}
        made = store.save_draft(uow, scorecard_id, tree, by=by, revision=revision)
        if before.changed_by != by:
            audit.record(uow, Event.SCORECARD_EDITED, by, subject=scorecard_id)
        return made

    def with_guidance(
        self, uow: UnitOfWork, principal: Principal, scorecard_id: str, question_id: str, text: str, /
    ) -> int:
        """A draft of the next version in which the question has this guidance; its version. For calibrations."""
        try:
            draft = self.draft(uow, scorecard_id, principal)
        except NotFound:
            draft = self.revise(uow, scorecard_id, principal)
        for path in drafting.paths(draft.data):
            if path.rpartition(".")[2][0] == "q" and drafting.at(draft.data, path).get("id") == question_id:
                tree = drafting.set_fields(draft.data, path, {"guidance": text})
                return int(self.save(uow, scorecard_id, tree, draft.revision, principal).data["version"])
        raise NotFound("The draft has no such question.", code="draft.question")

    def discard(self, uow: UnitOfWork, scorecard_id: str, principal: Principal | None) -> None:
        """Forget the draft."""
        by = _allow(principal)
        store.drop_draft(uow, scorecard_id)
        audit.record(uow, Event.SCORECARD_DISCARDED, by, subject=scorecard_id)

    def check(self, draft: Draft) -> Checked:
        """What is wrong with a draft."""
        return checking.check(draft.data)

    def differences(self, uow: UnitOfWork, scorecard: Scorecard) -> tuple[Change, ...]:
        """What it changes against the version in use, else the newest."""
        found = [each for each in store.versions(uow, scorecard.id) if each.version < scorecard.version]
        before = next((each for each in found if each.state is VersionState.ACTIVE), found[0] if found else None)
        old = load_scorecard(before.yaml, vocabulary=None) if before else None
        return changes(old, scorecard)

    def publish(
        self, uow: UnitOfWork, scorecard_id: str, principal: Principal | None, revision: int | None = None
    ) -> Version:
        """Make the draft a version that never changes, and the one in use. Raises InvalidInput while it has faults."""
        by = whole_house(principal, self._sees_all)
        draft = store.draft(uow, scorecard_id)
        if revision is not None and draft.revision != revision:
            raise Conflict("The draft was changed elsewhere meanwhile.", code="draft.changed", advice="Look again.")
        tree = draft.data | {"version": store.newest_number(uow, scorecard_id) + 1}
        checked = checking.check(tree)
        if checked.scorecard is None:
            raise InvalidInput(f"It cannot be published yet. {checked.faults[0].message}", code="scorecard.invalid")
        made = self._publish(uow, checked.scorecard, by, checking.as_yaml(tree))
        store.drop_draft(uow, scorecard_id)
        return made

    def publish_text(self, uow: UnitOfWork, text: str, principal: Principal | None) -> Version:
        """Publish a file as it stands; its version must be higher than any before it. An open draft stays open."""
        by = whole_house(principal, self._sees_all)
        scorecard = load_scorecard(text)
        newest = store.newest_number(uow, scorecard.id)
        if scorecard.version <= newest:
            raise Conflict(
                f"Version {newest} is there already.", code="scorecard.version_taken",
                advice=f"Give the file version {newest + 1}.",
            )  # fmt: skip
        return self._publish(uow, scorecard, by, text)

    def _publish(self, uow: UnitOfWork, scorecard: Scorecard, by: str, text: str) -> Version:
        told = [str(each) for each in self.differences(uow, scorecard)]
        store.note_retirement(uow, scorecard.id, by)
        scorecards.put_scorecard(uow, scorecard, yaml=text)
        store.note_publication(uow, scorecard.id, scorecard.version, by, told)
        audit.record(uow, Event.SCORECARD_PUBLISHED, by, subject=f"{scorecard.id}@{scorecard.version}")
        return store.version(uow, scorecard.id, scorecard.version)

    def retire(self, uow: UnitOfWork, scorecard_id: str, principal: Principal | None) -> None:
        """Use it no more; evaluations that were made with it stay. Raises NotFound when none of it is in use."""
        by = whole_house(principal, self._sees_all)
        active = store.version(uow, scorecard_id)
        store.note_retirement(uow, scorecard_id, by)
        scorecards.activate(uow, scorecard_id, None)
        audit.record(uow, Event.SCORECARD_RETIRED, by, subject=f"{scorecard_id}@{active.version}")

    def bring_back(self, uow: UnitOfWork, scorecard_id: str, version: int, principal: Principal | None) -> None:
        """Use a retired version again, in place of the one in use."""
        by = whole_house(principal, self._sees_all)
        held = store.version(uow, scorecard_id, version)
        store.note_retirement(uow, scorecard_id, by)
        scorecards.activate(uow, scorecard_id, version)
        store.note_publication(uow, scorecard_id, version, held.published_by or by, list(held.changes))
        audit.record(uow, Event.SCORECARD_PUBLISHED, by, subject=f"{scorecard_id}@{version}")


def _allow(principal: Principal | None) -> str:
    """Who acts; raises Forbidden."""
    if principal is None:
        return CLI
    principal.require(Right.SCORECARD_MANAGE)
    return principal.user_id


def whole_house(principal: Principal | None, sees_all: SeesAll) -> str:
    """Who acts; raises Forbidden also to those who see a part of the conversations only: this changes all scores."""
    by = _allow(principal)
    if principal is not None and not sees_all(principal):
        raise Forbidden(
            "Scorecards count for everybody.", code="scorecard.scope", advice="Ask somebody who sees all conversations."
        )
    return by


def _allow_reading(principal: Principal | None) -> None:
    if principal is not None:
        principal.require(Right.QUALITY_READ)


def _tree(scorecard: Scorecard) -> Tree:
    tree: Tree = _plain(yaml.safe_load(dump_scorecard(scorecard)))
    return tree


def _plain(value: Any) -> Any:
    """Mappings with texts as keys, lists and scalars, nothing shared and nothing that JSON cannot hold."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
