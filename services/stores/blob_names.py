"""The name of a blob in a folder or a bucket."""

import re

from pipeline.ports import BlobKey
from schemas.ids import TenantId

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def blob_name(key: BlobKey) -> str:
    """`tenant/ab/cd/digest.generation`; no name is the beginning of another one's folder."""
    return f"{tenant_name(key.tenant)}/{key.digest[:2]}/{key.digest[2:4]}/{key.digest}.{key.generation}"


def tenant_name(tenant: TenantId) -> str:
    """One path segment per tenant. A digest is hexadecimal by type; a tenant's id may be anything."""
    return tenant if _PLAIN.fullmatch(tenant) else f"~{tenant.encode().hex()}"
