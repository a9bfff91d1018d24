"""An A4 page as every PDF of the product has it: margins, foot, headings, colours. Nothing is fetched."""

from __future__ import annotations

from datetime import datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos

INK, QUIET, LINE, TINT = (28, 32, 38), (96, 104, 116), (208, 213, 221), (243, 245, 248)
_PLAIN = {
    0x2013: "-", 0x2014: "-", 0x2212: "-", 0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2026: "...",
}  # fmt: skip


class Sheet(FPDF):
    """A document whose first page is begun; ``foot`` stands on every page beside its number."""

    def __init__(self, title: str, foot: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        self._foot = foot
        self.set_margins(18, 16, 18)
        self.set_auto_page_break(True, margin=18)
        self.set_creation_date(made_at)
        self.set_title(title)
        self.set_creator("Candor")
        self.set_lang("en")
        self.add_page()

    def footer(self) -> None:
        """Drawn by the library at the end of each page."""
        self.set_y(-13)
        self.set_font("Helvetica", size=8)
        self.set_text_color(*QUIET)
        self.cell(120, 5, latin(self._foot))
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="R")

    def heading(self, text: str, room: float, below: float) -> None:
        """A heading over a line, on a new page where less than ``room`` mm are left; ``below`` mm under it."""
        if self.will_page_break(room):
            self.add_page()
        self.ln(3)
        self.set_font("Helvetica", "B", 11.5)
        self.set_text_color(*INK)
        self.cell(0, 7, latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_draw_color(*LINE)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(below)


def latin(text: str) -> str:
    """The built-in fonts know Latin-1 alone; what they do not know is shown as a question mark."""
    return text.translate(_PLAIN).encode("latin-1", "replace").decode("latin-1")
