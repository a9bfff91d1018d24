"""Every field of the pack's records changes decisions, or a list names it as explanation.

Each mutation below changes one field of one record and asks one question, whose answer must change. A new field in
``candor.consent.rules`` without a mutation here, and without a place in ``EXPLANATORY``, fails.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from candor.consent import pack, plain, rules
from candor.consent.decide import decide
from candor.consent.pack import Pack
from candor.consent.rules import Citation, CrossRule, Head, JurisdictionRule, SectorRule
from candor.errors import InvalidInput
from tests.unit.consent.cases import facts

MODELS: tuple[type[BaseModel], ...] = (
    rules.JurisdictionRule, rules.SectorRule, rules.CrossRule, rules.Head, rules.Duty, rules.Retention, rules.Limit,
    rules.NoticeException, rules.Earlier, rules.Bar, rules.Citation, rules.Unknown, rules.UnknownPlace, rules.Purpose,
    rules.Channel,
)  # fmt: skip
Change = Callable[[Any], Any]
Q = {"purpose": "quality"}
PLACE = "place"


def updated(**fields: Any) -> Change:
    """One record with fields replaced."""
    return lambda record: record.model_copy(update=fields)


def item(group: str, index: int, **fields: Any) -> Change:
    """One record with a field of one of its items replaced."""

    def change(record: Any) -> Any:
        items = list(getattr(record, group))
        items[index] = items[index].model_copy(update=fields)
        return record.model_copy(update={group: tuple(items)})

    return change


def chain(*changes: Change) -> Change:
    def change(record: Any) -> Any:
        for each in changes:
            record = each(record)
        return record

    return change


def legs(*ids: str, **more: Any) -> dict[str, Any]:
    return {**Q, "extra_legs": list(ids), **more}


CITED = (Citation(ref="another", source="page"),)
EARLY, LATE = date(2020, 1, 1), date(2030, 1, 1)
OLD = date(2010, 1, 1)

# "Model.field": (record's id, the change, the question, a change made before in both)
J = "JurisdictionRule"
MUTATIONS: dict[str, tuple[str, Change, dict[str, Any], Change | None]] = {
    f"{J}.id": ("GB", updated(id="GX"), legs("GB"), None),
    f"{J}.name": ("GB", updated(name="Albion"), legs("GB"), None),
    f"{J}.parent": ("CA-QC", updated(parent=None), legs("CA-QC"), None),
    f"{J}.engine_level": ("GB", updated(engine_level=3), legs("GB"), None),
    f"{J}.purpose_overrides": ("DE", updated(purpose_overrides={"quality": 9}), legs("DE"), None),
    f"{J}.channel_overrides": ("US-OR", updated(channel_overrides={}), legs("US-OR", channel="video"), None),
    f"{J}.consent_form": ("GB", updated(consent_form="none"), legs("GB"), None),
    f"{J}.opt_in_from": ("DE", updated(opt_in_from=("customer",)), legs("DE"), None),
    f"{J}.precaution": ("US-MI", updated(precaution=None), legs("US-MI"), None),
    f"{J}.notice_required": (
        "US-TX",
        updated(notice_required=True),
        legs("US-TX"),
        updated(notice_elements=("purpose",)),
    ),
    f"{J}.notice_elements": ("GB", updated(notice_elements=("recording-fact",)), legs("GB"), None),
    f"{J}.policy_elements": ("US-OR", updated(policy_elements=("purpose",)), legs("US-OR", channel="video"), None),
    f"{J}.notice_must_be_recorded": ("US-WA", updated(notice_must_be_recorded=False), legs("US-WA"), None),
    f"{J}.notice_alternatives": ("US-CT", updated(notice_alternatives=()), legs("US-CT"), None),
    f"{J}.objection": ("US-CA", updated(objection="none"), legs("US-CA"), None),
    f"{J}.unrecorded_route": ("AU", updated(unrecorded_route=False), legs("AU"), None),
    f"{J}.language_rule": ("JP", updated(language_rule="service"), legs("JP"), None),
    f"{J}.languages": ("JP", updated(languages=("en",)), legs("JP"), None),
    f"{J}.sampling_required": ("FR", updated(sampling_required=False), legs("FR"), None),
    f"{J}.pause_on_hold_required": ("NL", updated(pause_on_hold_required=False), legs("NL"), None),
    f"{J}.guardian_consents": ("FR", updated(guardian_consents=False), legs("FR", minor=True), None),
    f"{J}.evidence_rule": (
        "US-VA",
        updated(evidence_rule=None),
        {"purpose": "dispute_evidence", "extra_legs": ["US-VA"]},
        None,
    ),
    f"{J}.exceptions": ("US-PA", updated(exceptions=()), legs("US-PA"), None),
    f"{J}.duties": ("US-NY", updated(duties=()), {**Q, "agent_location": "US-NY"}, None),
    f"{J}.retention": ("FR", updated(retention=()), legs("FR"), None),
    f"{J}.purpose_bound": ("GB", updated(purpose_bound=False), legs("GB"), None),
    f"{J}.limits": ("GB", updated(limits=()), legs("GB"), None),
    f"{J}.earlier": (
        "DK",
        updated(earlier=()),
        {"purpose": "documentation", "extra_legs": ["DK"], "at": "2019-01-01"},
        None,
    ),
    f"{J}.rule_detail": ("GB", updated(rule_detail="Another."), legs("GB"), None),
    f"{J}.citations": ("GB", updated(citations=CITED), legs("GB"), None),
    f"{J}.confidence": ("GB", updated(confidence=0.5), legs("GB"), None),
    f"{J}.last_reviewed": ("GB", updated(last_reviewed=OLD), legs("GB"), None),
    f"{J}.valid_from": ("GB", updated(valid_from=LATE), legs("GB"), None),
    f"{J}.valid_to": ("GB", updated(valid_to=EARLY), legs("GB"), None),
    "Duty.id": ("US-NY", item("duties", 0, id="other"), {**Q, "agent_location": "US-NY"}, None),
    "Duty.kind": ("US-NY", item("duties", 0, kind="policy"), {**Q, "agent_location": "US-NY"}, None),
    "Duty.words": ("US-NY", item("duties", 0, words="Other."), {**Q, "agent_location": "US-NY"}, None),
    "Duty.blocks": ("US-NY", item("duties", 0, blocks=False), {**Q, "agent_location": "US-NY"}, None),
    "Duty.where": ("US-NY", item("duties", 0, where="ever"), {**Q, "agent_location": "US-NY"}, None),
    "Duty.any_of": ("US-DE", item("duties", 0, any_of=None), {**Q, "agent_location": "US-DE"}, None),
    "Duty.valid_from": ("US-NY", item("duties", 0, valid_from=LATE), {**Q, "agent_location": "US-NY"}, None),
    "Duty.valid_to": ("US-NY", item("duties", 0, valid_to=EARLY), {**Q, "agent_location": "US-NY"}, None),
    "Retention.of": ("FR", item("retention", 0, of="report"), legs("FR"), None),
    "Retention.words": ("FR", item("retention", 0, words="Other."), legs("FR"), None),
    "Retention.min_days": ("DE", item("retention", 1, min_days=1), legs("DE"), None),
    "Retention.max_days": ("FR", item("retention", 0, max_days=1), legs("FR"), None),
    "Retention.extendable_to": (
        "MIFID2-16-7",
        item("retention", 0, extendable_to=None),
        {"purpose": "must_record_mifid", "extra_legs": ["FR"]},
        None,
    ),
    "Retention.counts_from": ("GLBA", item("retention", 0, counts_from="call"), legs("US-TX", sectors=["glba"]), None),
    "Retention.delete_after": (
        "DE",
        item("retention", 0, delete_after=False),
        {"purpose": "must_record_mifid", "extra_legs": ["DE"]},
        None,
    ),
    "Retention.purposes": ("FR", item("retention", 0, purposes=("training",)), legs("FR"), None),
    "Retention.sectors": ("HU", item("retention", 0, sectors=()), legs("HU"), None),
    "Retention.places": ("BIPA", item("retention", 0, places=("US-TX",)), legs("US-IL"), None),
    "Retention.at": ("RO", item("retention", 0, at="call"), legs("RO"), None),
    "Retention.exception": ("US-PA", item("retention", 0, exception=None), legs("US-PA"), None),
    "Retention.valid_from": ("FR", item("retention", 0, valid_from=LATE), legs("FR"), None),
    "Retention.valid_to": ("FR", item("retention", 0, valid_to=EARLY), legs("FR"), None),
    "Limit.code": ("GB", item("limits", 0, code="other"), legs("GB"), None),
    "Limit.words": ("GB", item("limits", 0, words="Other."), legs("GB"), None),
    "Limit.purposes": ("GB", item("limits", 0, purposes=("training",)), legs("GB"), None),
    "Limit.purposes_except": ("GB", item("limits", 0, purposes_except=("quality",)), legs("GB"), None),
    "Limit.at": ("GB", item("limits", 0, at="employer"), legs("GB"), None),
    "Limit.exception": ("US-PA", item("limits", 0, exception=None), legs("US-PA"), None),
    "Limit.valid_from": ("GB", item("limits", 0, valid_from=LATE), legs("GB"), None),
    "Limit.valid_to": ("GB", item("limits", 0, valid_to=EARLY), legs("GB"), None),
    "NoticeException.id": ("US-PA", item("exceptions", 0, id="x"), legs("US-PA"), None),
    "NoticeException.purposes": ("US-PA", item("exceptions", 0, purposes=()), legs("US-PA"), None),
    "NoticeException.words": ("US-PA", item("exceptions", 0, words="Other."), legs("US-PA"), None),
    "Earlier.until": (
        "US-OR",
        item("earlier", 0, until=date(2018, 1, 1)),
        legs("US-OR", channel="video", at="2019-01-01"),
        None,
    ),
    "Earlier.changes": (
        "US-OR",
        item("earlier", 0, changes={"channel_overrides": {"video": 4}}),
        legs("US-OR", channel="video", at="2019-01-01"),
        None,
    ),
    "SectorRule.id": ("GLBA", updated(id="GLB"), legs("US-TX", sectors=["glba"]), None),
    "SectorRule.name": ("LGPD", updated(name="Other"), legs("BR"), None),
    "SectorRule.aliases": ("MIFID2-16-7", updated(aliases=()), legs("DE", sectors=["mifid"]), None),
    "SectorRule.regions": ("LGPD", updated(regions=("US",)), legs("BR"), None),
    "SectorRule.automatic": ("LGPD", updated(automatic=False), legs("BR"), None),
    "SectorRule.must_record": ("BR-SAC", updated(must_record=None), legs("BR", sectors=["sac"]), None),
    "SectorRule.drops_level": (
        "MIFID2-16-7",
        updated(drops_level=False),
        {"purpose": "must_record_mifid", "extra_legs": ["FR"]},
        None,
    ),
    "SectorRule.retention_class": ("BR-SAC", updated(retention_class="other"), legs("BR", sectors=["sac"]), None),
    "SectorRule.notice_elements": ("CCPA", updated(notice_elements=()), legs("US-CA", sectors=["ccpa"]), None),
    "SectorRule.actions": ("GLBA", updated(actions=()), legs("US-TX", sectors=["glba"]), None),
    "SectorRule.bars": ("MIFID2-16-7", updated(bars=()), legs("DE", sectors=["mifid"]), None),
    "SectorRule.limits": ("LGPD", updated(limits=()), legs("BR"), None),
    "SectorRule.retention": ("GLBA", updated(retention=()), legs("US-TX", sectors=["glba"]), None),
    "SectorRule.rule": ("LGPD", updated(rule="Other."), legs("BR"), None),
    "SectorRule.citations": ("LGPD", updated(citations=CITED), legs("BR"), None),
    "SectorRule.confidence": ("LGPD", updated(confidence=0.5), legs("BR"), None),
    "SectorRule.last_reviewed": ("LGPD", updated(last_reviewed=OLD), legs("BR"), None),
    "SectorRule.valid_from": ("LGPD", updated(valid_from=LATE), legs("BR"), None),
    "SectorRule.valid_to": ("LGPD", updated(valid_to=EARLY), legs("BR"), None),
    "Bar.purposes": ("MIFID2-16-7", item("bars", 0, purposes=()), legs("DE", sectors=["mifid"]), None),
    "Bar.places": ("MIFID2-16-7", item("bars", 0, places=("FR",)), legs("DE", sectors=["mifid"]), None),
    "Bar.level": ("MIFID2-16-7", item("bars", 0, level=4), legs("DE", sectors=["mifid"]), None),
    "Bar.words": ("MIFID2-16-7", item("bars", 0, words="Other."), legs("DE", sectors=["mifid"]), None),
    "CrossRule.id": ("X-HOLD", updated(id="X-OTHER"), legs("NL"), None),
    "CrossRule.name": ("X-VENDOR", updated(name="Other"), legs("GB"), None),
    "CrossRule.rule": ("X-VENDOR", updated(rule="Other."), legs("GB"), None),
    "CrossRule.citations": ("X-VENDOR", updated(citations=CITED), legs("GB"), None),
    "CrossRule.confidence": ("X-UNKNOWN-LOCATION", updated(confidence=0.5), {**Q, "unknown_legs": ["us"]}, None),
    "CrossRule.last_reviewed": ("X-UNKNOWN-LOCATION", updated(last_reviewed=OLD), {**Q, "unknown_legs": ["us"]}, None),
    "Citation.ref": ("GB", item("citations", 0, ref="Other"), legs("GB"), None),
    "Citation.url": ("GB", item("citations", 0, url="https://example.org/"), legs("GB"), None),
    "Citation.source": ("GB", item("citations", 0, source="statute text"), legs("GB"), None),
}


def head_of(**fields: Any) -> Change:
    return lambda head: head.model_copy(update=fields)


def unknown(which: str, **fields: Any) -> Change:
    def change(head: Head) -> Head:
        place = getattr(head.unknown, which).model_copy(update=fields)
        return head.model_copy(update={"unknown": head.unknown.model_copy(update={which: place})})

    return change


US = {**Q, "unknown_legs": ["us"]}
HEADS: dict[str, tuple[Change, dict[str, Any]]] = {
    "Head.version": (head_of(version="2030.1.1"), legs("GB")),
    "Head.levels": (head_of(levels={str(n): "Other." for n in (0, 1, 2, 3, 4, 9)}), legs("GB")),
    "Head.unknown": (unknown("us", level=4), US),
    "Head.purpose": (head_of(purpose=()), legs("GB")),
    "Head.channel": (head_of(channel=()), legs("GB")),
    "Head.regions": (head_of(regions={"EU": (), "EEA": ()}), legs("FR")),
    "Head.same_law": (head_of(same_law={}), {**Q, "agent_location": "LI"}),
    "Unknown.us": (unknown("us", level=4), US),
    "Unknown.non_us": (unknown("non_us", level=4), {**Q, "unknown_legs": ["non-us"]}),
    "Unknown.strict_countries": (
        lambda head: head.model_copy(update={"unknown": head.unknown.model_copy(update={"strict_countries": ()})}),
        {"purpose": "documentation", "caller": "+4580101010", "agent_location": "US-TX"},
    ),
    "UnknownPlace.level": (unknown("us", level=3), US),
    "UnknownPlace.announcement_recorded": (unknown("us", announcement_recorded=False), US),
    "UnknownPlace.notice_elements": (unknown("us", notice_elements=("purpose",)), US),
    "UnknownPlace.objection": (unknown("us", objection="none"), US),
    "Purpose.id": (item("purpose", 0, id="other"), legs("GB")),
    "Purpose.like": (item("purpose", 2, like=None), {"purpose": "analytics", "extra_legs": ["LU"]}),
    "Purpose.proof": (item("purpose", 5, proof=False), {"purpose": "dispute_evidence", "extra_legs": ["US-VA"]}),
    "Channel.id": (item("channel", 0, id="other"), legs("GB")),
    "Channel.covered": (item("channel", 0, covered=False), legs("GB")),
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
def test_every_field_is_used_or_named_as_explanation(model: type[BaseModel]) -> None:
    name = model.__name__
    explained = rules.EXPLANATORY.get(name, frozenset())
    tried = {key.partition(".")[2] for key in (*MUTATIONS, *HEADS) if key.startswith(f"{name}.")}
    assert tried | explained == set(model.model_fields)
    assert not tried & explained


def test_every_kind_of_record_is_walked() -> None:
    kinds = {kind for kind in vars(rules).values() if isinstance(kind, type) and issubclass(kind, BaseModel)}
    shared_bases = {BaseModel, rules._Strict, rules._Dated, rules._Cited, rules.DatedRule, rules.Combination}
    assert kinds - shared_bases == set(MODELS)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_changed_field_changes_a_decision(name: str) -> None:
    which, change, question, before = MUTATIONS[name]
    first = remade(which, before) if before else remade(which, lambda record: record)
    second = remade(which, chain(before, change) if before else change)
    assert answer(first, question) != answer(second, question)


@pytest.mark.parametrize("name", HEADS)
def test_a_changed_head_changes_a_decision(name: str) -> None:
    change, question = HEADS[name]
    head, *records = parts()
    assert answer(Pack(head, *records, "x"), question) != answer(Pack(change(head), *records, "x"), question)


def parts() -> tuple[Head, list[JurisdictionRule], list[SectorRule], list[CrossRule]]:
    shipped = pack.builtin()
    places, sectors, cross = shipped._given
    return shipped.head, list(places), list(sectors), list(cross)


def remade(which: str, change: Change) -> Pack:
    """The pack with one record changed, unchecked."""
    head, *groups = parts()
    groups = [[change(each) if each.id == which else each for each in group] for group in groups]
    return Pack(head, *groups, "x")


def answer(made: Pack, question: dict[str, Any]) -> Any:
    """The decision as data, or the code of the refusal."""
    try:
        return plain.decision(decide(made, facts(question)))
    except InvalidInput as error:
        return error.code
    except KeyError as error:  # a rule that the engine needs is gone; a pack without it is refused when it is read
        return f"no {error}"
