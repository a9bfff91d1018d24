"""Build ``src/candor/analysis/data/background.tsv.gz``: ``python scripts/build_background_words.py SCOWL_FOLDER``.

SCOWL_FOLDER holds SCOWL's ``final`` lists (Debian: package scowl, /usr/share/dict/scowl). SCOWL sorts words into sizes
by how common they are; each size is given a typical Zipf value. The words of everyday talk and of courtesy, listed
here, and those that are said in at least a third of our own demo calls are too common to mark a conversation.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ZIPF = {10: 49, 20: 43, 35: 38, 40: 36, 50: 33}
"""SCOWL size → Zipf value times ten."""
TALK = """
a about above absolutely after afternoon again ago ah all almost already also alright always am an and another
answer any anybody anyone anything anyway anymore are around as ask asked at available away back bad be because been
before being believe best better between big bit both but by bye call called caller calling calls came can cannot
care case certainly change check checked checking clear clearly come comes coming completely confirm correct could
couple course day days definitely did different do does doing done down during each early either else end enough
even evening ever every everybody everyone everything exactly fact far feel few figure find fine first for forward
found from full further gave get gets getting give given giving glad go goes going gone gonna good goodbye got
gotten great guess guy guys had half happen happened happens happy has have having he hear heard hello help helped
helpful helping her here hey hi him his hold holding hope hour hours how however i idea if important in instead into
is it its just keep kept kind know known last late later least leave left less let like line listen little long
longer look looked looking looks lot lots made mail make makes making many matter may maybe me mean means meant
message might mind minute minutes miss moment month months more morning most mr mrs ms much must my myself name need
needed needs never new next nice night no nobody none nor not note nothing now number of off often oh okay old on
once one only open or other others our out over own part particular past patience people perfect perhaps person
phone place plan please pleasure point possible pretty probably problem put question questions quick quickly quite
rather read ready real really reason remember rest right said same saw say saying says second see seem seems seen
send sent set several shall she should show side simply since sir madam ma'am so some somebody someone something
sometimes somewhere soon sorry sort sound sounds speak speaking started still stop story such suppose sure take
taken takes taking talk talked talking tell telling than thank thanks that the their them then there these they
thing things think this those though thought through time times to today together told tomorrow tonight too took top
totally tried true try trying turn two under understand understood unfortunately until up us use used using usually
very wait waited waiting want wanted wants was way we week weeks welcome well went were what whatever when where
whether which while who whole why will wish with within without won't wonderful word words work working works worry
would write wrong yeah year years yep yes yesterday yet you your yours yourself able actually ahead appreciate
apologise apologize anywhere basically brilliant cheers excellent fantastic lovely hang honestly obviously literally
okay um uh hmm mm mhm ok bear
"""


def main(folder: Path) -> None:
    table: dict[str, int] = {}
    for size, tenths in sorted(ZIPF.items(), reverse=True):
        for kind in ("english", "american", "british"):
            path = folder / f"{kind}-words.{size}"
            if path.is_file():
                for word in path.read_text(encoding="latin-1").split():
                    if re.fullmatch(r"[a-z]+", word):
                        table[word] = max(table.get(word, 0), tenths)
    calls = sorted((ROOT / "demo" / "dialogues").glob("*.yaml"))
    spread = Counter(word for call in calls for word in set(re.findall(r"[a-z']+", call.read_text("utf-8").lower())))
    for word, n in spread.items():
        # Only what is common English anyway: what many demo callers complain of must still mark a call.
        if calls and n / len(calls) >= 1 / 3 and table.get(word, 0) >= 43 and not re.search("charg|bill|refund", word):
            table[word] = 55
    table.update({word.replace("'", ""): 60 for word in TALK.split()})
    text = "".join(f"{word}\t{tenths}\n" for word, tenths in sorted(table.items()))
    target = ROOT / "src" / "candor" / "analysis" / "data" / "background.tsv.gz"
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
