"""Tells a reply that talks about the request from one that holds the page."""

import re

_LONGEST = 400
"""Characters; a page that opens like this and goes on is a letter."""

_DECLINES = re.compile(
    r"""\s*(?:
      (?:(?:I\s*['’]m|I\s+am|we\s+are)\s+)? (?:very\s+)? (?:sorry|afraid) \b [^.\n]{0,60}? \b
        (?:can\s*not|can['’]t|unable|not\s+able|won['’]t)
    | (?:unfortunately,?\s+)? (?:I|as\s+an\s+AI[^.\n]{0,60}?) \s+
        (?:can\s*not|can['’]t|am\s+unable|am\s+not\s+able|won['’]t|do\s+not\s+see|don['’]t\s+see) \b
    | (?:抱歉|对不起|很抱歉)[,，]?\s*我?(?:无法|不能)
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def declines(reply: str) -> bool:
    """Asked only of replies without the lines that every transcription begins with."""
    text = reply.strip()
    return len(text) <= _LONGEST and _DECLINES.match(text) is not None
