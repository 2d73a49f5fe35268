"""What queries and searches read: fields in comparable columns, the words of pages.

Revision: queries
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from services.stores.columns import CleanText, Key, Serial

revision = "queries"
down_revision = "holders_of_keys"
branch_labels = None
depends_on = None

_VALUES = ("number", "folded", "date", "confidence")

# FTS5 keeps its own copy of nothing: it reads `page_words` by id, and has to be told what goes.
_SQLITE = (
    (
        "CREATE VIRTUAL TABLE page_search USING fts5(words, content='page_words', content_rowid='id',"
        " tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* Co'\")"
    ),
    "CREATE TABLE page_search_stale (since INTEGER NOT NULL)",
    (
        "CREATE TRIGGER page_words_added AFTER INSERT ON page_words BEGIN"
        " INSERT INTO page_search(rowid, words) VALUES (new.id, new.words); END"
    ),
    (
        "CREATE TRIGGER page_words_gone AFTER DELETE ON page_words BEGIN"
        " INSERT INTO page_search(page_search, rowid, words) VALUES ('delete', old.id, old.words);"
        " INSERT INTO page_search_stale SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM page_search_stale); END"
    ),
)


def upgrade() -> None:
    with op.batch_alter_table("documents") as documents:
        documents.add_column(sa.Column("finished_run_id", Key, nullable=True))
    op.create_index("ix_documents_finished_run_id", "documents", ["finished_run_id"])
    op.drop_index("ix_fields_tenant_id_path_scaled", "fields")
    with op.batch_alter_table("fields") as fields:
        fields.add_column(
            sa.Column("item_head", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )
        fields.add_column(sa.Column("folded", CleanText(), nullable=True))
        fields.add_column(sa.Column("folded_rest", CleanText(), nullable=True))
    for name in _VALUES:
        filled = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_fields_{name}",
            "fields",
            ["tenant_id", "path", name, "document_id"],
            sqlite_where=filled,
            postgresql_where=filled,
        )
    heads = sa.text("item_head")
    op.create_index(
        "ix_fields_items",
        "fields",
        ["tenant_id", "list_path", "document_id", "item_index"],
        sqlite_where=heads,
        postgresql_where=heads,
    )
    op.create_table(
        "field_paths",
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("path", CleanText(), nullable=False),
        sa.Column("type", Key, nullable=False),
        sa.Column("list_path", CleanText(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "path", "type", name=op.f("pk_field_paths")),
    )
    _words()


def _words() -> None:
    op.create_table(
        "page_words",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("document_id", Key, nullable=False),
        sa.Column("run_id", Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_page_words_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page_words")),
    )
    op.create_index("uq_page_words_run_id_number", "page_words", ["run_id", "number"], unique=True)
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement)
    else:
        op.execute("CREATE INDEX ix_page_words_words ON page_words USING gin (words)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("page_search", "page_search_stale"):
            op.execute(f"DROP TABLE {name}")
    op.drop_table("page_words")
    op.drop_table("field_paths")
    for name in (*_VALUES, "items"):
        op.drop_index(f"ix_fields_{name}", "fields")
    with op.batch_alter_table("fields") as fields:
        for name in ("folded_rest", "folded", "item_head"):
            fields.drop_column(name)
    op.create_index("ix_fields_tenant_id_path_scaled", "fields", ["tenant_id", "path", "scaled"])
    op.drop_index("ix_documents_finished_run_id", "documents")
    with op.batch_alter_table("documents") as documents:
        documents.drop_column("finished_run_id")
