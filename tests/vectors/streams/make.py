"""Writes the broken messages of ``broken/``: ``python -m tests.vectors.streams.make``."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": "MZ1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}
MEDIA = {
    "event": "media",
    "streamSid": "MZ1",
    "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": "AA=="},
}


def start(**changes: object) -> str:
    return json.dumps({**START, "start": {**START["start"], **changes}})


def media(**changes: object) -> str:
    return json.dumps({**MEDIA, "media": {**MEDIA["media"], **changes}})


BROKEN: dict[str, str] = {
    "empty": "",
    "not_json": "event=start",
    "not_an_object": "[1,2,3]",
    "truncated": json.dumps(START)[:60],
    "nested_30000_deep": "[" * 30_000,
    "objects_10000_deep": '{"a":' * 10_000,
    "number_of_5000_digits": '{"event":"media","sequenceNumber":' + "9" * 5_000 + "}",
    "not_a_number": '{"event":"media","media":{"timestamp":NaN}}',
    "too_long": json.dumps({**MEDIA, "media": {"payload": "A" * 70_000}}),
    "no_event": '{"start":{}}',
    "event_is_a_list": '{"event":["start"]}',
    "start_without_object": '{"event":"start","start":"now"}',
    "start_without_call": start(callSid=None),
    "start_call_is_an_object": start(callSid={"$gt": ""}),
    "start_call_of_1000_characters": start(callSid="C" * 1_000),
    "start_call_with_line_break": start(callSid="CA1\r\nX: y"),
    "start_tracks_sideways": start(tracks=["sideways"]),
    "start_of_300_tracks": start(tracks=["inbound"] * 300),
    "start_in_mp3": start(mediaFormat={"encoding": "audio/mpeg", "sampleRate": 8000}),
    "start_at_1_hz": start(mediaFormat={"encoding": "audio/x-l16", "sampleRate": 1}),
    "start_of_8_channels": start(mediaFormat={"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 8}),
    "start_format_is_text": start(mediaFormat="mulaw"),
    "media_without_object": '{"event":"media"}',
    "media_without_payload": media(payload=None),
    "media_payload_not_base64": media(payload="!!!!"),
    "media_payload_cut": media(payload="AAE"),
    "media_payload_empty": media(payload=""),
    "media_payload_is_a_list": media(payload=[1, 2]),
    "media_track_unknown": media(track="sideways"),
    "media_chunk_negative": media(chunk=-1),
    "media_chunk_is_true": media(chunk=True),
    "media_timestamp_beyond_all": media(timestamp=2**60),
    "media_timestamp_in_words": media(timestamp="soon"),
    "key_of_two": '{"event":"dtmf","dtmf":{"digit":"12"}}',
    "key_is_a_letter": '{"event":"dtmf","dtmf":{"digit":"z"}}',
    "key_missing": '{"event":"dtmf","dtmf":{}}',
}


def main() -> None:
    for name, text in BROKEN.items():
        (HERE / "broken" / f"{name}.json").write_text(text)


if __name__ == "__main__":
    main()
