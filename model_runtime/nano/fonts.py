"""Finds fonts to set synthetic pages in, and keeps some families back for evaluation."""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import ImageFont

from model_runtime.nano.alphabet import CHARACTERS
from schemas.errors import Unsupported

_PACKAGES = (
    "arimo", "atkinson_hyperlegible", "dm_mono", "ibm_plex_mono", "ibm_plex_sans", "inconsolata", "inter",
    "libre_baskerville", "noto_sans", "noto_serif", "open_sans", "pt_serif", "roboto", "roboto_condensed",
    "roboto_slab", "source_code_pro", "source_serif_4", "space_mono", "work_sans",
)  # fmt: skip
"""Of the extra ``train``: open fonts as ordinary packages (fontpkg-NAME)."""

_SYSTEM = Path("/usr/share/fonts/truetype")
_SYSTEM_FONTS = (
    "dejavu/DejaVuS*.ttf", "liberation/Liberation*.ttf", "freefont/Free*.ttf",
    "noto/NotoSans-*.ttf", "noto/NotoSerif-*.ttf", "noto/NotoSansMono-*.ttf",
)  # fmt: skip
_HELD = ("WorkSans", "SourceSerif4", "DMMono", "LiberationSerif", "DejaVuSansCondensed")
"""Families that no page to train on is set in."""

_UNUSED = ("ExtraLight", "Thin", "Light", "Math")
_WEIGHTS = (400, 700)
_LEAST_COVERED = 0.97


@dataclass(frozen=True, slots=True)
class Face:
    """A font file at a weight (of variable fonts). ``missing``: characters that it does not draw."""

    path: str
    weight: int | None = None
    bold: bool = False
    missing: frozenset[str] = frozenset()

    @property
    def family(self) -> str:
        return Path(self.path).name.split("[")[0].split("-")[0].removesuffix(".ttf")

    @property
    def held(self) -> bool:
        return self.family in _HELD

    @property
    def name(self) -> str:
        return f"{Path(self.path).name}:{self.weight or ''}"

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        # The basic layout: one advance per character, so that places are exact without shaping.
        font = ImageFont.truetype(self.path, size, layout_engine=ImageFont.Layout.BASIC)
        if self.weight is not None:
            axes = font.get_variation_axes()
            font.set_variation_by_axes([_axis(axis, self.weight, size) for axis in axes])
        return font


def _axis(axis: Mapping[str, Any], weight: int, size: int) -> float:
    name = axis["name"]
    label = (name.decode() if isinstance(name, bytes) else str(name)).lower()
    low, high, usual = (float(str(axis[key])) for key in ("minimum", "maximum", "default"))
    if "weight" in label:
        return min(high, max(low, weight))
    if "optical" in label:
        return min(high, max(low, size))
    return usual


@dataclass(frozen=True, slots=True)
class Fonts:
    training: tuple[Face, ...]
    held: tuple[Face, ...]


@lru_cache(maxsize=4)
def find(folder: Path | None = None) -> Fonts:
    """All faces of the packages, of this machine and of ``folder``, in an order that is always the same."""
    files = sorted({path.name: path for path in _files(folder)}.items())
    faces = [face for _, path in files for face in _faces(path)]
    training = tuple(face for face in faces if not face.held)
    if len(training) < 4:
        raise Unsupported(
            "training_fonts_missing", "too few fonts to train on: Quire's extra 'train' brings some"
        )
    return Fonts(training, tuple(face for face in faces if face.held))


def _files(folder: Path | None) -> Iterable[Path]:
    for pattern in _SYSTEM_FONTS:
        yield from _SYSTEM.glob(pattern)
    for package in _PACKAGES:
        spec = importlib.util.find_spec(f"fontpkg_{package}")
        for place in spec.submodule_search_locations or () if spec is not None else ():
            yield from (Path(place) / "files").glob("*.ttf")
    if folder is not None:
        yield from folder.glob("**/*.ttf")


def _faces(path: Path) -> Iterable[Face]:
    if any(word in path.name for word in _UNUSED):
        return
    variable = "[" in path.name
    weights: Sequence[int | None] = _WEIGHTS if variable else (None,)
    for weight in weights:
        bold = weight == _WEIGHTS[1] or "Bold" in path.name
        missing = _missing(Face(str(path), weight))
        if len(missing) < (1 - _LEAST_COVERED) * len(CHARACTERS):
            yield Face(str(path), weight, bold, missing)


def _missing(face: Face) -> frozenset[str]:
    font = face.at(24)
    nothing = bytes(font.getmask("\uffff"))
    return frozenset(
        char for char in CHARACTERS if char != " " and bytes(font.getmask(char)) in (nothing, b"")
    )
