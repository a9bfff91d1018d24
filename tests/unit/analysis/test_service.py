"""The whole analysis, with and without meaning; keywords; and the names that others rely on."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from candor.analysis.adapters import minilm
from candor.analysis.definitions import METRICS
from candor.analysis.keywords import find_keywords
from candor.analysis.phrases import default_phrases
from candor.analysis.service import Analyser
from candor.conversation.codec import dumps, loads
from candor.conversation.finding import Analysis
from candor.errors import Damaged
from candor.scoring.vocabulary import DEFAULT
from tests.unit.analysis.calls import spoken

DOCS = Path(__file__).resolve().parents[3] / "docs" / "reference"
CALL = """
A: Good morning, thank you for calling Silver Oak, how can I help you?
C: My router is broken and the router rental was charged twice on my card [CARD_1]
A: I am very sorry for that, let me check the router rental
C: I was charged twice in May as well and nobody called me back
A: I have refunded the router rental, is there anything else I can do for you?
C: No that is great, thank you so much
A: Have a nice day, goodbye
"""


def test_a_call_is_analysed_in_all_parts() -> None:
    analysis = Analyser().analyse(spoken(CALL))
    assert {"greeting", "billing_problem", "apology", "offer_of_further_help"} <= set(analysis.categories)
    assert analysis.sentiment_customer is not None
    assert analysis.metric("turn.count.agent") == 4
    assert len(analysis.sentiments) == 7
    assert [finding.start for finding in analysis.findings] == sorted(finding.start for finding in analysis.findings)
    assert loads(Analysis, dumps(analysis)) == analysis


def test_keywords_mark_the_call_and_hold_no_placeholder() -> None:
    transcript = spoken(CALL)
    keywords = find_keywords(transcript)
    assert "router rental" in [keyword.text for keyword in keywords[:3]]
    assert keywords[0].weight == 1.0
    assert all("[" not in keyword.text and "card 1" not in keyword.text for keyword in keywords)
    assert not {"you", "the", "thank", "good"} & {keyword.text for keyword in keywords}
    (rental,) = [keyword for keyword in keywords if keyword.text == "router rental"]
    assert rental.utterances == (1, 2, 4)
    assert find_keywords(spoken("")) == ()


def test_what_scorecards_may_name_is_what_the_analysis_writes() -> None:
    assert set(METRICS) >= DEFAULT.metrics
    assert set(default_phrases().categories) >= DEFAULT.categories


def test_every_metric_and_category_is_in_the_reference() -> None:
    metrics = (DOCS / "metrics.md").read_text("utf-8")
    for name, definition in METRICS.items():
        assert f"| `{name}` | {definition.unit} | {definition.definition} |" in metrics
    assert len(re.findall(r"^\| `", metrics, re.MULTILINE)) == len(METRICS)
    phrases = (DOCS / "phrases.md").read_text("utf-8")
    for category in default_phrases().categories.values():
        assert f"| `{category.id}` | {category.label} |" in phrases


def test_the_example_of_the_reference_works() -> None:
    from candor.analysis.phrases import load_phrases, spot

    (example,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "phrases.md").read_text("utf-8"), re.DOTALL)
    (finding,) = spot(load_phrases(example), spoken("C: well my smart meter is showing nothing"))
    assert finding.category == "smart_meter"


@pytest.fixture(scope="module")
def embedder() -> minilm.MiniLm:
    found = minilm.load()
    if found is None:
        pytest.skip("the sentence model is not installed")
    return found


def test_without_the_model_there_are_no_vectors(tmp_path: Path) -> None:
    assert minilm.load(tmp_path) is None
    assert Analyser().embed(spoken(CALL)) is None


def test_broken_model_files_are_damaged(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    pytest.importorskip("tokenizers")
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(Damaged):
        minilm.load(tmp_path)


def test_vectors_are_unit_and_do_not_depend_on_their_neighbours(embedder: minilm.MiniLm) -> None:
    texts = ["Get me your manager.", "hello", "Get me your manager.", "My parcel never arrived, " * 60]
    together = embedder(texts)
    assert together.shape == (4, embedder.dimension)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_allclose(row, embedder([text])[0], atol=1e-5)
    assert embedder([]).shape == (0, embedder.dimension)


def test_near_in_meaning_is_near_in_space(embedder: minilm.MiniLm) -> None:
    wanted, near, far = embedder(["My parcel never arrived.", "The package was not delivered.", "The soup is hot."])
    assert wanted @ near > 0.6
    assert wanted @ far < 0.3


def test_meaning_finds_what_words_do_not_and_says_so(embedder: minilm.MiniLm) -> None:
    transcript = spoken("A: hello there\nC: the package I ordered never got here")
    analyser = Analyser(embedder)
    embedded = analyser.embed(transcript)
    assert embedded is not None
    assert embedded.indexes == (1,)
    analysis = analyser.analyse(transcript, embedded=embedded)
    findings = [each for each in analysis.findings if each.rule.endswith("/meaning@1")]
    assert findings
    assert all(0 < each.confidence <= 0.75 and each.kind == "phrase" for each in findings)
    assert analysis == analyser.analyse(transcript)
    assert "MiniLM" in analysis.version
