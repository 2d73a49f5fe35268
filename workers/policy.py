"""What follows a failure: one table from error code to the delays of further tries, or to giving up."""

from dataclasses import dataclass

from pipeline.ledger import Later
from schemas.errors import CageKilled, QuireError, Unavailable

DEATHS_ALLOWED = 6
"""What was alone in so many processes when they ended is quarantined. Fewer would convict innocent work while
machines come and go: at three, a drill that killed a worker every few seconds lost two of 300 documents."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``delays``: seconds before each further try; after the last one the work has failed.

    ``counted``: the tries count against the page. What is ours or a neighbour's fault does not: it has a
    ladder of its own, and leaves the page's untouched. ``alone``: it may be the page's fault or that of one
    beside it, so that the page runs alone from then on, and only what happens there counts.
    """

    delays: tuple[float, ...] = ()
    counted: bool = True
    alone: bool = False


_AT_FIRST_S = 1.0

NEVER = Rule()
ONCE = Rule((0.0,))
PATIENT = Rule((0.5, 1, 2, 5, 10, 20, 30) + (60.0,) * 60, counted=False)  # an hour of outage

RULES: dict[str, Rule] = {
    # The next try would take as long; whoever wants it may ask for a retry.
    "cage_timeout": NEVER,
    # A child carries what earlier pages left in it: once more in a fresh one, then it is the page.
    "cage_memory": ONCE,
    "cage_crash": ONCE,
    # A fault of ours. Once more, in case it came from a moment's lack of something.
    "internal": Rule((1.0,)),
    # There is nothing before next month: until then it must not look as if it were at work.
    "quota_exceeded": NEVER,
    # It failed or hung over this page in particular, or so it seems: a few more tries, with time to recover.
    "engine_failed": Rule((2.0, 10.0)),
    "engine_timeout": Rule((5.0,)),
    # It went away over a reply. Who was there when it happens may be innocent; a page that takes it down
    # three times with nothing beside it is not. `quire model serve` bears five deaths in ten minutes.
    "engine_lost": Rule((2.0, 5.0), alone=True),
    # Somebody has to mend the setting; the work waits for it.
    "engine_unauthorized": PATIENT,
    "engine_model_missing": PATIENT,
    "engine_unavailable": PATIENT,
    "engine_overloaded": PATIENT,
    "cage_unavailable": PATIENT,
    "store_unavailable": PATIENT,
    "digest_mismatch": PATIENT,
}


def after(error: QuireError, attempts: int, setbacks: int, *, alone: bool = False) -> Later | None:
    """When to try again, or None to give up. ``attempts`` and ``setbacks``: failed tries before this one;
    ``alone``: this one ran with nothing beside it."""
    rule = RULES.get(error.code, _by_kind(error))
    if rule.alone and not alone:
        return Later(_AT_FIRST_S, counted=False, alone=True)
    used = attempts if rule.counted else setbacks
    if used >= len(rule.delays):
        return None
    delay = rule.delays[used]
    if error.retry_after_s is not None:
        delay = max(delay, error.retry_after_s)
    return Later(delay, rule.counted)


def _by_kind(error: QuireError) -> Rule:
    if isinstance(error, CageKilled):
        return ONCE
    # Others may have outages as well: that of a bucket that is being listed is waited for like our own.
    return PATIENT if isinstance(error, Unavailable) or error.retryable else NEVER
