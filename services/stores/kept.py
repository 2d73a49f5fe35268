"""Which documents there are: those neither deleted nor past their time, swept already or not."""

import sqlalchemy as sa

from services.stores.engine import now_us
from services.stores.tables import documents

WHOLE = documents.c.parts.is_(None)
"""What was not split: a scan of several documents is found, and counted, by its parts."""

KEPT = sa.and_(
    documents.c.deleted_at.is_(None),
    sa.or_(documents.c.expires_at.is_(None), documents.c.expires_at > now_us()),
)
