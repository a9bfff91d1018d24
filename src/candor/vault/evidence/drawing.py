"""The cover page drawn: PDF, A4, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence

from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos

from candor.vault.evidence.cover import Cover

_INK, _QUIET, _LINE, _TINT = (28, 32, 38), (96, 104, 116), (208, 213, 221), (243, 245, 248)
_LABEL = 44


class _Page(FPDF):
    def __init__(self, cover: Cover) -> None:
        super().__init__(format="A4")
        self._foot = f"Candor evidence package · conversation {cover.conversation_id}"
        self.set_margins(18, 16, 18)
        self.set_auto_page_break(True, margin=18)
        self.set_creation_date(cover.made_at)
        self.set_title(f"Evidence: conversation {cover.conversation_id}")
        self.set_creator("Candor")
        self.set_lang("en")
        self.add_page()

    def footer(self) -> None:
        self.set_y(-13)
        self.set_font("Helvetica", size=8)
        self.set_text_color(*_QUIET)
        self.cell(0, 5, _latin(self._foot))
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="R")

    def heading(self, text: str) -> None:
        if self.will_page_break(22):
            self.add_page()
        self.ln(3)
        self.set_font("Helvetica", "B", 11.5)
        self.set_text_color(*_INK)
        self.cell(0, 7, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_draw_color(*_LINE)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(1.5)

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        for label, value in rows:
            self.set_font("Helvetica", size=9.5)
            self.set_text_color(*_QUIET)
            self.cell(_LABEL, 5.2, _latin(label))
            self.set_text_color(*_INK)
            mono = len(value) > 60 and " " not in value[:60]
            self.set_font("Courier" if mono else "Helvetica", size=8.5 if mono else 9.5)
            self.multi_cell(
                0, 4.6 if mono else 5.2, _latin(value), align="L", wrapmode=WrapMode.CHAR if mono else WrapMode.WORD,
                new_x=XPos.LMARGIN, new_y=YPos.NEXT,
            )  # fmt: skip

    def words(self, text: str, size: float = 9.5) -> None:
        self.set_font("Helvetica", size=size)
        self.set_text_color(*_INK)
        self.multi_cell(0, 5, _latin(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)

    def code(self, text: str) -> None:
        self.set_font("Courier", size=8.5)
        self.set_fill_color(*_TINT)
        self.set_text_color(*_INK)
        self.multi_cell(0, 5, _latin(text), align="L", fill=True, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)


def draw(cover: Cover) -> bytes:
    """The page (or pages) as a PDF file."""
    page = _Page(cover)
    page.set_font("Helvetica", "B", 20)
    page.set_text_color(*_INK)
    page.cell(0, 10, "Evidence package", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font("Helvetica", size=10.5)
    page.set_text_color(*_QUIET)
    by = f"{cover.company}, " if cover.company else ""
    page.cell(0, 6, _latin(f"{by}made {cover.made_at:%d %B %Y, %H:%M:%S} UTC"), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(2)
    page.words(
        "This archive holds one recorded conversation, as it was taken in, with what shows so: digests, "
        "signatures, the record of everybody who handled it, and the consent that it rests on. It is checked with the "
        "archive alone, on any computer, without the system that it comes from."
    )
    page.heading("The conversation")
    page.rows(cover.about)
    page.heading("The original recording")
    page.rows(cover.recording)
    page.heading("Who signs")
    page.rows(cover.signer)
    if cover.self_made:
        page.words(
            "No authority vouches for this certificate: the system made it itself. Compare the fingerprint above, by "
            "telephone or letter, with the one that the company names; only then does it show who signed.", 9
        )  # fmt: skip
    page.heading("Who handled it")
    page.rows(cover.audit)
    page.heading("Consent")
    page.rows(cover.consent)
    page.heading("How to check it")
    page.words("With Candor, of which no installation and no data of the sender are needed:")
    page.code("candor evidence verify PACKAGE.zip --trust CERTIFICATE.pem")
    page.words(
        "Without it: unpack the archive and follow README.txt, which uses the programs sha512sum and openssl. The "
        "digests below are those of the members as they were packed; manifest.jws repeats them, signed."
    )
    page.heading("What it holds")
    for name, what, digest in cover.members:
        if page.will_page_break(16):
            page.add_page()
        page.set_font("Helvetica", "B", 9)
        page.set_text_color(*_INK)
        page.cell(_LABEL, 4.8, _latin(name))
        page.set_font("Helvetica", size=9)
        page.set_text_color(*_QUIET)
        page.multi_cell(0, 4.8, _latin(what), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if digest:
            page.set_font("Courier", size=7.2)
            page.multi_cell(0, 3.6, digest, align="L", wrapmode=WrapMode.CHAR, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        page.ln(1)
    return bytes(page.output())


def _latin(text: str) -> str:
    """The built-in fonts know Latin-1 alone; what they do not know is shown as a question mark."""
    plain = text.translate(
        {0x2013: "-", 0x2014: "-", 0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2026: "..."}
    )
    return plain.encode("latin-1", "replace").decode("latin-1")
