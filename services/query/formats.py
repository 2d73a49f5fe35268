"""Rows as JSON, NDJSON, CSV and Parquet; streams are written page by page and hold no more than that."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import QuireError
from schemas.field import FieldType
from services.query.ast import About
from services.query.engine import Answer
from services.query.plan import Group, Source
from services.spreadsheet import harmless


class Format(StrEnum):
    JSON = "application/json"
    NDJSON = "application/x-ndjson"
    CSV = "text/csv"
    PARQUET = "application/vnd.apache.parquet"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class NotAcceptable(QuireError):
    status = 406
    code = "not_acceptable"


def wanted(accept: str | None) -> Format:
    """The first kind that an Accept header names, JSON where it leaves the choice."""
    kinds = [part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    for kind in kinds:
        if kind in ("*/*", "application/*", ""):
            return Format.JSON
        if kind in ("text/*", "application/csv"):
            return Format.CSV
        if kind in ("application/parquet", "application/x-parquet"):
            return Format.PARQUET
        if kind in ("application/ndjson", "application/jsonl"):
            return Format.NDJSON
        if kind in set(Format):
            return Format(kind)
    raise NotAcceptable(detail=f"rows come as {', '.join(Format)}")


def plain(value: Any) -> Any:
    """A value as JSON has it. Amounts are numbers; sums come as texts already."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return [plain(one) for one in value] if isinstance(value, list) else value


def page_json(answer: Answer, cursor: str | None) -> bytes:
    body: dict[str, Any] = {
        "items": [{name: plain(value) for name, value in row.items()} for row in answer.rows],
        "next_cursor": cursor,
    }
    if answer.warnings:
        body["warnings"] = [warning.model_dump() for warning in answer.warnings]
    return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)


def streamed(form: Format, answers: Iterator[Answer]) -> Iterator[bytes]:
    return _STREAMS[form](answers)


def _ndjson(answers: Iterator[Answer]) -> Iterator[bytes]:
    for answer in answers:
        lines = [orjson.dumps({name: plain(value) for name, value in row.items()}) for row in answer.rows]
        if lines:
            yield b"\n".join(lines) + b"\n"


def _csv(answers: Iterator[Answer]) -> Iterator[bytes]:
    """A header, then a line a row; what a spreadsheet would take for a formula is made harmless."""
    for number, answer in enumerate(answers):
        text = io.StringIO()
        writer = csv.writer(text)
        if number == 0:
            writer.writerow([harmless(name) for name in answer.columns])
        writer.writerows([[_cell(row.get(name)) for name in answer.columns] for row in answer.rows])
        yield text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, list):
        return harmless(orjson.dumps(plain(value)).decode())
    shown = plain(value)
    return harmless(shown) if isinstance(shown, str) else str(shown)


def _parquet(answers: Iterator[Answer]) -> Iterator[bytes]:
    """A row group a page. Amounts are decimals of six places, exactly as they are kept."""
    sink = _Pipe()
    writer: pq.ParquetWriter | None = None
    shape = pa.schema([])
    for answer in answers:
        if writer is None:
            shape = pa.schema([(name, _type(source)) for name, source in answer.columns.items()])
            writer = pq.ParquetWriter(sink, shape, compression="zstd")
        columns = [
            pa.array([_typed(row.get(field.name), field.type) for row in answer.rows], field.type)
            for field in shape
        ]
        writer.write_table(pa.table(columns, schema=shape))
        yield sink.taken()
    if writer is not None:
        writer.close()
        yield sink.taken()


class _Pipe(io.RawIOBase):
    """What pyarrow writes into; taken out piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def taken(self) -> bytes:
        piece = bytes(self._held)
        self._held.clear()
        return piece


_MONEY = pa.decimal128(38, 6)


def _type(source: Source | None) -> pa.DataType:
    if source is None:
        return pa.string()  # aggregates: sums are texts of digits, and so are counts beside them
    if source.about is About.DOCUMENT:
        return {Group.TIME: pa.timestamp("us", "UTC"), Group.NUMBER: pa.int64()}.get(
            source.group, pa.string()
        )
    if source.about is not About.FIELD:
        return pa.float64() if source.about is About.CONFIDENCE else pa.string()
    return _field_type(source)


def _field_type(source: Source) -> pa.DataType:
    if len(source.groups) != 1:
        return pa.string()
    if source.group is Group.NUMBER:
        return _MONEY if source.types <= {FieldType.MONEY, FieldType.INTEGER} else pa.float64()
    kinds: Mapping[Group, pa.DataType] = {Group.DATE: pa.date32(), Group.BOOLEAN: pa.bool_()}
    return kinds.get(source.group, pa.string())


def _typed(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_decimal(kind):
        number = Decimal(value) if not isinstance(value, list) else None
        fits = number is not None and abs(number) < Decimal(10) ** 31
        return number.quantize(Decimal("0.000001")) if fits and number is not None else None
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else orjson.dumps(plain(value)).decode()
    if pa.types.is_floating(kind):
        return float(value)
    return value


_STREAMS: Mapping[Format, Callable[[Iterator[Answer]], Iterator[bytes]]] = {
    Format.NDJSON: _ndjson,
    Format.CSV: _csv,
    Format.PARQUET: _parquet,
}
