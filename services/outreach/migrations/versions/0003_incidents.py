"""Incidents: what customers have in common, what fired lately, what was found and whom it concerns.

Revision: 0003, after 0002. New tables only: no lock is waited for. Traits fill from customer.events, from the
start of the topic.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "outreach"
TIME = sa.DateTime(timezone=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _traits() -> None:
    op.create_table(
        "customer_traits",
        *(_text(name) for name in ("tenant", "customer_id", "kind")),
        sa.Column("trait_values", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "customer_id", "kind", name="pk_customer_traits"),
        schema=SCHEMA,
    )
    sample: list[str | sa.TextClause] = ["tenant", sa.text("hashtext(customer_id)")]
    op.create_index("ix_customer_traits_sample", "customer_traits", sample, schema=SCHEMA)


def _firings() -> None:
    op.create_table(
        "firings",
        *(_text(name) for name in ("trigger_id", "tenant", "customer_id", "rule")),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("fired_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("trigger_id", name="pk_firings"),
        schema=SCHEMA,
    )
    for columns in (("tenant", "rule", "fired_at"), ("tenant", "customer_id"), ("fired_at",)):
        op.create_index(f"ix_firings_{'_'.join(columns)}", "firings", list(columns), schema=SCHEMA)


def _incidents() -> None:
    op.create_table(
        "incidents",
        *(_text(name) for name in ("id", "tenant", "rule", "kind", "value", "reason")),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        _text("end", nullable=True),
        sa.Column("done_at", TIME, nullable=True),
        *(_text(name, nullable=True) for name in ("note", "author")),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["tenant", "rule", "kind", "value"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_incidents_queue",
        "incidents",
        ["opened_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("done_at IS NULL"),
    )


def _incident_customers() -> None:
    op.create_table(
        "incident_customers",
        *(_text(name) for name in ("incident_id", "trigger_id", "tenant", "customer_id")),
        sa.Column("joined_at", TIME, nullable=False),
        _text("intervention_id", nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "trigger_id", name="pk_incident_customers"),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["outreach.incidents.id"],
            name="fk_incident_customers_incident_id",
            ondelete="CASCADE",
        ),
        schema=SCHEMA,
    )
    for columns in (("trigger_id",), ("tenant", "customer_id")):
        name = f"ix_incident_customers_{'_'.join(columns)}"
        op.create_index(name, "incident_customers", list(columns), schema=SCHEMA)


def upgrade() -> None:
    _traits()
    _firings()
    _incidents()
    _incident_customers()


def downgrade() -> None:
    for table in ("incident_customers", "incidents", "firings", "customer_traits"):
        op.drop_table(table, schema=SCHEMA)
