"""Files that are made for one answer, and are gone once it was given, however that went."""

from pathlib import Path

from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send


class Passing(FileResponse):
    """Whole, whatever range is asked for: a second request would make the file anew."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [header for header in scope["headers"] if header[0] not in (b"range", b"if-range")]
        try:
            await super().__call__({**scope, "headers": headers}, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)
