"""The tables of outreach: the engine's and those of the timeline projection.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())
SCHEMA = "outreach"
TIME = sa.DateTime(timezone=True)


def _consumer_offsets() -> None:
    op.create_table(
        "consumer_offsets",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name="pk_consumer_offsets"),
        schema=SCHEMA,
    )


def _controls() -> None:
    op.create_table(
        "controls",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_controls"),
        schema=SCHEMA,
    )


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("snapshot", JSON, nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "customer_id", name="pk_customers"),
        schema=SCHEMA,
    )
    op.create_index("ix_customers_band_score", "customers", ["band", "score"], schema=SCHEMA)


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("playbook", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("intervention_id", sa.Text(), nullable=True),
        sa.Column("decided_at", TIME, nullable=False),
        sa.Column("trigger", JSON, nullable=False),
        sa.PrimaryKeyConstraint("trigger_id", name="pk_decisions"),
        schema=SCHEMA,
    )
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"], schema=SCHEMA)
    op.create_index(
        "ix_decisions_tenant_customer_id_decided_at",
        "decisions",
        ["tenant", "customer_id", "decided_at"],
        schema=SCHEMA,
    )


def _health_points() -> None:
    op.create_table(
        "health_points",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "customer_id", "at", name="pk_health_points"),
        schema=SCHEMA,
    )


def _interventions() -> None:
    op.create_table(
        "interventions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("playbook_version", sa.Integer(), nullable=False),
        sa.Column("trigger_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("owed", sa.Boolean(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closes_at", TIME, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("cleared_at", TIME, nullable=True),
        sa.Column("revenue_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("orders", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_interventions"),
        sa.UniqueConstraint("trigger_id", name="uq_interventions_trigger_id"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_interventions_open",
        "interventions",
        ["closes_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_interventions_opened_at", "interventions", ["opened_at"], schema=SCHEMA)
    op.create_index(
        "ix_interventions_tenant_customer_id_opened_at",
        "interventions",
        ["tenant", "customer_id", "opened_at"],
        schema=SCHEMA,
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("idempotency_key", name="uq_outbox_idempotency_key"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["kind", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("sent_at IS NULL"),
    )


def _profiles() -> None:
    op.create_table(
        "profiles",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("email_consent", sa.Boolean(), nullable=True),
        sa.Column("sms_consent", sa.Boolean(), nullable=True),
        sa.Column("external", JSON, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "customer_id", name="pk_profiles"),
        schema=SCHEMA,
    )


def _suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "customer_id", "channel", name="pk_suppressions"),
        schema=SCHEMA,
    )


def _timeline() -> None:
    op.create_table(
        "timeline",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "customer_id", "at", "ref", name="pk_timeline"),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (at)",
    )
    # What has no month of its own yet; ensure_partition moves it when the month is made.
    op.execute(f"CREATE TABLE {SCHEMA}.timeline_default PARTITION OF {SCHEMA}.timeline DEFAULT")


def _unsubscribe_tokens() -> None:
    op.create_table(
        "unsubscribe_tokens",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_unsubscribe_tokens"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_unsubscribe_tokens_customer",
        "unsubscribe_tokens",
        ["tenant", "customer_id"],
        unique=True,
        schema=SCHEMA,
    )


def _intervention_orders() -> None:
    op.create_table(
        "intervention_orders",
        sa.Column("intervention_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("placed_at", TIME, nullable=True),
        sa.Column("version_at", TIME, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("refunds", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["intervention_id"],
            [f"{SCHEMA}.interventions.id"],
            name="fk_intervention_orders_intervention_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("intervention_id", "order_id", name="pk_intervention_orders"),
        schema=SCHEMA,
    )


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("intervention_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["intervention_id"],
            [f"{SCHEMA}.interventions.id"],
            name="fk_messages_intervention_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        schema=SCHEMA,
    )
    op.create_index("ix_messages_created_at", "messages", ["created_at"], schema=SCHEMA)
    op.create_index("ix_messages_intervention_id", "messages", ["intervention_id"], schema=SCHEMA)
    op.create_index(
        "ix_messages_tenant_customer_id_created_at",
        "messages",
        ["tenant", "customer_id", "created_at"],
        schema=SCHEMA,
    )


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("intervention_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["intervention_id"],
            [f"{SCHEMA}.interventions.id"],
            name="fk_steps_intervention_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_steps_due", "steps", ["due_at"], schema=SCHEMA, postgresql_where=sa.text("status = 'pending'")
    )
    op.create_index(
        "ix_steps_intervention_id_position", "steps", ["intervention_id", "position"], schema=SCHEMA
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("intervention_id", sa.Text(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("script", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("escalated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("sentiment", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("completed_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["intervention_id"],
            [f"{SCHEMA}.interventions.id"],
            name="fk_tasks_intervention_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        schema=SCHEMA,
    )
    op.create_index("ix_tasks_intervention_id", "tasks", ["intervention_id"], schema=SCHEMA)
    op.create_index(
        "ix_tasks_queue",
        "tasks",
        [sa.text("priority DESC"), "due_at", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_tasks_tenant_customer_id_created_at",
        "tasks",
        ["tenant", "customer_id", "created_at"],
        schema=SCHEMA,
    )


TABLES = (
    _consumer_offsets,
    _controls,
    _customers,
    _decisions,
    _health_points,
    _interventions,
    _outbox,
    _profiles,
    _suppressions,
    _timeline,
    _unsubscribe_tokens,
    _intervention_orders,
    _messages,
    _steps,
    _tasks,
)


def upgrade() -> None:
    for create in TABLES:
        create()


def downgrade() -> None:
    for create in reversed(TABLES):
        op.drop_table(create.__name__[1:], schema=SCHEMA)
