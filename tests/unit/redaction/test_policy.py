"""Which role sees which kind unmasked."""

from __future__ import annotations

import pytest

from candor.access.model import UserRole
from candor.conversation.transcript import PiiKind
from candor.errors import InvalidInput
from candor.redaction.policy import hidden_times, part_masked, read_policy
from candor.redaction.service import Redactor

from .calls import spoken

SETTING = {"supervisor": ["NAME", "PHONE"], "compliance": ["*"], "*": []}


def test_each_role_sees_its_kinds_and_nobody_a_code() -> None:
    policy = read_policy(SETTING, UserRole)
    assert policy.shown_to(UserRole.SUPERVISOR) == {PiiKind.NAME, PiiKind.PHONE}
    assert policy.shown_to(UserRole.COMPLIANCE) == set(PiiKind) - {PiiKind.CVV}
    assert policy.shown_to(UserRole.TRAINER) == set()
    for role in (*UserRole, None):
        assert PiiKind.CVV in policy.hidden_from(role)
    assert PiiKind.CVV not in read_policy({"supervisor": ["CVV"]}, UserRole).shown_to("supervisor")


def test_roles_that_are_not_named_see_no_card_and_no_password() -> None:
    assert read_policy({}, UserRole).hidden_from("evaluator") == {PiiKind.CVV, PiiKind.CARD, PiiKind.PASSWORD}


@pytest.mark.parametrize(
    ("setting", "code"), [({"boss": ["NAME"]}, "reveal.role"), ({"supervisor": ["NAMES"]}, "reveal.kind")]
)
def test_what_does_not_exist_is_refused(setting: dict[str, list[str]], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_policy(setting, UserRole)
    assert caught.value.code == code


def test_a_supervisor_reads_the_name_and_not_the_card_and_places_stay() -> None:
    said = spoken(
        "a: and your name please", "c: my name is miranda stone", "a: card number please",
        "c: it is four one one one one one one one one one one one one one one one thank you",
    )  # fmt: skip
    spans = Redactor().redact(said).spans
    hidden = read_policy(SETTING, UserRole).hidden_from("supervisor")
    seen = part_masked(said, spans, hidden)
    texts = [utterance.text for utterance in seen.utterances]
    assert texts[1] == "my name is miranda stone"
    assert texts[3] == "it is " + "[CARD_1] " * 16 + "thank you"
    for before, after in zip(said.utterances, seen.utterances, strict=True):
        assert [word.start for word in after.words] == [word.start for word in before.words]
        assert after.text.split(" ") == [word.text for word in after.words]
    (card,) = [span for span in spans if span.kind is PiiKind.CARD]
    assert hidden_times(spans, hidden) == ((card.start, card.end),)
