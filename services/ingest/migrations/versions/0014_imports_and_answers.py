"""How far files of history are done, and what was answered under an Idempotency-Key."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE ingest.imports (
            tenant text NOT NULL,
            digest text NOT NULL,
            source text NOT NULL,
            file text NOT NULL,
            zone text NOT NULL,
            next_byte bigint NOT NULL,
            next_line bigint NOT NULL,
            events jsonb NOT NULL,
            refused bigint NOT NULL,
            named jsonb NOT NULL,
            offsets jsonb NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            changed_at timestamptz NOT NULL DEFAULT now(),
            finished_at timestamptz,
            PRIMARY KEY (tenant, digest)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE ingest.answers (
            source text NOT NULL,
            key text NOT NULL,
            fingerprint text NOT NULL,
            answer jsonb,
            begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (source, key)
        )
        """
    )
    op.execute("CREATE INDEX answers_by_age ON ingest.answers (begun_at)")


def downgrade() -> None:
    op.execute("DROP TABLE ingest.answers")
    op.execute("DROP TABLE ingest.imports")
