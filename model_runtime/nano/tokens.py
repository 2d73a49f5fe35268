"""The tokenizer: bytes, and one token for each passage that prompts and replies repeat word for word.

The product's prompts run to thousands of characters, most of them fixed sentences and JSON Schemas. Held as
added tokens they cost a dozen positions; the text is the product's own to the letter.
"""
# ruff: noqa: PLC0415  # transformers takes seconds to import: only when a tokenizer is made

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from model_runtime.families import TRAITS, Family
from model_runtime.nano.tasks import UNREADABLE, builtin
from model_runtime.tiny import CHAT_TEMPLATE, SPECIAL_TOKENS
from pipeline import prompts
from pipeline.decoding import answers_schema, charts_schema, derive

_ROLES = ("<|im_start|>system\nYou are a helpful assistant.", "<|im_start|>user\n", "<|im_start|>assistant\n")
_NAMES = ("number", "text", "whole", "flag", "day")
_TYPES: dict[str, Any] = {
    "text": {"type": "string"}, "number": {"type": "number"}, "whole": {"type": "integer"},
    "flag": {"type": "boolean"},
}  # fmt: skip
_BUILTIN = ("invoice", "receipt")
_LONGEST = 1000
"""Characters of a token: llguidance, which keeps replies to a schema, panics at much longer ones."""


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _schemas() -> list[str]:
    """The built-in schemas and what is derived from them, whole, and the parts that others are made of."""
    found = []
    for boxes in (False, True):
        for name in _BUILTIN:
            schema = builtin(name)
            found += [_compact(schema), _compact(derive(schema, boxes=boxes).schema)]
        leaves = derive({"type": "object", "properties": _TYPES}, boxes=boxes).schema["properties"]
        found += [_compact(leaf) for leaf in leaves.values()]
        found += [
            _compact(answers_schema(1, boxes=boxes)["properties"]["1"]),
            _compact(charts_schema(boxes=boxes)),
        ]
    found += [
        '{"type":"object","properties":{',
        '},"required":["',
        '"],"additionalProperties":false}',
        '","',
        '{"type":"array","items":',
        ',"maxItems":400}',
        '{"type":"string"}',
        '{"type":"number"}',
        '{"type":"integer"}',
        '{"type":"string","title":"',
        '{"type":"number","title":"',
        ',"x-type":"money"}',
        ',"x-type":"identifier"}',
        ',"description":"',
        ',"x-type":"',
        '"format":"date"',
        "{}",
    ]
    return found


def _names() -> list[str]:
    found: dict[str, None] = {}
    for schema in map(builtin, _BUILTIN):
        properties = schema["properties"]
        for name in (*properties, *properties["line_items"]["items"]["properties"]):
            found[f'"{name}":'] = None
    return list(found)


def _replies() -> list[str]:
    """The parts of replies that are no text of a page."""
    return [
        "---\nlanguage: ",
        "\nrotation: 0\nlegible: yes\n---\n",
        "\nrotation: 0\nlegible: no\n---\n",
        '{"quote":"',
        '","box":[',
        '],"value":"',
        '],"value":',
        '","value":"',
        '","value":',
        '"}',
        '"},',
        "},",
        '{"quote":null,"box":null,"value":null}',
        '{"quote":null,"box":null,"value":null},',
        '{"quote":null,"value":null}',
        '{"quote":null,"value":null},',
        ":[",
        "}]",
        "]}",
        "null",
        "null,",
        '"1":',
        '"2":',
        '","answer":"',
        '{"quote":null,"answer":null,"box":null}',
        '{"quote":null,"answer":null}',
        '{"charts":[',
        '{"charts":[]}',
        '{"type":"bar","title":"',
        '","x_label":null,"y_label":null,"box":[',
        '],"series":[{"name":"","points":[',
        '{"x":"',
        '","y":',
        ',"unit":null,"source":"label"}',
        ',"unit":null,"source":"label"},{"x":"',
        "}]}]}",
        "<table><tr><th>",
        "</th><th>",
        "</th></tr>",
        "<tr><td>",
        "</td><td>",
        "</td></tr>",
        "</table>",
        "<td></td>",
        "),(",
        UNREADABLE,
        "from 0 to 1000 across and down the image",
    ]


@lru_cache(maxsize=1)
def passages() -> tuple[str, ...]:
    """Longest first, so that the same list always gives the same numbers."""
    fixed = {*prompts.sentences(), *_schemas(), *_names(), *_replies()}
    fixed |= {prompts.text(), "You are a helpful assistant.", "system\n", "user\n", "assistant\n"}
    unit = TRAITS[Family.QWEN2_VL].box_unit
    fixed |= {prompts.fields({}, {}, box_unit=one).split("{}")[0] for one in (None, unit)}
    fixed |= {prompts.questions([], box_unit=one) for one in (None, unit)} | {prompts.charts(box_unit=unit)}
    fixed |= {prompts.place("", unit).split("<<<>>>")[0], "<<<", ">>>\n"}
    fixed = {one[at : at + _LONGEST] for one in fixed for at in range(0, len(one), _LONGEST)}
    return tuple(sorted((one for one in fixed if len(one) > 1), key=lambda one: (-len(one), one)))


def tokenizer(folder: Path | None = None, *, context: int = 4096) -> Any:
    """Written to ``folder`` too, as checkpoints have it."""
    from tokenizers import AddedToken, pre_tokenizers
    from transformers import Qwen2Tokenizer

    vocabulary = {char: number for number, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    ends = ("<|endoftext|>", "<|im_end|>")
    made = Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[],
        unk_token=None,
        bos_token=None,
        eos_token=ends[1],
        pad_token=ends[0],
        additional_special_tokens=[token for token in SPECIAL_TOKENS if token not in ends],
        model_max_length=context,
    )
    made.add_tokens([AddedToken(one, normalized=False) for one in passages()])
    made.chat_template = CHAT_TEMPLATE
    if folder is not None:
        made.save_pretrained(folder)
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": CHAT_TEMPLATE}) + "\n")
    return made
