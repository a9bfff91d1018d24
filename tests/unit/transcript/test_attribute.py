"""Who is the agent."""

from __future__ import annotations

from candor.conversation.model import Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance
from candor.transcript.attribute import attribute


def transcript(*lines: tuple[int, str], roles: tuple[Role, ...] = (Role.UNKNOWN, Role.UNKNOWN)) -> Transcript:
    return Transcript(
        engine="test",
        model="",
        version="",
        language="en",
        duration=60.0,
        speakers=tuple(Speaker(role=role, channel=place) for place, role in enumerate(roles)),
        split=SpeakerSplit.CHANNEL,
        utterances=tuple(
            Utterance(index=place, speaker=speaker, start=place * 5.0, end=place * 5.0 + 4.0, text=text)
            for place, (speaker, text) in enumerate(lines)
        ),
    )


def roles(value: Transcript) -> list[tuple[Role, bool]]:
    return [(speaker.role, speaker.role_guessed) for speaker in attribute(value).speakers]


def test_the_greeting_tells() -> None:
    call = transcript(
        (1, "Thank you for calling Northwind, my name is Ann, how may I help you?"),
        (0, "Hi, I'm calling about my bill."),
    )
    assert roles(call) == [(Role.CUSTOMER, True), (Role.AGENT, True)]


def test_without_a_greeting_the_rest_of_the_call_tells() -> None:
    call = transcript(
        (0, "Yeah, I was charged twice and I've been waiting an hour."),
        (1, "I'm sorry to hear that. Can I have your account number? Let me check that for you."),
    )
    assert roles(call) == [(Role.CUSTOMER, True), (Role.AGENT, True)]


def test_given_roles_are_never_changed() -> None:
    call = transcript((1, "Thank you for calling, how may I help you?"), (0, "Hi."), roles=(Role.AGENT, Role.CUSTOMER))
    assert roles(call) == [(Role.AGENT, False), (Role.CUSTOMER, False)]


def test_the_other_one_is_the_opposite() -> None:
    assert roles(transcript((0, "Hello."), roles=(Role.CUSTOMER, Role.UNKNOWN))) == [
        (Role.CUSTOMER, False),
        (Role.AGENT, True),
    ]


def test_no_evidence_no_guess() -> None:
    assert roles(transcript((0, "Hello."), (1, "Hello."))) == [(Role.UNKNOWN, False)] * 2


def test_one_voice_stays_unknown() -> None:
    call = transcript((0, "Thank you for calling, how may I help you?"), roles=(Role.UNKNOWN,))
    assert roles(call) == [(Role.UNKNOWN, False)]


def test_a_third_channel_stays_unknown() -> None:
    call = transcript(
        (0, "I'm calling about my order."),
        (1, "Thank you for calling, how may I help you?"),
        (2, "Hello."),
        roles=(Role.UNKNOWN,) * 3,
    )
    assert roles(call)[1] == (Role.AGENT, True)
