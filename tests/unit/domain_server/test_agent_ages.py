"""How far an agent is behind its server."""

import pytest

from vigie_server.domain.agent_ages import AgentAge, agent_age


@pytest.mark.parametrize(
    ("agent", "server", "age"),
    [
        ("1.4.0", "1.4.9", AgentAge.CURRENT),
        ("1.4.0rc1", "1.4.0", AgentAge.CURRENT),
        ("1.3.12", "1.4.0", AgentAge.PREVIOUS),
        ("1.2.0", "1.4.0", AgentAge.UNSUPPORTED),
        ("0.9.0", "1.0.0", AgentAge.UNSUPPORTED),
        ("1.10.0", "1.9.0", AgentAge.NEWER),
        ("2.0.0", "1.9.0", AgentAge.NEWER),
        ("", "1.4.0", AgentAge.UNKNOWN),
        ("dev", "1.4.0", AgentAge.UNKNOWN),
        ("1.4\n", "1.4.0", AgentAge.UNKNOWN),
        ("1.4.0", "", AgentAge.UNKNOWN),
    ],
)
def test_one_minor_version_behind_is_supported_and_no_more(
    agent: str, server: str, age: AgentAge
) -> None:
    assert agent_age(agent, server) is age
