"""Identities, customers, the spool, dead letters and privacy requests."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    # One row per identifier; `object` rows (orders, tickets) lead to a customer but are no identity.
    """
    CREATE TABLE ingest.identities (
        tenant text NOT NULL,
        kind text NOT NULL,
        value text NOT NULL,
        customer_id text NOT NULL,
        object boolean NOT NULL DEFAULT false,
        shared boolean NOT NULL DEFAULT false,
        detail text,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant, kind, value)
    )
    """,
    "CREATE INDEX identities_of_customer ON ingest.identities (tenant, customer_id)",
    "CREATE INDEX identities_by_value ON ingest.identities (value)",
    """
    CREATE TABLE ingest.customers (
        tenant text NOT NULL,
        customer_id text NOT NULL,
        profile jsonb NOT NULL DEFAULT '{}',
        merged_into text,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant, customer_id)
    )
    """,
    """
    CREATE TABLE ingest.spool (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        topic text NOT NULL,
        key bytea NOT NULL,
        value bytea,
        spooled_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE ingest.dead_letters (
        reference text PRIMARY KEY,
        tenant text NOT NULL,
        source text NOT NULL,
        provider text NOT NULL,
        reason text NOT NULL,
        detail text NOT NULL,
        headers jsonb NOT NULL,
        body bytea NOT NULL,
        at timestamptz NOT NULL,
        stored_at timestamptz NOT NULL DEFAULT now(),
        published_at timestamptz
    )
    """,
    "CREATE INDEX dead_letters_unpublished ON ingest.dead_letters (stored_at) WHERE published_at IS NULL",
    "CREATE INDEX dead_letters_newest ON ingest.dead_letters (stored_at)",
    """
    CREATE TABLE ingest.privacy_requests (
        tenant text NOT NULL,
        provider text NOT NULL,
        kind text NOT NULL,
        reference text NOT NULL,
        customer_id text,
        received_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant, provider, kind, reference)
    )
    """,
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in ("privacy_requests", "dead_letters", "spool", "customers", "identities"):
        op.execute(f"DROP TABLE ingest.{table}")
