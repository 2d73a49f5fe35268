"""Adds what was asked later to a page that was read before; everything else stays as it was read."""

from schemas.page import PageContent, PageState
from schemas.request import Task

_YIELD = {Task.QUESTIONS: "answers", Task.FIELDS: "findings"}


def with_more(base: PageContent, new: PageContent, asked: Task) -> PageContent:
    """``new`` was read for one task alone; where that failed, the page lacks it, and is not unread."""
    failed = new.page.state is PageState.UNREADABLE or asked in new.unanswered
    earlier = [task for task in base.unanswered if task is not asked]
    known = set(map(repr, base.warnings))
    return base.model_copy(
        update={
            _YIELD[asked]: getattr(new, _YIELD[asked]),
            "unanswered": [*earlier, asked] if failed else earlier,
            "warnings": [*base.warnings, *(one for one in new.warnings if repr(one) not in known)],
        }
    )
