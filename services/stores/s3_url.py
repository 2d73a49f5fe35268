"""Where a bucket is and how to get in: `s3://KEY:SECRET@host:port/bucket/prefix?option=value`."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from services.settings import SettingsInvalid

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPTIONS = ("region", "secure", "public", "timeout")
_AWS = re.compile(r"(^|\.)amazonaws\.com(\.cn)?$")


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket, a prefix in it and the credentials; secrets are left out of its text."""

    host: str
    """With the port, if there is one."""

    secure: bool
    bucket: str
    prefix: str
    """Empty, or ending in a slash."""

    region: str | None
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False, default=None)
    public: str | None = None
    """Scheme and host under which clients reach the same server, for presigned URLs."""

    timeout_s: float = 10.0


def parse_s3_url(text: str, environment: Mapping[str, str], name: str) -> S3Location:
    """Raises `SettingsInvalid`, which says what is wrong with the setting ``name`` and never shows a secret.

    Without ``KEY:SECRET@`` the credentials are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary
    ones, AWS_SESSION_TOKEN; without ``region`` it is AWS_REGION or AWS_DEFAULT_REGION.
    """
    try:
        return _parse(text, environment)
    except ValueError as error:
        raise SettingsInvalid(detail=f"{name}: {error}") from None


def _parse(text: str, environment: Mapping[str, str]) -> S3Location:
    parts = _split(text)
    options = _options(parts.query)
    bucket, _, prefix = unquote(parts.path).strip("/").partition("/")
    if not bucket:
        raise ValueError("no bucket after the host (s3://host/bucket)")
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"{bucket[:63]!r} is not a bucket name (3 to 63 of a-z, 0-9, '-' and '.')")
    if any(segment in ("", ".", "..") for segment in prefix.split("/")) and prefix:
        raise ValueError("the prefix has an empty, '.' or '..' segment")
    key, secret, token = _credentials(parts, environment)
    host = parts.netloc.rpartition("@")[2]
    region = options.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region and not _AWS.search(parts.hostname or ""):
        region = "us-east-1"  # what servers outside of AWS take as "no region"
    return S3Location(
        host=host,
        secure=_flag(options.get("secure", "true")),
        bucket=bucket,
        prefix=f"{prefix}/" if prefix else "",
        region=region or None,
        access_key=key,
        secret_key=secret,
        session_token=token,
        public=_public(options.get("public")),
        timeout_s=_seconds(options.get("timeout", "10")),
    )


def _split(text: str) -> SplitResult:
    hint = "write '/', '+', '@' and ':' in key and secret as %2F, %2B, %40 and %3A"
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError(f"host or port is malformed; {hint}") from None
    if parts.scheme != "s3":
        raise ValueError("not an s3:// URL")
    if not host or port == 0:
        raise ValueError("no host (s3://host/bucket)")
    if parts.fragment or parts.netloc.count("@") > 1 or "@" in parts.path:
        raise ValueError(f"a '#' or '@' where none belongs; {hint}")
    return parts


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            near = difflib.get_close_matches(name, _OPTIONS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"unknown option {name[:40]!r} ({', '.join(_OPTIONS)}){hint}")
        if name in options:
            raise ValueError(f"option {name} twice")
        options[name] = value.strip()
    return options


def _credentials(parts: SplitResult, environment: Mapping[str, str]) -> tuple[str, str, str | None]:
    if parts.username is not None:
        if not parts.username or not parts.password:
            raise ValueError("a key without a secret, or the reverse (s3://KEY:SECRET@host/bucket)")
        return unquote(parts.username), unquote(parts.password), None
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        raise ValueError(
            "no credentials: put them into the URL (s3://KEY:SECRET@host/bucket) "
            "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return key, secret, environment.get("AWS_SESSION_TOKEN") or None


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("secure is true (https, the default) or false (http)")
    return text == "true"


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 300:
        raise ValueError("timeout is a number of seconds between 1 and 300")
    return seconds


def _public(text: str | None) -> str | None:
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("public is the address clients use, such as https://files.example.com")
    return f"{parts.scheme}://{parts.netloc}"
