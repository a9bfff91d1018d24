"""How many past conversations a minute are judged anew, with progress, by as many processes as there are cores.

Five-minute calls (the written demo calls one after the other, each beginning elsewhere) are sealed, analysed and
indexed as the pipeline does it; then the built-in scorecard widened to thirty questions is published, and they are
rescored: opened, answered, kept, indexed. The reference is the bare answering of the same calls in memory, on as many
cores: what is above it is opening, sealing, and the database.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench.report import emit
from bench.scoring import MINUTES, conversation, widened
from candor import wiring
from candor.analysis import store as analyses
from candor.analysis.service import Analyser
from candor.conversation.codec import dumps
from candor.conversation.model import Conversation, Party, Role
from candor.conversation.transcript import Transcript
from candor.kit import clock, log
from candor.kit.ids import new_id
from candor.pipeline.rescoring import Ask
from candor.redaction.service import Redactor
from candor.scoring import store as scorecards
from candor.scoring.dumper import dump_scorecard
from candor.scoring.service import builtin_yaml, score
from candor.services import Services
from candor.settings import Settings, load
from candor.transcript import store as transcripts
from candor.transcript.store import TranscriptRow

CALLS = {"small": 400, "full": 4000}
KINDS = 24
"""Different calls; each is taken in many times."""
CORES = os.cpu_count() or 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=CALLS, default="small")
    parser.add_argument("--meaning", action="store_true", help="with sentence vectors, where the model is installed")
    given = parser.parse_args()
    log.configure(json_lines=True, level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), given.size, meaning=given.meaning)


def run(folder: Path, size: str, *, meaning: bool) -> None:
    settings = load(data=folder / "data", meaning=meaning)
    services = wiring.open_services(settings)
    said = [part(place) for place in range(KINDS)]
    fill(services, said, CALLS[size])
    card = replace(widened(builtin_yaml("customer-service-basics")), id="thirty")
    with services.database.write() as uow:
        scorecards.put_scorecard(uow, card, yaml=dump_scorecard(card))
        job = services.rescoring.rescore(uow, card.id, Ask(since=clock.now() - timedelta(days=90)), None)
    services.database.close()
    began, spent = time.monotonic(), spent_by_children()
    work(settings, job.id, CORES)
    seconds, spent = time.monotonic() - began, spent_by_children() - spent
    services = wiring.open_services(settings)
    with services.database.read() as uow:
        ended = services.rescoring.job(uow, job.id, None)
    if ended.result is None or ended.result["scored"] != CALLS[size]:
        raise RuntimeError(f"only {ended.done} of {ended.total} were rescored")
    redactor, analyser = Redactor(), Analyser(None)
    ready = [(found, analyser.analyse(found.transcript, found.spans)) for found in map(redactor.redact, said)]
    began = time.process_time()
    for found, noticed in ready:
        score(card, found.transcript, noticed, conversation_id="", transcript_id=None, pii=found.spans)
    bare = KINDS / (time.process_time() - began) * 60 * CORES
    emit(name="rescoring.rate", value=CALLS[size] / seconds * 60, unit="conversations a minute", n=CALLS[size],
         reference="answering alone", reference_value=bare, size=size, cores=CORES, meaning=meaning,
         cpu_ms=round(spent / CALLS[size] * 1000, 2), target=">= 2000 on 2 cores")  # fmt: skip
    services.database.close()


def spent_by_children() -> float:
    """Seconds of CPU of the processes that have ended: on a machine that does other things too, what counts."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def part(place: int) -> Transcript:
    """Five minutes of speech that begin at another call each."""
    return conversation(MINUTES, skip=place * 7)


def fill(services: Services, said: list[Transcript], number: int) -> None:
    """Calls as they are after the pipeline, scored with the version that ships."""
    redactor, analyser = Redactor(), Analyser(None)
    found = [redactor.redact(each) for each in said]
    noticed = [analyser.analyse(each.transcript, each.spans) for each in found]
    shelf, index = services.shelf, services.replay.index
    for begin in range(0, number, 200):
        with services.database.write() as uow:
            for place in range(begin, min(number, begin + 200)):
                redaction, analysis = found[place % KINDS], noticed[place % KINDS]
                call = Conversation(
                    id=new_id(), started_at=clock.now() - timedelta(minutes=place), queue="bench",
                    parties=(Party(role=Role.AGENT, name="Agent", agent_id="a1"), Party(role=Role.CUSTOMER)),
                )  # fmt: skip
                shelf.put_conversation(uow, call, call.id)
                text = shelf.vault.seal("transcript", call.id, dumps(said[place % KINDS]))
                masked = shelf.vault.seal("redaction", call.id, dumps(redaction))
                shelf.vault.keep(uow, text)
                row = TranscriptRow(
                    id=new_id(), conversation_id=call.id, engine="bench", model="bench", version="1", language="en",
                    object_id=text.id, redaction_object_id=None, word_count=700, created_at=clock.now(), current=True,
                )  # fmt: skip
                transcripts.insert(uow, row)
                transcripts.set_redaction(uow, row.id, shelf.vault.keep(uow, masked))
                analyses.put_analysis(uow, call.id, analysis)
                index.write(
                    uow, conversation=call, sound=None, redaction=redaction, analysis=analysis, evaluations=()
                )  # fmt: skip


def work(settings: Settings, job_id: str, processes: int) -> None:
    """As the command does it, one process a core; no connection is open here meanwhile."""
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=one, args=(settings, job_id)) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()


def one(settings: Settings, job_id: str) -> None:
    """What each process does."""
    log.configure(json_lines=True, level="ERROR")
    wiring.open_services(settings).rescoring.work(only=job_id)


if __name__ == "__main__":
    main()
