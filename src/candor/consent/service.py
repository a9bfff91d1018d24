"""The verbs of consent: decide, show the rules, override them, bring in a newer pack.

The pack and the overrides are read once and kept in memory; each call looks at two ids to learn whether either has
changed, so that every process decides by the same law from the next call on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent import pack as packs
from candor.consent import store
from candor.consent.decide import Trust, decide
from candor.consent.model import Decision, Facts
from candor.consent.overrides import store as overrides
from candor.consent.overrides.model import Override
from candor.consent.pack import Pack, Rules
from candor.consent.rules import EXPLANATORY, CrossRule, JurisdictionRule, SectorRule
from candor.consent.store import Installed
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork

_LONGEST_REASON = 1000
_LONGEST_AUTHOR = 120
_State = tuple[tuple[int, datetime] | None, tuple[int, datetime] | None]
"""Which pack was installed last, and which override was made last."""


class Consent:
    """May we record this call, and on what terms?"""

    def __init__(self, *, stale_months: int = 12, region: str | None = None) -> None:
        """``stale_months``: rules that were reviewed longer ago are flagged. ``region``: ISO 3166 country by which
        numbers without + are read, where the facts tell none."""
        self._region = region
        self._trust = Trust(stale=timedelta(days=round(stale_months * 365.25 / 12)))
        self._loaded: tuple[_State, Pack] | None = None

    def pack(self, uow: UnitOfWork) -> Pack:
        """The pack that counts now, with the overrides laid over it."""
        state = (store.newest(uow), overrides.newest(uow))
        loaded = self._loaded
        if loaded is None or loaded[0] != state:
            laid = _base(uow, state[0]).with_overrides(overrides.every(uow))
            loaded = self._loaded = (state, laid)
        return loaded[1]

    def decide(self, uow: UnitOfWork, facts: Facts) -> Decision:
        """What the law asks of a call; raises InvalidInput for facts that cannot be (see ``consent.decide``)."""
        if facts.region is None and self._region is not None:
            facts = replace(facts, region=self._region)
        return decide(self.pack(uow), facts, self._trust)

    def rules(self, uow: UnitOfWork, day: date | None = None) -> Rules:
        """The law of a day, today when left out."""
        return self.pack(uow).on(day or clock.now().date())

    def rule(
        self, uow: UnitOfWork, rule_id: str, day: date | None = None
    ) -> tuple[JurisdictionRule | SectorRule | CrossRule, tuple[Override, ...]]:
        """One rule as it counts on a day, and the overrides in it; raises NotFound."""
        rules = self.rules(uow, day)
        key = rule_id.strip().upper()
        name = rules.sector_names.get(rule_id.strip().casefold(), key)
        found = rules.jurisdictions.get(key) or rules.sectors.get(name) or rules.cross.get(key)
        if found is None:
            raise NotFound(
                "There is no such rule.", code="consent.no_rule", advice="`candor consent rules` lists them."
            )
        return found, rules.overridden.get(found.id, ())

    # Overrides

    def override(
        self, uow: UnitOfWork, rule_id: str, field: str, value: Any, *, author: str, reason: str, made_by: str,
        effective_from: date | None = None, effective_until: date | None = None,
    ) -> Override:  # fmt: skip
        """Change one field of a place's or sector's rule; raises InvalidInput when the rule would not be valid.

        ``value`` is as in the pack, in JSON. One that was there before is superseded, and stays in the history.
        """
        start = effective_from or clock.now().date()
        record = self._overridable(uow, rule_id, field, start)
        old, new = _plain(record, field), _plain(packs.changed(record, {field: value}), field)
        if effective_until is not None and effective_until < start:
            raise InvalidInput("The override ends before it begins.", code="consent.override.period")
        if new == old:
            raise Conflict("The rule says so already.", code="consent.override.same")
        made = self._made(
            record.id, field, old, new, author=author, reason=reason, made_by=made_by, withdrawn=False,
            effective_from=start, effective_until=effective_until,
        )  # fmt: skip
        return self._keep(uow, made)

    def withdraw(
        self, uow: UnitOfWork, rule_id: str, field: str, *, author: str, reason: str, made_by: str,
        effective_from: date | None = None,
    ) -> Override:  # fmt: skip
        """Let the pack's own value count again; raises NotFound when nothing overrides it on that day."""
        start = effective_from or clock.now().date()
        record = self._overridable(uow, rule_id, field, start)
        if not any(each.field == field for each in self.rules(uow, start).overridden.get(record.id, ())):
            raise NotFound("Nothing overrides this field on that day.", code="consent.override.none")
        made = self._made(
            record.id, field, _plain(record, field), None, author=author, reason=reason, made_by=made_by,
            withdrawn=True, effective_from=start, effective_until=None,
        )  # fmt: skip
        return self._keep(uow, made)

    def history(self, uow: UnitOfWork, rule_id: str | None = None) -> tuple[Override, ...]:
        """Every override and withdrawal ever made, oldest first."""
        return overrides.every(uow, rule_id and self.rule(uow, rule_id)[0].id)

    # Packs

    def install(self, uow: UnitOfWork, texts: dict[str, bytes], *, by: str) -> Pack:
        """Bring in a newer pack. Refused whole, and the old one stays, when it does not validate (InvalidInput),
        when it is not newer (Conflict), or when an override does not fit it (InvalidInput)."""
        read = packs.read(texts)
        present = self.pack(uow)
        if not packs.newer(read.version, present.version):
            raise Conflict(
                f"The pack is version {read.version}; {present.version} is in use.", code="consent.pack.version",
                advice="Nothing changed. Only a newer version is taken.",
            )  # fmt: skip
        missing = sorted({each.rule for each in overrides.every(uow)} - set(read.latest))
        if missing:
            raise InvalidInput(
                f"The pack has no {', '.join(missing)}, which an override changes.", code="consent.pack",
                advice="Nothing changed; the pack in use stays.",
            )  # fmt: skip
        read.with_overrides(overrides.every(uow))
        store.add(uow, version=read.version, digest=read.digest, by=by, texts=texts)
        audit.record(uow, Event.RULE_PACK_INSTALLED, by, subject=read.version)
        return self.pack(uow)

    def packs(self, uow: UnitOfWork) -> tuple[Installed, ...]:
        """Packs that were brought in, newest first."""
        return store.history(uow)

    # What they have in common

    def _overridable(self, uow: UnitOfWork, rule_id: str, field: str, day: date) -> JurisdictionRule | SectorRule:
        record, _ = self.rule(uow, rule_id, day)
        name, _, key = field.partition(".")
        if isinstance(record, CrossRule) or name not in packs.overridable(record) - EXPLANATORY[type(record).__name__]:
            raise InvalidInput(
                "This field cannot be overridden.", code="consent.override.field",
                advice="It says which rule it is, or only explains; `candor consent rules ID --json` shows the others.",
            )  # fmt: skip
        if key and not isinstance(getattr(record, name), dict):
            raise InvalidInput("This field has no keys.", code="consent.override.field")
        if not key and isinstance(getattr(record, name), dict):
            raise InvalidInput(
                "This field is changed key by key.", code="consent.override.field", advice=f"Write {name}.quality."
            )
        return record

    @staticmethod
    def _made(
        rule: str, field: str, old: Any, new: Any, *, author: str, reason: str, made_by: str, withdrawn: bool,
        effective_from: date, effective_until: date | None,
    ) -> Override:  # fmt: skip
        author, reason = author.strip(), reason.strip()
        if not author or not reason:
            raise InvalidInput("An override needs an author and a reason.", code="consent.override.reason")
        if len(author) > _LONGEST_AUTHOR or len(reason) > _LONGEST_REASON:
            raise InvalidInput(
                "The author or the reason is too long.", code="consent.override.reason",
                advice=f"At most {_LONGEST_AUTHOR} and {_LONGEST_REASON:,} characters.",
            )  # fmt: skip
        return Override(
            id=0, rule=rule, field=field, old=old, new=new, withdrawn=withdrawn, effective_from=effective_from,
            effective_until=effective_until, author=author, made_by=made_by, reason=reason, made_at=clock.now(),
        )  # fmt: skip

    def _keep(self, uow: UnitOfWork, made: Override) -> Override:
        self.pack(uow)  # what is in use must be valid before it is changed
        _base(uow, store.newest(uow)).with_overrides((*overrides.every(uow), made))
        kept = overrides.add(uow, made)
        audit.record(uow, Event.RULE_OVERRIDDEN, made.made_by, subject=f"{made.rule} {made.field}", reason=made.reason)
        return kept


def _base(uow: UnitOfWork, installed: tuple[int, datetime] | None) -> Pack:
    """The newer of the pack that ships and the one installed last."""
    if installed is None:
        return packs.builtin()
    read = packs.read(store.texts(uow, installed[0]))
    return read if packs.newer(read.version, packs.builtin().version) else packs.builtin()


def _plain(record: JurisdictionRule | SectorRule, field: str) -> Any:
    name, _, key = field.partition(".")
    value = record.model_dump(mode="json")[name]
    return value.get(key) if key else value
