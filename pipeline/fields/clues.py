"""What a page says of its country and habits, to decide 03/04/2024, 1.234 and the bare dollar sign."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from pipeline.fields.addresses import us_address
from pipeline.fields.currencies import amounts_in, currencies_in
from pipeline.fields.dates import dates_in
from pipeline.fields.folding import fold
from pipeline.fields.layout import Sheet
from pipeline.fields.shapes import Clues
from pipeline.fields.wordlists import table, words

_ANY_ORDER_CURRENCIES = frozenset({"USD", "CAD", "JPY", "CNY", "KRW", "PHP"})
_MONTH_FIRST = frozenset({"US"})
_EITHER_ORDER = frozenset({"CA"})
_VAT_ID = re.compile(
    r"(?<![A-Za-z0-9])(DE|FR|NL|IT|ES|AT|BE|PT|IE|PL|SE|DK|NO(?=(?:\s?\d{3}){3}\s?MVA)|GB)\s?[A-Z0-9]{0,2}\s?\d{3}\s?\d{3}\s?\d{2,3}"
)


@lru_cache(maxsize=1)
def _country_pattern() -> re.Pattern[str]:
    names = (rf"(?<!\w){re.escape(n)}(?!\w)" if n.isascii() else re.escape(n) for n in table("countries"))
    return re.compile("|".join(names))


def clues_of(sheet: Sheet) -> Clues:
    """Count the page's unambiguous dates, decimal marks, currencies and country names."""
    orders: Counter[str] = Counter()
    marks: Counter[str] = Counter()
    currencies: Counter[str] = Counter()
    countries: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for segment in sheet.segments:
        text = segment.text
        for day in dates_in(text):
            if len(day.readings) == 1 and day.readings[0].convention in ("dmy", "mdy") and "." not in day.raw:
                orders[day.readings[0].convention] += 1
                examples.setdefault(day.readings[0].convention, day.raw)
        for amount in amounts_in(text):
            if len(amount.readings) == 1 and amount.readings[0].convention:
                marks[amount.readings[0].convention] += 1
                examples.setdefault(amount.readings[0].convention, amount.raw)
        for _, _, codes in currencies_in(text):
            currencies["|".join(codes)] += 1
        for name in _currency_names(text):
            currencies[name] += 2
        countries.update(_countries(text))
    language, _, region = (sheet.language or "").partition("-")
    if len(region) == 2:
        countries[region.upper()] += 1
    languages = {language.lower(): 1} if language else {}
    return Clues(dict(orders), dict(marks), dict(currencies), dict(countries), languages, examples)


def _currency_names(text: str) -> Iterable[str]:
    folded = f" {fold(text)} "
    return {code for name, code in table("currency_names").items() if f" {name} " in folded}


def _countries(text: str) -> Iterable[str]:
    folded = fold(text)
    found = [table("countries")[match] for match in _country_pattern().findall(folded)]
    if us_address().search(text):
        found.append("US")
    found += [match.group(1) for match in _VAT_ID.finditer(text)]
    return found


def summed(parts: Iterable[Clues]) -> Clues:
    """The clues of all pages together."""
    totals: list[Counter[str]] = [Counter() for _ in range(5)]
    examples: dict[str, str] = {}
    for part in parts:
        for total, some in zip(
            totals,
            (part.date_orders, part.decimal_marks, part.currencies, part.countries, part.languages),
            strict=True,
        ):
            total.update(some)
        examples = {**part.examples, **examples}
    orders, marks, currencies, countries, languages = map(dict, totals)
    return Clues(orders, marks, currencies, countries, languages, examples)


def date_order(clues: Clues) -> tuple[str, str] | None:
    """``dmy`` or ``mdy`` with the reason, or None where nothing in the document decides."""
    seen = clues.date_orders
    if len(seen) == 1:
        order = next(iter(seen))
        return order, f"another date of the document reads only so: {clues.examples.get(order, order)}"
    if seen:
        return None  # both habits in one document decide nothing
    country = top_country(clues)
    if country:
        return (
            None
            if country in _EITHER_ORDER
            else ("mdy" if country in _MONTH_FIRST else "dmy", f"the document names {country}")
        )
    signs = {code for codes in clues.currencies for code in codes.split("|")}
    if signs and not signs & _ANY_ORDER_CURRENCIES:
        return "dmy", f"amounts are in {document_currency(clues)}"
    language = _only(clues.languages)
    if language in words("day_first_languages"):
        return "dmy", f"the document is in {language}"
    return None


def decimal_mark(clues: Clues) -> tuple[str, str] | None:
    """``point`` or ``comma`` with the reason."""
    seen = clues.decimal_marks
    if seen:
        mark = max(seen, key=lambda m: seen[m])
        others = sum(seen.values()) - seen[mark]
        if others * 3 <= seen[mark]:
            return mark, f"other numbers of the document read only so: {clues.examples.get(mark, mark)}"
        return None
    country = top_country(clues)
    if country:
        return ("comma" if country in words("comma_countries") else "point"), f"the document names {country}"
    if _only(clues.languages) in words("comma_languages"):
        return "comma", f"the document is in {_only(clues.languages)}"
    return None


def top_country(clues: Clues) -> str | None:
    """The country named most, unless two are named equally often."""
    ranked = sorted(clues.countries.items(), key=lambda item: -item[1])
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


def _only(counts: object) -> str | None:
    return next(iter(counts)) if isinstance(counts, dict) and len(counts) == 1 else None


def pick_currency(codes: str, clues: Clues) -> str:
    """What a sign of several currencies stands for: one named elsewhere, the country's, the usual one."""
    options = codes.split("|")
    for code in options:
        if len(options) > 1 and code in clues.currencies:
            return code
    country = top_country(clues)
    own = table("country_currency").get(country or "")
    if country is None:
        own = table("language_currency").get(_only(clues.languages) or "")
    if own in options:
        return str(own)
    return options[0]


def document_currency(clues: Clues) -> str | None:
    """The currency most amounts of the document are in."""
    counts: Counter[str] = Counter()
    for codes, number in clues.currencies.items():
        counts[pick_currency(codes, clues)] += number
    return counts.most_common(1)[0][0] if counts else None
