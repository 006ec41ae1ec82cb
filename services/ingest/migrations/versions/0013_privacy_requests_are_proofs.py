"""What became of each privacy request, in counts; no reference is a person's id."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    ALTER TABLE ingest.privacy_requests
        ADD state text NOT NULL DEFAULT 'done',
        ADD counts jsonb NOT NULL DEFAULT '{}',
        ADD finished_at timestamptz
    """,
    # Shopify's own reference of a redaction is the customer's number.
    """
    UPDATE ingest.privacy_requests
    SET reference = 'h_' || left(encode(sha256(convert_to(reference, 'UTF8')), 'hex'), 24)
    WHERE kind = 'redact_customer' AND provider = 'shopify'
    """,
    # Until now these were recorded and nothing was done about them.
    "UPDATE ingest.privacy_requests SET state = 'open' WHERE kind = 'data_request'",
    "UPDATE ingest.privacy_requests SET state = 'running' WHERE kind = 'redact_shop'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE ingest.privacy_requests DROP state, DROP counts, DROP finished_at")
