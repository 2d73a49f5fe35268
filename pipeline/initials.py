"""Large initials at the start of a paragraph: gives each back to the line its word goes on in."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from pipeline.pieces import Piece
from schemas.geometry import Box, union

# So much taller than the letters beside it that it is no capital of theirs.
_TALL = 1.7
# A page of more is no page of paragraphs.
_MOST = 40


def with_initials(pieces: Sequence[Piece], place: Callable[[Box], Box]) -> list[Piece]:
    """Pieces whose words are whole; ``place`` puts a printed box into the reading frame."""
    out: list[Piece] = []
    loose: list[Piece] = []
    for piece in pieces:
        rest = _without_initial(piece, place) if len(loose) < _MOST else None
        if len(piece.text) == 1 and piece.text.isupper() and len(loose) < _MOST:
            loose.append(piece)
        elif rest is None:
            out.append(piece)
        else:
            first = piece.words[0]
            loose.append(replace(piece, words=(first,), text=first.text, at=place(first.bbox)))
            out.append(rest)
    for initial in loose:
        index = _home(initial, out)
        if index is None:
            out.append(initial)
        else:
            home = out[index]
            out[index] = replace(home, words=initial.words + home.words, text=initial.text + home.text)
    return out


def _without_initial(piece: Piece, place: Callable[[Box], Box]) -> Piece | None:
    """The line without the initial it was read with; None where it has none."""
    words = piece.words
    if len(words) < 2 or len(words[0].text) != 1 or not words[0].text.isupper():
        return None
    heights = [box[3] - box[1] for box in (place(word.bbox) for word in words)]
    if heights[0] < _TALL * median(heights[1:]):
        return None
    text = piece.text.removeprefix(words[0].text).lstrip()
    return replace(piece, words=words[1:], text=text, at=place(union([word.bbox for word in words[1:]])))


def _home(initial: Piece, pieces: Sequence[Piece]) -> int | None:
    """The uppermost line right beside the initial."""
    found = [
        (piece.at[1], index)
        for index, piece in enumerate(pieces)
        if -0.5 * piece.size < piece.at[0] - initial.at[2] < 1.5 * piece.size
        and abs(piece.at[1] - initial.at[1]) < 0.8 * piece.size
        and piece.text[:1].isalpha()
        and initial.height > _TALL * piece.height
    ]
    return min(found)[1] if found else None
