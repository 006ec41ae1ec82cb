"""Sources, with their secrets encrypted."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE ingest.sources (
            name text PRIMARY KEY,
            provider text NOT NULL,
            tenant text NOT NULL,
            currency text NOT NULL,
            enabled boolean NOT NULL,
            topics text[] NOT NULL,
            per_second integer,
            burst integer,
            tokens text[] NOT NULL,
            backfill boolean NOT NULL,
            simulated boolean NOT NULL,
            phone_region text NOT NULL,
            same_as jsonb NOT NULL,
            api_key bytea,
            api_base text,
            created_at timestamptz NOT NULL DEFAULT now(),
            CHECK ((per_second IS NULL) = (burst IS NULL))
        )
        """
    )
    op.execute(
        """
        CREATE TABLE ingest.source_secrets (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            source text NOT NULL REFERENCES ingest.sources (name) ON DELETE CASCADE,
            sealed bytea NOT NULL,
            added_at timestamptz NOT NULL,
            retires_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX source_secrets_by_source ON ingest.source_secrets (source)")


def downgrade() -> None:
    op.execute("DROP TABLE ingest.source_secrets")
    op.execute("DROP TABLE ingest.sources")
