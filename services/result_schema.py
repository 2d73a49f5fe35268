"""The published JSON Schema of results, made from the shapes themselves."""

import json
from typing import Any

from schemas.result import SCHEMA_VERSION, Result


def result_schema() -> dict[str, Any]:
    schema = Result.model_json_schema(by_alias=True, mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = f"urn:quire:result:{SCHEMA_VERSION}"
    schema["title"] = "Quire result"
    return schema


def result_schema_text() -> str:
    """As committed under docs: indented, ending in a newline."""
    return json.dumps(result_schema(), indent=2, ensure_ascii=False) + "\n"
