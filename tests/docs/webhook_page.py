"""The verification that docs/webhooks.md shows to receivers, taken from the page itself."""

import re
from pathlib import Path
from typing import Any

_PAGE = Path(__file__).parents[2] / "docs/webhooks.md"


def verify(secret: str, headers: dict[str, str], body: bytes, **more: Any) -> dict[str, Any]:
    """What a receiver gets who copied the page's code; raises as that does."""
    snippet = re.search(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.S)
    assert snippet is not None
    scope: dict[str, Any] = {}
    exec(compile(snippet[1], str(_PAGE), "exec"), scope)
    return dict(scope["verify"](secret, headers, body, **more))
