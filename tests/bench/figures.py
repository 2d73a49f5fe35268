"""Figures of a measurement: one `name value` line each on stdout, and all of them with remarks as JSON."""

import json
import sys
from pathlib import Path
from typing import Any


class Figures:
    """Collects figures in the order they come; remarks say what stands behind them, case by case."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.remarks: dict[str, list[str]] = {}

    def add(self, name: str, value: float) -> None:
        self.values[name] = value
        print(
            f"{name} {value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{name} {value}"
        )
        sys.stdout.flush()

    def share(self, name: str, right: int, of: int) -> None:
        """A share, left out when there was nothing to count."""
        if of:
            self.add(name, right / of)

    def remark(self, group: str, text: str) -> None:
        """A case that went wrong; shown on stderr, kept in the JSON."""
        self.remarks.setdefault(group, []).append(text)
        print(f"  {group}: {text}", file=sys.stderr)

    def write(self, path: Path, **more: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"figures": self.values, **more, "remarks": self.remarks}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
