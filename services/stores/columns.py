"""Column types with one meaning on both databases: text, times, flags, JSON and packed JSON."""

import re
import zlib
from typing import Any

import orjson
import sqlalchemy as sa

_SURROGATE = re.compile("[\ud800-\udfff]")
_C = "C"  # byte order, so that sorting and keyset pages agree with SQLite's BINARY


def clean(value: str) -> str:
    """Without NUL and lone surrogates, which Postgres refuses and SQLite would carry into answers."""
    if "\x00" in value:
        value = value.replace("\x00", "")
    return value if value.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)


def clean_json(value: Any) -> Any:
    """The same for every key and value inside."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean_json(key): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    return value


def json_bytes(value: Any) -> bytes:
    """JSON without NUL and lone surrogates; the careful path is taken only when one is there."""
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError:
        return orjson.dumps(clean_json(value))
    return orjson.dumps(clean_json(value)) if b"\\u0000" in text else text


def json_text(value: Any) -> str:
    return json_bytes(value).decode()


class CleanText(sa.types.TypeDecorator[str]):
    """Text from outside: names, labels, values."""

    impl = sa.Text
    cache_ok = True

    @property
    def python_type(self) -> type[str]:
        return str

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Text(collation=_C) if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002  # fixed by SQLAlchemy
        return None if value is None else clean(value)


class PackedJson(sa.types.TypeDecorator[bytes]):
    """Large JSON, compressed: pages of words shrink about sevenfold. In Python: the JSON's bytes."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: sa.Dialect) -> bytes | None:  # noqa: ARG002  # fixed by SQLAlchemy
        if value is None:
            return None
        if b"\\u0000" in value:
            value = json_bytes(orjson.loads(value))
        return zlib.compress(value, 1)

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> bytes | None:  # noqa: ARG002  # fixed by SQLAlchemy
        return None if value is None else zlib.decompress(value)


class KeyText(CleanText):
    """Ids, digests and names of ours: plain ASCII. What is not becomes something that no row has."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002  # fixed by SQLAlchemy
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return clean(value.replace("\x00", "\N{REPLACEMENT CHARACTER}"))


Key: sa.types.TypeEngine[str] = KeyText()

Json = sa.JSON(none_as_null=True)

Micros = sa.BigInteger
"""A time: microseconds since the epoch, UTC."""

Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # only INTEGER PRIMARY KEY counts up there
