"""Live questions and their answers."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "question",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("approved", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sql", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("timeout_seconds", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_question")),
        sa.UniqueConstraint("id", name=op.f("uq_question_id")),
    )
    op.create_index("ix_question_until", "question", ["until"])
    op.create_table(
        "question_answer",
        sa.Column("question_key", KEY, nullable=False),
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["question_key"], ["question.key"], name=op.f("fk_question_answer_question_key")
        ),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_question_answer_device_key")
        ),
        sa.PrimaryKeyConstraint("question_key", "device_key", name=op.f("pk_question_answer")),
    )
    op.create_index(
        "ix_question_answer_question_key_answered_at",
        "question_answer",
        ["question_key", "answered_at"],
    )
    op.create_table(
        "free_questions",
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("allowed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_key"], ["site.key"], name=op.f("fk_free_questions_site_key")
        ),
        sa.PrimaryKeyConstraint("site_key", name=op.f("pk_free_questions")),
    )
