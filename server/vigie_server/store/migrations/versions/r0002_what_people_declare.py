"""What people declare of sites and devices, and what follows for a whole site."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "body",
        sa.Column("key", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_body")),
        sa.UniqueConstraint("name", name=op.f("uq_body_name")),
    )
    op.create_table(
        "parameter_override",
        sa.Column("key", KEY, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_key", KEY, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_parameter_override")),
        sa.UniqueConstraint(
            "scope",
            "scope_key",
            "rule",
            "name",
            name=op.f("uq_parameter_override_scope_scope_key_rule_name"),
        ),
    )
    op.create_table(
        "device_group",
        sa.Column("key", KEY, nullable=False),
        sa.Column("site_key", KEY, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_device_group_site_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_device_group")),
        sa.UniqueConstraint("site_key", "name", name=op.f("uq_device_group_site_key_name")),
    )
    op.create_table(
        "incident",
        sa.Column("key", KEY, nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_incident_site_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_incident")),
        sa.UniqueConstraint("site_key", "number", name=op.f("uq_incident_site_key_number")),
    )
    op.create_table(
        "inventory_review",
        sa.Column("key", KEY, nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("inventory", sa.Text(), nullable=False),
        sa.Column("complement", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_key"], ["site.key"], name=op.f("fk_inventory_review_site_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_inventory_review")),
    )
    op.create_index(
        "ix_inventory_review_site_key_inventory",
        "inventory_review",
        ["site_key", "inventory"],
        unique=False,
    )

    op.create_table(
        "mail_domain",
        sa.Column("key", KEY, nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("selectors", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_mail_domain_site_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_mail_domain")),
        sa.UniqueConstraint("site_key", "domain", name=op.f("uq_mail_domain_site_key_domain")),
    )
    op.create_table(
        "maturity",
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_maturity_site_key")),
        sa.PrimaryKeyConstraint("site_key", "question", name=op.f("pk_maturity")),
    )
    op.create_table(
        "maturity_change",
        sa.Column("key", KEY, nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("question", sa.Integer(), nullable=False),
        sa.Column("before", sa.Integer(), nullable=True),
        sa.Column("after", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_key"], ["site.key"], name=op.f("fk_maturity_change_site_key")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_maturity_change")),
    )
    op.create_index(
        "ix_maturity_change_site_key_at", "maturity_change", ["site_key", "at"], unique=False
    )

    op.create_table(
        "site_verdict",
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_site_verdict_site_key")),
        sa.PrimaryKeyConstraint("site_key", "rule", name=op.f("pk_site_verdict")),
    )
    op.create_table(
        "waiver",
        sa.Column("key", KEY, nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_waiver_site_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_waiver")),
    )
    op.create_index("ix_waiver_expires_at", "waiver", ["expires_at"], unique=False)
    op.create_index("ix_waiver_site_key_rule", "waiver", ["site_key", "rule"], unique=False)

    op.create_table(
        "attestation",
        sa.Column("key", KEY, nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("group_key", KEY, nullable=True),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_key"], ["device_group.key"], name=op.f("fk_attestation_group_key")
        ),
        sa.ForeignKeyConstraint(["site_key"], ["site.key"], name=op.f("fk_attestation_site_key")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attestation")),
    )
    op.create_index("ix_attestation_expires_at", "attestation", ["expires_at"], unique=False)
    op.create_index(
        "ix_attestation_site_key_item", "attestation", ["site_key", "item"], unique=False
    )

    op.create_table(
        "mail_verdict",
        sa.Column("domain_key", KEY, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_key"], ["mail_domain.key"], name=op.f("fk_mail_verdict_domain_key")
        ),
        sa.PrimaryKeyConstraint("domain_key", "rule", name=op.f("pk_mail_verdict")),
    )
    op.create_table(
        "asset_card",
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_asset_card_device_key")
        ),
        sa.PrimaryKeyConstraint("device_key", name=op.f("pk_asset_card")),
    )
    op.create_table(
        "waived_device",
        sa.Column("waiver_key", KEY, nullable=False),
        sa.Column("device_key", KEY, nullable=False),
        sa.Column("rows", sa.Text(), nullable=False),
        sa.Column("reopened_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_key"], ["device.key"], name=op.f("fk_waived_device_device_key")
        ),
        sa.ForeignKeyConstraint(
            ["waiver_key"], ["waiver.key"], name=op.f("fk_waived_device_waiver_key")
        ),
        sa.PrimaryKeyConstraint("waiver_key", "device_key", name=op.f("pk_waived_device")),
    )
    op.create_index("ix_waived_device_device_key", "waived_device", ["device_key"], unique=False)

    op.add_column("device", sa.Column("declared_nomadic", sa.Boolean(), nullable=True))
    op.add_column("device", sa.Column("presence", sa.Text(), nullable=False, server_default=""))
    op.add_column("device", sa.Column("presence_at", sa.BigInteger(), nullable=True))
    op.add_column("device", sa.Column("last_off_site_at", sa.BigInteger(), nullable=True))

    op.add_column("site", sa.Column("body_key", KEY, nullable=True))
    op.add_column("site", sa.Column("region", sa.Text(), nullable=False, server_default=""))
    op.add_column("site", sa.Column("finess", sa.Text(), nullable=False, server_default=""))
    op.add_column("site", sa.Column("networks", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("site", sa.Column("gateways", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("site", sa.Column("declared_devices", sa.Integer(), nullable=True))
    op.add_column("site", sa.Column("contacts", sa.Text(), nullable=False, server_default="[]"))

    op.add_column("verdict", sa.Column("passing_since", sa.BigInteger(), nullable=True))
    op.add_column(
        "verdict", sa.Column("waived", sa.Boolean(), nullable=False, server_default=sa.false())
    )
