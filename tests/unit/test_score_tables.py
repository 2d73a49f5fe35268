"""Neighbour relations: a perfect table scores 1, broken ones lose what they broke."""

from pathlib import Path

from schemas.table import Cell, Table, TablePart
from tests.bench.grid import Grid, GridCell, html_tables, pipe_tables
from tests.bench.table_score import (
    TrueRegion,
    compare,
    false_tables,
    found_grids,
    relations,
    true_grids,
    true_regions,
)
from tests.bench.text_score import f1

STRUCTURE = """<?xml version="1.0"?><document filename="a"><table id="1"><region id="1" page="2">
<cell id="1" start-row="0" start-col="1" end-col="2"><content>Year</content></cell>
<cell id="2" start-row="1" start-col="0"><content>North</content></cell>
<cell id="3" start-row="1" start-col="1"><content>1 0</content></cell>
<cell id="4" start-row="1" start-col="2"><content>12</content></cell>
</region></table></document>"""
REGIONS = """<?xml version="1.0"?><document filename="a"><table id="1"><region id="1" page="2">
<bounding-box x1="100" y1="600" x2="300" y2="700"/></region></table></document>"""


def table(
    cells: list[tuple[int, int, str, int]], bbox: tuple[float, float, float, float], page: int = 2
) -> Table:
    return Table(
        id="t1",
        parts=[TablePart(page=page, bbox=bbox, rows=(0, 1))],
        rows=2,
        cols=3,
        cells=[Cell(row=r, col=c, text=t, col_span=span, page=page) for r, c, t, span in cells],
    )


PERFECT = [(0, 1, "Year", 2), (1, 0, "North", 1), (1, 1, "10", 1), (1, 2, "12", 1)]
PLACE = (100.0, 142.0, 300.0, 242.0)


def grids(tmp_path: Path) -> list[tuple[int, Grid]]:
    path = tmp_path / "a-str.xml"
    path.write_text(STRUCTURE)
    return true_grids(path)


def test_relations_join_nearest_non_empty_neighbours() -> None:
    grid = Grid()
    for row, col, text in [(0, 0, "a"), (0, 1, ""), (0, 2, "b"), (1, 0, "c")]:
        grid.add(GridCell(row, col, text))
    assert set(relations(grid)) == {("a", "b", "right"), ("a", "c", "below")}


def test_a_spanning_cell_has_a_neighbour_on_each_line_and_each_pair_counts_once(tmp_path: Path) -> None:
    [(page, grid)] = grids(tmp_path)
    assert page == 2
    assert relations(grid) == {
        ("year", "10", "below"): 1,
        ("year", "12", "below"): 1,
        ("north", "10", "right"): 1,
        ("10", "12", "right"): 1,
    }


def test_a_perfect_table_scores_one_and_broken_ones_less(tmp_path: Path) -> None:
    true = grids(tmp_path)

    def score(cells: list[tuple[int, int, str, int]], page: int = 2) -> float:
        return f1([compare(true, found_grids([table(cells, PLACE, page)]))])

    assert score(PERFECT) == 1
    assert score([*PERFECT[:3], (1, 2, "72", 1)]) == 0.5
    assert score([(r, c, text, 1) for r, c, text, _ in PERFECT]) < 1
    assert score(PERFECT, page=1) == 0
    assert f1([compare(true, [])]) == 0


def test_a_table_where_none_is_counts_as_false(tmp_path: Path) -> None:
    path = tmp_path / "a-reg.xml"
    path.write_text(REGIONS)
    true = true_regions(path)
    assert true == [TrueRegion(2, (100, 600, 300, 700))]
    heights = {1: 842.0, 2: 842.0}
    upper_half = table(PERFECT, (100, 142, 300, 192))
    elsewhere = table(PERFECT, (100, 600, 300, 700))
    wrong_page = table(PERFECT, PLACE, page=1)
    assert false_tables([table(PERFECT, PLACE), upper_half], true, heights) == 0
    assert false_tables([elsewhere, wrong_page], true, heights) == 2


def test_pipes_and_html_give_the_same_grid() -> None:
    [pipes] = pipe_tables("text | more\n\n| a | b \\| c |\n|:--|--:|\n| 1 | 2 |\n\nafter")
    [html] = html_tables("<table><tr><th>a<th>b | c<tr><td>1<td>2</table>")
    assert [(c.row, c.col, c.text, c.heading) for c in pipes.cells] == [
        (c.row, c.col, c.text, c.heading) for c in html.cells
    ]


def test_spans_push_later_cells_aside() -> None:
    [grid] = html_tables('<table><tr><td rowspan="2">a</td><td>b</td></tr><tr><td>c</td></tr></table>')
    assert [(c.row, c.col, c.text) for c in grid.cells] == [(0, 0, "a"), (0, 1, "b"), (1, 1, "c")]
    assert [c.text for c in grid.beside(grid.cells[0], 0, 1)] == ["b", "c"]
