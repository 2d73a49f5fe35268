"""Adds answers to a page that was read before; everything else on it stays as it was read."""

from schemas.page import PageContent, PageState
from schemas.request import Task


def with_answers(base: PageContent, new: PageContent) -> PageContent:
    """``new`` was read for its questions alone; where that failed, the page is unanswered, not unread."""
    failed = new.page.state is PageState.UNREADABLE or Task.QUESTIONS in new.unanswered
    earlier = [task for task in base.unanswered if task is not Task.QUESTIONS]
    known = set(map(repr, base.warnings))
    return base.model_copy(
        update={
            "answers": new.answers,
            "unanswered": [*earlier, Task.QUESTIONS] if failed else earlier,
            "warnings": [*base.warnings, *(one for one in new.warnings if repr(one) not in known)],
        }
    )
