"""A line of the spool for each process; what waits already is nobody's."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE ingest.spool ADD COLUMN line integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE ingest.spool DROP COLUMN line")
