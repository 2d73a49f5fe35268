"""Facts about pages: `facts/tests.jsonl` over `facts/pdfs`, asked of the Markdown of each page."""

import json
from collections import Counter, defaultdict
from pathlib import Path

from tests.bench.client import Api, Outcome
from tests.bench.facts_score import Fact, passes
from tests.bench.figures import Figures


def _markdown(outcome: Outcome, page: int) -> str:
    pages = outcome.result.pages if outcome.result else []
    return next((p.markdown for p in pages if p.number == page), "")


def facts(api: Api, folder: Path, figures: Figures) -> None:
    lines = (folder / "tests.jsonl").read_text(encoding="utf-8").splitlines()
    tests: list[Fact] = [json.loads(line) for line in lines if line.strip()]
    by_file: dict[str, list[Fact]] = defaultdict(list)
    for test in tests:
        by_file[test["pdf"]].append(test)
    outcomes = api.each(lambda name: api.read(folder / "pdfs" / name), by_file)
    passed: Counter[str] = Counter()
    for name, outcome in zip(by_file, outcomes, strict=True):
        for test in by_file[name]:
            holds = outcome.result is not None and passes(test, _markdown(outcome, test["page"]))
            passed[test["type"]] += holds
            if not holds:
                asked = {
                    k: v for k, v in test.items() if k not in {"pdf", "page", "id", "type", "checked", "url"}
                }
                figures.remark("facts", f"{name} {test['type']} {test['id']} ({outcome.state}): {asked}")
    kinds = Counter(test["type"] for test in tests)
    figures.share("facts.pass", passed.total(), len(tests))
    figures.share("facts.pass_without_math", passed.total() - passed["math"], len(tests) - kinds["math"])
    for kind in sorted(kinds):
        figures.share(f"facts.{kind}", passed[kind], kinds[kind])
