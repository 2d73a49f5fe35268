"""Schemas under names of the tenant's, in versions.

Revision: named_schemas
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import Json, Key

revision = "named_schemas"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schema_names",
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("name", Key, nullable=False),
        sa.Column("newest", sa.Integer(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("pk_schema_names")),
    )
    op.create_table(
        "schema_versions",
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("name", Key, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", Key, nullable=False),
        sa.Column("schema", Json, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "name"],
            ["schema_names.tenant_id", "schema_names.name"],
            name=op.f("fk_schema_versions_tenant_id_name"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "name", "version", name=op.f("pk_schema_versions")),
    )


def downgrade() -> None:
    op.drop_table("schema_versions")
    op.drop_table("schema_names")
