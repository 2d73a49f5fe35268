"""The S3 client: its pool and patience, and its exceptions turned into ours."""

import re
import ssl
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from schemas.errors import NotFound, StoreUnavailable
from services.stores.s3_url import S3Location

_CONNECTIONS = 80
"""Above the 64 pages a process reads at once, so that none of them has to connect anew."""

_CONNECT_S = 3.0
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")


def connect(location: S3Location, *, public: bool = False) -> Minio:
    """A client, which connects when it is used. ``public``: to sign for those who see another address."""
    secure, host = location.secure, location.host
    if public and location.public is not None:
        scheme, _, host = location.public.partition("://")
        secure = scheme == "https"
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=location.timeout_s),
        maxsize=_CONNECTIONS,
        # Enough for a connection that had died in the pool and for a busy moment of the server. An outage is
        # for the patience of the workers: a thread that waits here can do nothing else.
        retries=urllib3.Retry(
            total=2,
            connect=1,
            read=1,
            status=2,
            redirect=0,
            backoff_factor=0.2,
            status_forcelist=(500, 502, 503, 504),
            respect_retry_after_header=False,
        ),
        ssl_context=ssl.create_default_context() if secure else None,
    )
    return Minio(
        host,
        location.access_key,
        location.secret_key,
        location.session_token,
        secure=secure,
        region=location.region,
        http_client=pool,
    )


@contextmanager
def translated(what: str = "the blob store") -> Iterator[None]:
    """Whatever the client raises becomes `NotFound`, for a key that is not there, or `StoreUnavailable`."""
    try:
        yield
    except MinioException as error:
        code = code_of(error)
        if code == "NoSuchKey":
            raise NotFound("blob_not_found", "the stored file is gone") from error
        said = f"{what} refused the request ({code})" if code else f"{what} answered nonsense"
        raise StoreUnavailable("store_unavailable", said) from error
    except MaxRetryError as error:
        why = "could not be reached"
        if isinstance(error.reason, SSLError):
            why = "does not speak https (http: secure=false), or its certificate is not trusted"
        raise StoreUnavailable("store_unavailable", f"{what} {why}") from error
    except (HTTPError, OSError, ET.ParseError, UnicodeDecodeError) as error:
        raise StoreUnavailable("store_unavailable", f"{what} could not be reached") from error


def code_of(error: MinioException) -> str | None:
    """S3's name of what went wrong; the client does not look for it in errors that are not called XML."""
    if isinstance(error, S3Error):
        return error.code
    found = _CODE.search(str(error))
    return found[1] if found else None
