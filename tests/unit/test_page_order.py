"""What a page is prepared for, by what is wanted of it and what the engine gives."""

from pathlib import Path

import pymupdf
import pytest

from model_runtime.families import TRAITS, Family
from model_runtime.spec import vlm_spec
from pipeline import recipe, sniff
from pipeline.orders import SourceFile
from schemas.request import Request, Task
from workers.orders import page_order

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}
EVERYTHING = frozenset(Task)
TEXT_ALONE = frozenset({Task.TEXT})


@pytest.fixture
def scan(tmp_path: Path) -> SourceFile:
    """A page of small print, as a picture."""
    with pymupdf.open() as document:
        page = document.new_page()
        for line in range(60):
            page.insert_text(
                (40, 60 + 12 * line), f"{line} Bolts of steel, galvanised, by the hundred", fontsize=8
            )
        picture = page.get_pixmap(dpi=200)
    picture.save(tmp_path / "scan.png")
    return SourceFile(str(tmp_path / "scan.png"), sniff.PNG)


@pytest.mark.parametrize(
    ("wanted", "gives", "parted"),
    [
        ("text", EVERYTHING, True),
        ("text", TEXT_ALONE, True),
        ("fields", TEXT_ALONE, True),  # they are found in the text
        ("fields", EVERYTHING, False),  # they are asked for, of the page as a whole
    ],
)
def test_a_page_whose_text_is_read_is_cut_where_its_print_is_too_small(
    scan: SourceFile, wanted: str, gives: frozenset[Task], parted: bool
) -> None:
    spec = vlm_spec("vllm", "m", TRAITS[Family.QWEN2_VL], visual_tokens=130, tasks=gives)
    request = Request.model_validate({"tasks": [wanted]} | ({"schema": SCHEMA} if wanted == "fields" else {}))
    prepared = recipe.prepare_page(scan, page_order(1, request, spec))
    assert (prepared.tiles is not None) is parted
