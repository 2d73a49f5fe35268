"""What an answer means for the one document it was about, and for all the others."""

from quire_client import Document, Problem

# The key, the request, the address; or the client's patience with a busy service is at its end.
_OF_ALL = frozenset({401, 403, 405, 422, 429, 502, 503, 504})
_OURS = 500


def of_all(problem: Problem) -> bool:
    """The same would be said of every document."""
    return problem.status in _OF_ALL or problem.code in ("route_not_found", "http_error")


def of_ours(problem: Problem) -> bool:
    """The service's fault, not the document's: it may pass."""
    return problem.status >= _OURS


def fault_of(document: Document) -> tuple[str, str, bool]:
    """Why a document that has ended has no result: code, detail, whether another try may succeed."""
    error = document["error"]
    if error is None:  # somebody cancelled it
        return document["state"], f"the run was {document['state']}", True
    return error["code"], error["detail"], error["retryable"]
