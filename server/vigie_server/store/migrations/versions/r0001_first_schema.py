"""The first schema: sites, devices, certificates, tokens, evidence, verdicts and their history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("sites", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_api_token")),
        sa.UniqueConstraint("id", name=op.f("uq_api_token_id")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_api_token_secret_hash")),
    )
    op.create_table(
        "audit",
        sa.Column("key", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "site",
        sa.Column("key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_site")),
        sa.UniqueConstraint("name", name=op.f("uq_site_name")),
    )
    op.create_table(
        "enrolment_token",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("serials", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_key"], ["site.key"], name=op.f("fk_enrolment_token_site_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_enrolment_token")),
        sa.UniqueConstraint("id", name=op.f("uq_enrolment_token_id")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_enrolment_token_secret_hash")),
    )
    op.create_table(
        "device",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("token_key", KEY, nullable=True),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("os", sa.Text(), nullable=False),
        sa.Column("os_version", sa.Text(), nullable=False),
        sa.Column("chassis", sa.Text(), nullable=False),
        sa.Column("agent_version", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("hardware_serial", sa.Text(), nullable=False),
        sa.Column("hardware_uuid", sa.Text(), nullable=False),
        sa.Column("hardware_vendor", sa.Text(), nullable=False),
        sa.Column("hardware_model", sa.Text(), nullable=False),
        sa.Column("nomadic", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("spool_id", sa.LargeBinary(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("dropped_reports", sa.BigInteger(), nullable=False),
        sa.Column("boot_ids", sa.Text(), nullable=False),
        sa.Column("judged_with", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Text(), nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.Column("last_report_at", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("clock_skew_seconds", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_device_site_key")),
        sa.ForeignKeyConstraint(
            ["token_key"], ["enrolment_token.key"], name=op.f("fk_device_token_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_device")),
        sa.UniqueConstraint("id", name=op.f("uq_device_id")),
    )
    op.create_index("ix_device_hardware_serial", "device", ["hardware_serial"], unique=False)
    op.create_index("ix_device_hardware_uuid", "device", ["hardware_uuid"], unique=False)
    op.create_index("ix_device_judged_with", "device", ["judged_with"], unique=False)
    op.create_index("ix_device_site_key_state", "device", ["site_key", "state"], unique=False)
    op.create_table(
        "certificate",
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_certificate_device_key")
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_certificate")),
    )
    op.create_index("ix_certificate_device_key", "certificate", ["device_key"], unique=False)
    op.create_table(
        "conflict",
        sa.Column("key", KEY, nullable=False),
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("claimed_key", KEY, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["claimed_key"], ["device.key"], name=op.f("fk_conflict_claimed_key")
        ),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_conflict_device_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_conflict")),
    )
    op.create_index("ix_conflict_device_key", "conflict", ["device_key"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("spool_id", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("query_digest", sa.LargeBinary(), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_evidence_device_key")
        ),
        sa.PrimaryKeyConstraint("device_key", "revision", "topic", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_received_at", "evidence", ["received_at"], unique=False)
    op.create_table(
        "rejected_report",
        sa.Column("key", KEY, nullable=False),
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("spool_id", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_rejected_report_device_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rejected_report")),
    )
    op.create_index(
        "ix_rejected_report_device_key", "rejected_report", ["device_key"], unique=False
    )
    op.create_table(
        "snapshot",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_snapshot_device_key")
        ),
        sa.PrimaryKeyConstraint("device_key", "topic", name=op.f("pk_snapshot")),
    )
    op.create_table(
        "transition",
        sa.Column("key", KEY, nullable=False),
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("topic_versions", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("offending", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_transition_device_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_transition")),
    )
    op.create_index("ix_transition_at", "transition", ["at"], unique=False)
    op.create_index(
        "ix_transition_device_key_key", "transition", ["device_key", "key"], unique=False
    )
    op.create_table(
        "verdict",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("offending", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("topic_versions", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("evidence_at", sa.BigInteger(), nullable=True),
        sa.Column("next_check_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["device_key"], ["device.key"], name=op.f("fk_verdict_device_key")),
        sa.PrimaryKeyConstraint("device_key", "rule", name=op.f("pk_verdict")),
    )
    op.create_index("ix_verdict_next_check_at", "verdict", ["next_check_at"], unique=False)
    op.create_index("ix_verdict_rule_status", "verdict", ["rule", "status"], unique=False)
