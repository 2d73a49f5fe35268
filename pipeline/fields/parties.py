"""Who issued a paper and who receives it: names and addresses by their shape and place."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.fields.currencies import amounts_in
from pipeline.fields.dates import dates_in
from pipeline.fields.evidence import of_segments, of_stretch
from pipeline.fields.folding import fold, key
from pipeline.fields.labels import Hit
from pipeline.fields.layout import Segment, Sheet
from pipeline.fields.nearby import Zone, below, ends_with_colon, right_of
from pipeline.fields.shapes import FieldCandidate, Leaf, Outcome, Reading

CONCEPTS = frozenset({"issuer", "issuer_address", "recipient", "recipient_address", "ship_to"})
_LEGAL = re.compile(
    r"(?<!\w)(?:sdn\.?\s?bhd|s/b|gmbh(?:\s?&\s?co\.?\s?kg)?|ag|kg|ohg|gbr|e\.?\s?k|ug|se|ltd|limited|llc|llp|inc|corp|corporation|plc|"
    r"pty|pte|pvt|b\.?\s?v|n\.?\s?v|s\.?\s?a|s\.?\s?a\.?\s?s|sarl|s\.?à\.?r\.?l|s\.?\s?r\.?\s?l|s\.?\s?p\.?\s?a|s\.?\s?l|s\.?\s?l\.?\s?u|lda|ltda|"
    r"a/s|aps|ab|oy|sp\.?\s?z\s?o\.?\s?o|s\.?r\.?o|a\.?s|kft|co)(?!\w)\.?",
    re.IGNORECASE,
)
_LEGAL_EAST = re.compile(r"株式会社|有限会社|合同会社|有限公司|주식회사|㈜|\(주\)|ООО|АО|ИП")
_TRADE = frozenset(
    [
        "enterprise",
        "enterprises",
        "trading",
        "restaurant",
        "restoran",
        "cafe",
        "kopitiam",
        "bakery",
        "shop",
        "store",
        "stores",
        "mart",
        "market",
        "supermarket",
        "hypermarket",
        "hotel",
        "pharmacy",
        "farmasi",
        "company",
        "services",
        "service",
        "group",
        "centre",
        "center",
        "stationery",
        "motor",
        "hardware",
        "bros",
        "sons",
        "house",
        "boutique",
        "bistro",
        "bar",
        "grill",
        "kitchen",
        "foods",
        "station",
        "petrol",
        "books",
        "bookstore",
        "salon",
        "clinic",
        "apotheke",
        "bäckerei",
        "restaurante",
        "boulangerie",
        "pharmacie",
        "ristorante",
        "deco",
    ]
)
_TITLES = frozenset(
    map(
        key,
        [
            "invoice",
            "tax invoice",
            "receipt",
            "cash bill",
            "bill",
            "cash receipt",
            "official receipt",
            "simplified tax invoice",
            "credit note",
            "delivery order",
            "quotation",
            "order",
            "statement",
            "rechnung",
            "quittung",
            "kassenbon",
            "gutschrift",
            "lieferschein",
            "facture",
            "reçu",
            "ticket",
            "factura",
            "recibo",
            "fattura",
            "ricevuta",
            "scontrino",
            "factuur",
            "bon",
            "kwitantie",
            "fatura",
            "nota fiscal",
            "kopie factuur",
            "请款单",
            "請求書",
            "領収書",
            "发票",
            "收据",
            "영수증",
            "faktura",
            "original",
            "copy",
            "duplicate",
            "customer copy",
            "merchant copy",
            "reprint",
            "gst invoice",
            "tax invoice (simplified)",
            "cash sale",
            "cash sales",
            "welcome",
            "thank you",
            "guest check",
            "check",
            "sales receipt",
            "sale receipt",
            "table",
            "page",
            "seite",
        ],
    )
)
_STREET = re.compile(
    r"(?<!\w)(?:jalan|jln|jl|lorong|lot|persiaran|taman|tmn|kawasan|bandar|kampung|lebuh|medan|seksyen|level|floor|suite|unit|block|blok|plaza|mall|street|st|road|rd|"
    r"avenue|ave|lane|ln|drive|dr|boulevard|blvd|square|park|way|court|rue|avenue|boulevard|place|chemin|allée|quai|route|cedex|via|viale|piazza|corso|calle|avenida|avda|plaza|"
    r"paseo|rua|praça|travessa|plein|gracht|kade|laan|weg|straat|platz|allee|gasse|ufer|p\.?o\.?\s?box|postfach|postbus|no)(?!\w)\.?|(?:straße|strasse|str\.|weg|platz|allee|gasse|straat|laan|gracht|plein|kade)(?!\w)",
    re.IGNORECASE,
)
_POSTCODE = re.compile(
    r"(?<![\w.,/\-])(?:[A-Z]{1,2}-)?\d{4,6}(?:-\d{3,4})?\s+[^\W\d_]|(?<!\w)\d{4}\s?[A-Z]{2}(?!\w)|(?<!\w)[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}(?!\w)|〒|[都道府県市区町村]"
)
_HOUSE = re.compile(
    r"^(?:no\.?\s?)?\d{1,5}[\-/a-z]?(?:\s?[-&,]\s?\d+)*[,.\s]\s*[^\W\d_]{2,}|[^\W\d_]{3,}\s\d{1,4}\s?[a-z]?$",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"(?<!\w)(?:tel|telp|fax|phone|hp|mobile|e-?mail|www|http|gst|vat|ust|mwst|btw|tva|roc|reg|co\.?\s?reg|company\s?(?:no|reg)|iban|bic|kvk|siret|hotline|website|tax\s?id|abn|id)(?!\w)|@",
    re.IGNORECASE,
)
_REGISTRATION = re.compile(
    r"^\W*(?:(?:co|company|reg|roc|gst|no|id|rog|c[o0])[\w\s.:/]*)?\W*[A-Z]{0,3}\s?\d{4,12}\s?-?\s?[A-Z0-9]?\W*$",
    re.IGNORECASE,
)
_TOP_LINES = 14


@dataclass(frozen=True, slots=True)
class _Name:
    segments: tuple[Segment, ...]
    start: int
    end: int
    score: float

    @property
    def text(self) -> str:
        if len(self.segments) == 1:
            return self.segments[0].text[self.start : self.end]
        return " ".join(segment.text for segment in self.segments)


def candidates(sheet: Sheet, hits: dict[int, list[Hit]], leaves: Sequence[Leaf]) -> Iterator[FieldCandidate]:
    """Names and addresses of issuer and recipient for the leaves that ask for them."""
    wanted = {leaf.concept: leaf for leaf in leaves if leaf.concept in CONCEPTS}
    if not wanted:
        return
    recipients = _recipient_segments(sheet, hits)
    if "issuer" in wanted or "issuer_address" in wanted:
        names = _issuers(sheet, hits, recipients)
        yield from _issuer_candidates(sheet, wanted, names)
    for concept in ("recipient", "ship_to"):
        if concept in wanted or f"{concept}_address" in wanted:
            yield from _recipients(sheet, hits, concept, wanted)


def is_address(text: str) -> bool:
    """A line that looks like part of a postal address."""
    if _CONTACT.search(text) or any(True for _ in dates_in(text)):
        return False
    return bool(_STREET.search(text) or _POSTCODE.search(text) or _HOUSE.search(text))


def has_legal_form(text: str) -> bool:
    return bool(_LEGAL.search(text) or _LEGAL_EAST.search(text))


def _recipient_segments(sheet: Sheet, hits: dict[int, list[Hit]]) -> set[int]:
    """Segments (by id) that belong to a recipient's block."""
    taken: set[int] = set()
    for row_hits in hits.values():
        for hit in row_hits:
            if any(t.concept in ("recipient", "recipient_address", "ship_to") for t in hit.targets):
                taken.update(id(segment) for segment in _block(sheet, hits, hit))
    return taken


def _block(sheet: Sheet, hits: dict[int, list[Hit]], hit: Hit, lines: int = 6) -> list[Segment]:
    """The lines of a name-and-address block: the rest of the label's line, then those below, left-aligned."""
    found: list[Segment] = []
    first = next(right_of(hit, sheet.rows[hit.segment.row], hits[hit.segment.row]), None)
    if first is not None and (first.same_segment or first.near > 0.9):
        found.append(first.segment)
    left = (
        found[-1].box[0] if found and found[-1] is not hit.segment else hit.segment.tokens[hit.first].box[0]
    )
    bottom = hit.segment.box[3]
    for row in sheet.rows[hit.segment.row + 1 :]:
        segment = next((s for s in row.segments if abs(s.box[0] - left) < 1.5 * sheet.line_height), None)
        if segment is None:
            if row.box[1] - bottom > 1.2 * sheet.line_height:
                break
            continue
        if segment.box[1] - bottom > 1.4 * sheet.line_height or len(found) >= lines:
            break
        if any(h.segment is segment and h.first == 0 and ends_with_colon(h) for h in hits.get(row.index, ())):
            break
        found.append(segment)
        bottom = segment.box[3]
    return found


def _recipients(
    sheet: Sheet, hits: dict[int, list[Hit]], concept: str, wanted: dict[str, Leaf]
) -> Iterator[FieldCandidate]:
    for row_hits in hits.values():
        for hit in row_hits:
            weight = max(
                (t.weight for t in hit.targets if t.concept in (concept, f"{concept}_address")), default=0.0
            )
            if weight == 0.0 or hit.first > 0:
                continue
            zones = [
                *right_of(hit, sheet.rows[hit.segment.row], hits[hit.segment.row]),
                *below(hit, sheet, hits),
            ]
            if not zones:
                continue
            leaf = wanted.get(concept)
            if leaf is not None:
                yield from _named(sheet, zones[0], leaf, weight * zones[0].near)
            address = wanted.get(f"{concept}_address")
            block = [s for s in _block(sheet, hits, hit) if is_address(s.text)]
            if address is not None and block:
                yield _lines(sheet, address, block, 0.8 * weight)


def _named(sheet: Sheet, zone: Zone, leaf: Leaf, score: float) -> Iterator[FieldCandidate]:
    text = zone.text.strip(" :;,#-")
    if len(key(text)) < 2 or sum(c.isdigit() for c in text) * 2 > len(text):
        return
    start = zone.start + zone.text.index(text)
    evidence = of_stretch(sheet, zone.segment, start, start + len(text))
    yield FieldCandidate(leaf.name, Outcome.VALUE, score, (Reading(text),), text, (evidence,), sheet.number)


def _lines(sheet: Sheet, leaf: Leaf, lines: list[Segment], score: float) -> FieldCandidate:
    raw = ", ".join(segment.text.strip(" ,;") for segment in lines)
    return FieldCandidate(
        leaf.name, Outcome.VALUE, score, (Reading(raw),), raw, (of_segments(sheet, lines),), sheet.number
    )


def _issuers(sheet: Sheet, hits: dict[int, list[Hit]], recipients: set[int]) -> list[_Name]:
    """Possible names of the issuer, best first."""
    domains = _domains(sheet)
    names: list[_Name] = []
    for segment in sheet.segments:
        for start, end in _parts(segment.text):
            name = _judged(sheet, hits, segment, start, end, domains)
            if name is not None:
                taken = id(segment) in recipients
                names.append(_Name((segment,), start, end, name - 0.45 if taken else name))
    return sorted(names, key=lambda name: -name.score)


def _parts(text: str) -> list[tuple[int, int]]:
    """A sender line ``Name - Street 1 - 12345 Town`` as its parts, other lines whole."""
    parts, at = [], 0
    for found in re.finditer(r"\s[-–|·•*]\s", text):
        parts.append((at, found.start()))
        at = found.end()
    parts.append((at, len(text)))
    if len(parts) > 1 and any(is_address(text[a:b]) for a, b in parts[1:]):
        return parts[:1]
    return [(0, len(text))]


def _domains(sheet: Sheet) -> set[str]:
    """Second-level names of web and mail addresses: ``qualityhosting`` says who writes."""
    found = set()
    for segment in sheet.segments:
        for match in re.finditer(r"(?:@|www\.|//)([\w\-]{3,40})\.[a-z]{2,6}", segment.text.lower()):
            found.add(key(match.group(1)))
    return found - {key(w) for w in ("gmail", "yahoo", "hotmail", "outlook", "gmx", "web", "icloud")}


def _judged(
    sheet: Sheet, hits: dict[int, list[Hit]], segment: Segment, start: int, end: int, domains: set[str]
) -> float | None:
    """How much a line looks like the issuer's name; None for what cannot be one."""
    text = segment.text[start:end].strip(" *:-")
    letters = sum(char.isalpha() for char in text)
    legal = has_legal_form(text)
    if letters < 3 or letters * 2 < len(text.replace(" ", "")) or key(text) in _TITLES or len(text) > 80:
        return None
    if (
        (is_address(text) and not legal)
        or (_CONTACT.search(text) and not legal)
        or any(True for _ in dates_in(text))
    ):
        return None
    if any(True for a in amounts_in(text) if "." in a.raw) or text.endswith((":", "?", "!")):
        return None
    row_hits = [h for h in hits.get(segment.row, ()) if h.segment is segment and h.first == 0]
    if (
        any(t.weight >= 0.5 and t.concept not in ("issuer", None) for h in row_hits for t in h.targets)
        and not legal
    ):
        return None
    top = segment.row < _TOP_LINES and segment.box[1] < 0.5 * sheet.height
    if not top and not legal:
        return None
    words = fold(text).split()
    score = 0.3 + (0.3 if legal else 0.15 if set(words) & _TRADE else 0.0)
    score += 0.2 * (1 - segment.row / _TOP_LINES) if top else -0.1
    score += 0.12 * max(-1.0, min(1.0, segment.height / sheet.line_height - 1.0)) if top else 0.0
    score += 0.15 if _address_follows(sheet, segment) else 0.0
    score += 0.25 if any(len(d) >= 4 and (d in key(text) or key(text) in d) for d in domains) else 0.0
    score -= 0.35 if text == text.lower() else 0.0
    score -= 0.3 if len(words) > 8 else 0.0
    return score


def _address_follows(sheet: Sheet, segment: Segment) -> bool:
    after = [s for row in sheet.rows[segment.row + 1 : segment.row + 4] for s in row.segments]
    return any(
        is_address(s.text) for s in after if min(s.box[2], segment.box[2]) > max(s.box[0], segment.box[0])
    )


def _issuer_candidates(
    sheet: Sheet, wanted: dict[str, Leaf], names: list[_Name]
) -> Iterator[FieldCandidate]:
    later = 0.9 if sheet.number > 1 else 1.0
    leaf, address = wanted.get("issuer"), wanted.get("issuer_address")
    if leaf is not None:
        for name in names[:4]:
            text = name.text.strip(" *:-")
            evidence = of_stretch(sheet, name.segments[0], name.start, name.end)
            yield FieldCandidate(
                leaf.name,
                Outcome.VALUE,
                later * name.score,
                (Reading(text),),
                text,
                (evidence,),
                sheet.number,
            )
    if address is not None:
        for name in names[:2]:
            lines = _address_after(sheet, name.segments[0])
            if lines:
                yield _lines(sheet, address, lines, later * name.score * 0.9)


def _address_after(sheet: Sheet, name: Segment) -> list[Segment]:
    """Address lines under a name: they begin within four lines and end at a contact, a gap or a title."""
    found: list[Segment] = []
    bottom = name.box[3]
    for row in sheet.rows[name.row + 1 : name.row + 12]:
        segment = next(
            (s for s in row.segments if min(s.box[2], name.box[2]) - max(s.box[0], name.box[0]) > 0), None
        )
        if segment is None:
            continue
        gap = segment.box[1] - bottom
        if gap > (1.3 if found else 3.0) * sheet.line_height:
            break
        bottom = segment.box[3]
        text = segment.text
        if _CONTACT.search(text) or _REGISTRATION.search(text):
            if found:
                break
            continue
        if (
            key(text) in _TITLES
            or any(True for _ in dates_in(text))
            or (found and text.rstrip().endswith(":"))
        ):
            break
        if is_address(text) or (found and _more_address(text)):
            found.append(segment)
        elif found:
            break
    return found


def _more_address(text: str) -> bool:
    """A town or a state below a street: few words, no digits worth mentioning."""
    words = fold(text).split()
    return (
        0 < len(words) <= 5 and not any(char in text for char in ":=#") and sum(c.isdigit() for c in text) < 6
    )
