"""A reading with its characters as typed: ligatures and presentation forms resolved, nothing invisible."""

import operator
from dataclasses import replace

from pipeline.scripts import clean
from schemas.reading import PageReading, ReadLine, ReadWord


def cleaned(reading: PageReading) -> PageReading:
    """The same reading, for everything that looks at its text; words of invisible characters are gone."""
    lines = tuple(line for old in reading.lines if (line := _line(old)).words)
    return reading if lines == reading.lines else replace(reading, lines=lines)


def _line(line: ReadLine) -> ReadLine:
    words = tuple(word for old in line.words if (word := _word(old)).text)
    text = clean(line.text_) if line.text_ is not None else None
    same = len(words) == len(line.words) and all(map(operator.is_, words, line.words))
    if same and text == line.text_:
        return line
    return replace(line, words=words, text_=text)


def _word(word: ReadWord) -> ReadWord:
    text = clean(word.text)
    return word if text == word.text else replace(word, text=text)
