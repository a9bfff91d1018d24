"""The cover page drawn: PDF, A4, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence

from fpdf.enums import WrapMode, XPos, YPos

from candor.kit.sheet import INK, QUIET, TINT, Sheet, latin
from candor.vault.evidence.cover import Cover

_LABEL = 44


class _Page(Sheet):
    def __init__(self, cover: Cover) -> None:
        super().__init__(
            f"Evidence: conversation {cover.conversation_id}",
            f"Candor evidence package · conversation {cover.conversation_id}",
            cover.made_at,
        )

    def heading(self, text: str, room: float = 22, below: float = 1.5) -> None:
        super().heading(text, room, below)

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        for label, value in rows:
            self.set_font("Helvetica", size=9.5)
            self.set_text_color(*QUIET)
            self.cell(_LABEL, 5.2, latin(label))
            self.set_text_color(*INK)
            mono = len(value) > 60 and " " not in value[:60]
            self.set_font("Courier" if mono else "Helvetica", size=8.5 if mono else 9.5)
            self.multi_cell(
                0, 4.6 if mono else 5.2, latin(value), align="L", wrapmode=WrapMode.CHAR if mono else WrapMode.WORD,
                new_x=XPos.LMARGIN, new_y=YPos.NEXT,
            )  # fmt: skip

    def words(self, text: str, size: float = 9.5) -> None:
        self.set_font("Helvetica", size=size)
        self.set_text_color(*INK)
        self.multi_cell(0, 5, latin(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)

    def code(self, text: str) -> None:
        self.set_font("Courier", size=8.5)
        self.set_fill_color(*TINT)
        self.set_text_color(*INK)
        self.multi_cell(0, 5, latin(text), align="L", fill=True, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)


def draw(cover: Cover) -> bytes:
    """The page (or pages) as a PDF file."""
    page = _Page(cover)
    page.set_font("Helvetica", "B", 20)
    page.set_text_color(*INK)
    page.cell(0, 10, "Evidence package", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font("Helvetica", size=10.5)
    page.set_text_color(*QUIET)
    by = f"{cover.company}, " if cover.company else ""
    page.cell(0, 6, latin(f"{by}made {cover.made_at:%d %B %Y, %H:%M:%S} UTC"), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
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
        page.set_text_color(*INK)
        page.cell(_LABEL, 4.8, latin(name))
        page.set_font("Helvetica", size=9)
        page.set_text_color(*QUIET)
        page.multi_cell(0, 4.8, latin(what), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if digest:
            page.set_font("Courier", size=7.2)
            page.multi_cell(0, 3.6, digest, align="L", wrapmode=WrapMode.CHAR, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        page.ln(1)
    return bytes(page.output())
