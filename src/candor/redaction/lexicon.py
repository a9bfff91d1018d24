# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""What a single word can be: a number, a letter, a name, an everyday word. Word lists and nothing else.

The lists under ``data/`` are described, with their licences, in ``data/SOURCES.md``.
"""

from __future__ import annotations

import gzip
import unicodedata
from functools import cache
from importlib import resources


class Trait:
    """What is known about a word by itself: bits of an int (an enum would cost half the run time)."""

    PLACEHOLDER = 1
    ALPHA = 2
    """Letters only, hyphen and apostrophe allowed."""
    CAPITAL = 4
    """Begins with a capital and is not all capitals."""
    WORD = 8
    """An everyday English word."""
    GIVEN = 16
    SURNAME = 32
    PLACE = 64
    """A country, state or large city, a month, a weekday, a brand: capitalised, yet nobody's name."""
    PLAIN = 128
    """A function word or one that answers to questions are made of: never part of a value."""
    LETTER = 256
    """One letter, said or written."""
    NATO = 512
    NUMBER = 1024
    """Digits, or a word for a number."""
    MONTH = 2048
    FILLER = 4096
    """A noise or acknowledgement that may interrupt a number."""
    MIXED = 8192
    """Letters and digits in one word."""


@cache
def _list(name: str) -> frozenset[str]:
    packed = resources.files("candor.redaction").joinpath("data", f"{name}.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n"))


def given_names() -> frozenset[str]:
    """Given names of many countries, lower case without accents."""
    return _list("given")


def surnames() -> frozenset[str]:
    """Family names of many countries, lower case without accents."""
    return _list("surnames")


def words() -> frozenset[str]:
    """Everyday English words, lower case."""
    return _list("words")


def fold(text: str) -> str:
    """Lower case without accents."""
    if text.isascii():
        return text.lower()
    text = text.translate(_LETTERS_WITH_STROKES).replace("\u2019", "'")
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()


_LETTERS_WITH_STROKES = str.maketrans("øØłŁđĐı", "oOlLdDi")

DIGITS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "naught": "0", "nil": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "niner": "9", "fife": "5",
}  # fmt: skip
TEENS = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES = frozenset({"hundred", "thousand", "million", "billion"})
REPEATS = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
DIGIT_SOUNDS = {
    "for": "4", "fore": "4", "ford": "4", "fall": "4", "to": "2", "too": "2", "tu": "2", "ate": "8", "hate": "8", "aid": "8", "won": "1", "wan": "1",
    "juan": "1", "tree": "3", "free": "3", "owe": "0", "of": "0", "all": "0", "ohh": "0", "ah": "0", "aught": "0", "nein": "9", "nigh": "9",
    "sics": "6", "sicks": "6", "sick": "6", "sex": "6", "fi": "5", "fiver": "5", "sever": "7", "severn": "7", "eighth": "8",
}  # fmt: skip
"""What a recogniser hears for a digit; digits only beside digits."""
NATO = {
    "alpha": "a", "alfa": "a", "bravo": "b", "charlie": "c", "delta": "d", "echo": "e", "foxtrot": "f", "fox": "f", "golf": "g",
    "hotel": "h", "india": "i", "juliet": "j", "juliett": "j", "kilo": "k", "lima": "l", "mike": "m", "november": "n",
    "oscar": "o", "papa": "p", "quebec": "q", "romeo": "r", "sierra": "s", "tango": "t", "uniform": "u", "victor": "v",
    "whiskey": "w", "whisky": "w", "xray": "x", "x-ray": "x", "yankee": "y", "zulu": "z",
}  # fmt: skip
LETTER_SOUNDS = {
    "ay": "a", "eh": "a", "hey": "a", "be": "b", "bee": "b", "see": "c", "sea": "c", "dee": "d", "the": "d", "ee": "e", "he": "e", "eff": "f",
    "ef": "f", "if": "f", "gee": "g", "jee": "g", "aitch": "h", "haitch": "h", "age": "h", "each": "h", "ache": "h", "eye": "i", "i'm": "m", "jay": "j",
    "kay": "k", "okay": "k", "el": "l", "ell": "l", "hell": "l", "em": "m", "am": "m", "en": "n", "and": "n", "an": "n", "end": "n", "in": "n", "oh": "o", "owe": "o",
    "pee": "p", "pea": "p", "queue": "q", "cue": "q", "are": "r", "ar": "r", "our": "r", "or": "r", "ess": "s", "es": "s", "yes": "s", "tea": "t", "tee": "t", "tie": "t",
    "you": "u", "yew": "u", "vee": "v", "we": "v", "er": "r", "off": "f", "ex": "x", "axe": "x", "why": "y", "wye": "y", "zed": "z", "zee": "z", "said": "z", "set": "z", "w": "w",
}  # fmt: skip
"""What a recogniser hears for a letter; letters only where a code is expected."""
MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb febuary", "march mar", "april apr", "may", "june jun", "july jul", "august aug", "september sept sep",
         "october oct", "november nov", "december dec"), 1)
    for name in names.split()
}  # fmt: skip
ORDINALS = {
    name: number
    for number, name in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth "
        "seventeenth eighteenth nineteenth twentieth".split(), 1)
} | {"thirtieth": 30}  # fmt: skip
FILLERS = frozenset(
    "uh um er erm ah hmm mm mhm mm-hm uh-huh mmhm mmhmm huh okay ok right yes yeah yep yup sure alright gotcha got it then and "
    "is so um-hum thanks thank perfect great cool good hold on wait sorry dash hyphen space please sir madam ma'am "
    "carry go ahead i see noted next".split()
)
PLAIN = frozenset(
    """a about account actually after again ago all already alright also always am an and any anything are aren't as ask at away back be because been
    before being best better both but by bye call called calling came can can't cancel card certainly change check code come confirm correct could couldn't
    course customer date day days dear details did didn't digit digits do does doesn't doing don't done down each either else email end enough ever
    every everything exactly few find fine first for forgot from full fully get getting give given go goes going good got great had has have haven't having he
    hear heard hello help her here hey hi him his hold how i i'd i'll i'm i've id if in information is isn't issue it it's its just know
    last later let letter letters like little look lot made make many maybe me mean middle mine moment month more morning most much must my name names need never new next
    nice no nobody none nope nor not nothing now number numbers of off oh ok okay old on once one's only or other our out over own pardon
    perfect person phone please post postcode postal probably problem put question quite read ready really remember repeat right said same say saying says
    second see send sent she should shouldn't sir so some somebody someone something sorry speak speaking spell spelled spelling spelt spells start still such sure surname take
    tell than thank thanks that that'll that's the their them then there there's these they they're thing things think this those though through time to
    today told tomorrow too tried try trying uh um under until up us use used using very wait want wanted wants was wasn't way we we'll we're we've well went were
    what what's when where which while who who's whose why will wish with without won't work working would wouldn't wrong yeah year years yep yes yesterday yet
    you you'll you're you've your yours zip born birth birthday address street email mail password pin dob thats im ive dont cant whats ur u thx pls plz welcome
    afternoon evening night agent support service representative manager bots chatbot chatbots contactless sales team company bank online website internet order booking flight ticket policy claim
    hai hii hlo helo okey okie okk thankyou thanx thnx gonna wanna gotta lemme kinda dunno hmmm mmm ohh ahh yea yeh nah ya yupp bot user wifi login signin signup etc
    goodbye goodby byebye goodnight ciao cheerio hiya howdy cheers brilliant lovely fantastic excellent wonderful absolutely definitely awesome terrific amazing super exactly sounds one
    insurance payment bill charge charged refund fee balance transfer money cash cheque check mobile cell home house car contact ssn social security""".split()
)
PLACES = frozenset(
    """january february march april may june july august september october november december monday tuesday wednesday thursday friday
    saturday sunday america england britain scotland wales ireland london paris berlin rome madrid lisbon vienna dublin edinburgh glasgow manchester birmingham
    leeds liverpool bristol cardiff belfast sheffield york washington virginia carolina dakota georgia florida texas california nevada arizona oregon
    utah colorado montana wyoming kansas nebraska oklahoma missouri iowa minnesota wisconsin illinois indiana ohio michigan kentucky tennessee alabama mississippi
    louisiana arkansas pennsylvania jersey delaware maryland connecticut massachusetts vermont hampshire maine hawaii alaska idaho boston chicago houston dallas austin
    denver phoenix seattle portland atlanta miami orlando tampa charlotte nashville memphis detroit cleveland columbus cincinnati pittsburgh philadelphia
    baltimore sacramento oakland diego francisco angeles vegas antonio orleans milwaukee minneapolis brooklyn manhattan bronx queens sydney melbourne brisbane perth adelaide auckland
    toronto montreal vancouver ottawa calgary delhi mumbai chennai bangalore kolkata hyderabad pune india china japan korea france germany italy spain
    portugal holland netherlands belgium switzerland austria poland russia turkey greece egypt israel jordan iran iraq kuwait dubai qatar kenya nigeria
    ghana africa asia europe mexico brazil argentina chile cuba peru canada australia zealand pakistan bangladesh nepal lanka singapore malaysia indonesia
    thailand vietnam philippines hongkong taiwan denmark sweden norway finland iceland ukraine hungary romania bulgaria croatia serbia slovakia slovenia
    amazon google apple microsoft samsung android nokia sony dell lenovo acer windows chrome firefox facebook twitter instagram whatsapp netflix spotify
    visa mastercard amex maestro paypal venmo ebay uber lyft tesla ford toyota honda nissan mercedes bmw audi chevrolet chevy hyundai kia mazda subaru volvo
    jaguar porsche ferrari lexus dodge chrysler buick cadillac christmas easter english french german spanish italian european american british indian
    chase barclays lloyds natwest santander halifax citi hsbc monzo revolut wells fargo discover verizon comcast sprint vodafone
    walmart target costco kroger lax jfk heathrow gatwick delta alexa siri cortana israeli pepsi coke sprite fanta pizza caesar alfredo marinara
    russian russia ruble rubles rouble chinese japanese dutch swiss turkish polish brazilian mexican canadian australian european euro aud usd gbp
    usa uk dc tv atm app wifi sim gps vip iban sms iphone ipad macbook galaxy airbnb expedia hilton marriott hyatt sheraton apple""".split()
)
STRONG_NAMES = frozenset(
    """john peter jack tom josh jimmy harry martin tony billy bobby eddy maria matt nick phoebe patsy colleen brad ken terry
    barb deb meg jasmine sally timothy jenny jean betty""".split()
)
"""Given names that are dictionary words as well, but hardly ever meant as such on a call."""


def traits(text: str, norm: str) -> int:  # noqa: C901, PLR0912  a flat ladder of cases
    """Everything that is known about one word; ``norm`` is its folded form without outer punctuation."""
    if text.startswith("[") and "_" in text and text.rstrip(".,!?").endswith("]"):
        return Trait.PLACEHOLDER
    found = 0
    bare = norm.removesuffix("'s")
    if bare.replace("'", "").replace("-", "").replace(".", "").isalpha():
        found |= Trait.ALPHA
        if bare in words() or norm in words():
            found |= Trait.WORD
        if bare in given_names():
            found |= Trait.GIVEN
        if bare in surnames():
            found |= Trait.SURNAME
        if len(bare) == 1:
            found |= Trait.LETTER
        if bare in STRONG_NAMES:
            found &= ~Trait.WORD
        initial = next((c for c in text if c.isalpha()), "")
        if initial.isupper() and not (len(norm) > 1 and text.isupper()):
            found |= Trait.CAPITAL
    elif any(c.isdigit() for c in norm):
        found |= Trait.MIXED if any(c.isalpha() for c in norm) else Trait.NUMBER
    if bare in PLACES:
        found |= Trait.PLACE
    if norm in PLAIN:
        found |= Trait.PLAIN
    if bare in NATO:
        found |= Trait.NATO
    if norm in DIGITS or norm in TEENS or norm in TENS or norm in SCALES or norm in REPEATS:
        found |= Trait.NUMBER
    if norm in MONTHS:
        found |= Trait.MONTH
    if norm in FILLERS or not norm:
        found |= Trait.FILLER
    return found
