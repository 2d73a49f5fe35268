"""What Schemathesis cannot know of Quire: files that can be read, and refusals no JSON Schema can foresee.

Loaded by it as SCHEMATHESIS_HOOKS=tests.bench.api_hooks (see `tests.bench.api`).
"""

import base64
from typing import Any

import schemathesis
from hypothesis import strategies as st

from services.api.examples import SMALL_PDF
from tests.samples.archives import zipped
from tests.samples.invoice import invoice_pdf

_PDF = base64.b64decode(SMALL_PDF)
_ZIP = zipped({"a.pdf": _PDF, "b/c.pdf": _PDF, "notes.txt": b"no document"})
_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_FILES = [invoice_pdf(), _PDF, _ZIP, _GIF, b"neither"]

schemathesis.openapi.format("binary", st.sampled_from(_FILES))
schemathesis.openapi.format("byte", st.sampled_from([base64.b64encode(file).decode() for file in _FILES]))

FORESEEN = {
    "base64_malformed": "drawn texts are seldom base64",
    "correction_unfit": "what a field takes, the document's schema says",
    "cursor_invalid": "cursors are opaque: only the page before knows one",
    "document_expired": "posted with the shortest time to be kept, or just deleted",
    "engine_unknown": "which engines there are, the settings say",
    "etag_malformed": "an empty header is drawn in spite of the pattern",
    "idempotency_key_reused": "the key came with another request before",
    "no_words": "a text of signs alone has no words",
    "operand_missing": "in an address, a parameter cannot ask for another",
    "page_out_of_range": "how many pages there are, the document says",
    "pages_malformed": "a range that runs backwards",
    "pages_out_of_range": "how many pages there are, the document says",
    "query_contradiction": "members that exclude each other, as docs/query.md says",
    "repeated": "a form says it in `request` or in a field of its own, not in both",
    "schema_invalid": "which keywords there are, docs/schemas.md says",
    "schema_unknown": "which schemas there are, the tenant's say",
    "source_refused": "addresses are invented: the guard and the list of buckets refuse them",
    "target_refused": "so are receivers of webhooks",
    "type_mismatch": "which type a field has, documents say",
    "unsupported": "this service has no bucket to upload to",
    "unsupported_media_type": "what a file is, its bytes say",
    "value_error": "a rule between members, told in words",
    "version_mismatch": "a precondition asked whether a version is the newest",
}
"""Codes of problems that answer well-formed requests, with the reason. Any other refusal is a failure."""


@schemathesis.hook  # type: ignore[untyped-decorator]  # an extra that may not be installed
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """False: a well-formed request was refused for a reason that its schema cannot express."""
    if failure.code != "ST202":
        return True
    problem = response.json()
    faults = {error["code"] for error in problem["errors"]}
    return problem["code"] not in FORESEEN and not (faults and faults <= FORESEEN.keys())
