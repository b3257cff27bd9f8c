"""Lists: their orders and filters as indexes, what devices and rules come to as counts."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LISTED_BY = ["state", "platform", "compliant", "nomadic", "site_key"]
FAILING = sa.text("status = 'fail'")
COUNTS = ("passing", "failing", "waived", "unknown", "not_applicable")

GONE = (
    ("verdict", "ix_verdict_rule_status"),
    ("transition", "ix_transition_device_key_key"),
    ("transition", "ix_transition_at"),
    ("audit", "ix_audit_at"),
    ("attestation", "ix_attestation_site_key_item"),
    ("maturity_change", "ix_maturity_change_site_key_at"),
)
MADE = (
    ("device", "ix_device_by_id", ["id", *LISTED_BY]),
    ("device", "ix_device_by_hostname", ["hostname", "id", *LISTED_BY]),
    ("device", "ix_device_by_failing", ["failing", "id", *LISTED_BY]),
    ("verdict", "ix_verdict_rule_status_device_key", ["rule", "status", "device_key"]),
    ("transition", "ix_transition_device_key_at_key", ["device_key", "at", "key"]),
    ("transition", "ix_transition_at_key", ["at", "key"]),
    ("transition", "ix_transition_rule_at_key", ["rule", "at", "key"]),
    ("audit", "ix_audit_at_key", ["at", "key"]),
    ("audit", "ix_audit_subject_at_key", ["subject", "at", "key"]),
    ("audit", "ix_audit_actor_at_key", ["actor", "at", "key"]),
    ("attestation", "ix_attestation_site_key_item_key", ["site_key", "item", "key"]),
    ("waiver", "ix_waiver_site_key_key", ["site_key", "key"]),
    ("maturity_change", "ix_maturity_change_site_key_at_key", ["site_key", "at", "key"]),
    ("maturity", "ix_maturity_levels", ["site_key", "question", "level"]),
    ("device_group", "ix_device_group_name_key", ["name", "key"]),
)

# A device is compliant by the severities of rules, which are not in the store: it is worked out
# when the device is judged next, and the migration asks for that.
FIGURES = """
UPDATE device SET judged_with = '',
  passing = (SELECT count(*) FROM verdict v
             WHERE v.device_key = device.key AND v.status = 'pass'),
  failing = (SELECT count(*) FROM verdict v
             WHERE v.device_key = device.key AND v.status = 'fail'),
  unknown = (SELECT count(*) FROM verdict v
             WHERE v.device_key = device.key AND v.status = 'unknown')"""
SITES = """
INSERT INTO rule_count (site_key, rule, passing, failing, waived, unknown, not_applicable)
SELECT d.site_key, v.rule,
  sum(CASE WHEN v.status = 'pass' THEN 1 ELSE 0 END),
  sum(CASE WHEN v.status = 'fail' AND NOT v.waived THEN 1 ELSE 0 END),
  sum(CASE WHEN v.status = 'fail' AND v.waived THEN 1 ELSE 0 END),
  sum(CASE WHEN v.status = 'unknown' THEN 1 ELSE 0 END),
  sum(CASE WHEN v.status = 'not_applicable' THEN 1 ELSE 0 END)
FROM verdict v JOIN device d ON d.key = v.device_key
WHERE d.state <> 'retired'
GROUP BY d.site_key, v.rule"""
EVERY_SITE = """
INSERT INTO rule_count (site_key, rule, passing, failing, waived, unknown, not_applicable)
SELECT 0, rule, sum(passing), sum(failing), sum(waived), sum(unknown), sum(not_applicable)
FROM rule_count GROUP BY rule"""


def upgrade() -> None:
    for name in ("passing", "failing", "unknown"):
        op.add_column("device", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("device", sa.Column("compliant", sa.Boolean(), nullable=True))
    if op.get_context().dialect.name == "postgresql":
        op.execute('ALTER TABLE device ALTER COLUMN hostname TYPE text COLLATE "C"')
    op.create_table(
        "rule_count",
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.PrimaryKeyConstraint("site_key", "rule", name=op.f("pk_rule_count")),
    )
    for statement in (FIGURES, SITES, EVERY_SITE):
        op.execute(statement)
    for table, name in GONE:
        op.drop_index(name, table_name=table)
    for table, name, columns in MADE:
        op.create_index(name, table, columns, unique=False)
    op.create_index(
        "ix_verdict_failing",
        "verdict",
        ["device_key", "rule", "waived"],
        unique=False,
        sqlite_where=FAILING,
        postgresql_where=FAILING,
    )
