"""Which of a provider's accounts a source is for."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE ingest.sources ADD COLUMN account text")


def downgrade() -> None:
    op.execute("ALTER TABLE ingest.sources DROP COLUMN account")
