"""With each point of the score line, the points of each signal; what was kept before has none.

Revision: 0002, after 0001. Waits for locks at most as long as env.py says; a column without a default
rewrites no row.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "health_points",
        sa.Column("signal_points", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        schema="outreach",
    )


def downgrade() -> None:
    op.drop_column("health_points", "signal_points", schema="outreach")
