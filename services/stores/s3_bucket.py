"""The bucket itself: whether it is there and does what it must, and making it."""

import io
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from minio.error import MinioException

from schemas.errors import NotFound, StoreUnavailable
from services.stores.s3_client import code_of, connect, translated
from services.stores.s3_url import S3Location

_PATIENCE_S = 3.0
_PROBE = b"quire doctor"


def probe(location: S3Location) -> None:
    """Write, read and delete a small object; raises `StoreUnavailable`, which says what did not work."""
    client, bucket = connect(replace(location, timeout_s=_PATIENCE_S)), location.bucket
    name = f"{location.prefix}doctor/{uuid4().hex}"
    with translated(f"the bucket {bucket}"):
        if not client.bucket_exists(bucket):
            raise StoreUnavailable(
                "bucket_missing",
                f"there is no bucket {bucket} on {location.host}; make it with your provider's tools, "
                "or with `quire migrate --make-bucket`",
            )
        client.put_object(bucket, name, io.BytesIO(_PROBE), len(_PROBE))
    try:
        with translated(f"reading from the bucket {bucket}"):
            response = client.get_object(bucket, name)
            read = response.read()
            response.release_conn()
    except NotFound:
        read = b""
    if read != _PROBE:
        raise StoreUnavailable("store_unavailable", f"what was written to the bucket {bucket} is not there")
    with suppress(NotFound), translated(f"deleting from the bucket {bucket}"):
        client.remove_object(bucket, name)


def make(location: S3Location) -> bool:
    """Make the bucket; False if it is there already."""
    client = connect(location)
    with translated(f"making the bucket {location.bucket}"):
        if client.bucket_exists(location.bucket):
            return False
        try:
            client.make_bucket(location.bucket)
        except MinioException as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":  # somebody was quicker
                raise
            return False
    return True
