"""Dead letters know their topic, how their bytes were proven, and what became of them."""

from alembic import op

revision = "0012"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # A letter that is redriven, dropped or erased keeps this record; its bytes go.
    """
    ALTER TABLE ingest.dead_letters
        ADD topic text,
        ADD verified_at timestamptz,
        ADD sha256 bytea,
        ADD state text NOT NULL DEFAULT 'waiting',
        ADD attempts integer NOT NULL DEFAULT 0,
        ADD tried_at timestamptz,
        ADD settled_at timestamptz,
        ADD result jsonb NOT NULL DEFAULT '{}',
        ALTER body DROP NOT NULL
    """,
    "CREATE INDEX dead_letters_waiting ON ingest.dead_letters (reason, stored_at) WHERE state = 'waiting'",
)
_BACK = """
    ALTER TABLE ingest.dead_letters
        DROP topic, DROP verified_at, DROP sha256, DROP state, DROP attempts, DROP tried_at, DROP settled_at,
        DROP result, ALTER body SET NOT NULL
"""


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX ingest.dead_letters_waiting")
    op.execute("DELETE FROM ingest.dead_letters WHERE body IS NULL")
    op.execute(_BACK)
