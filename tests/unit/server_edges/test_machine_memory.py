"""What a process may use is the container's part where there is one."""

from pathlib import Path

from vigie_server.machine_memory import memory_bytes


def test_a_container_has_its_limit(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("67108864\n")

    assert memory_bytes(limit) == 64 * 1024**2


def test_without_a_limit_it_is_the_machine(tmp_path: Path) -> None:
    unlimited = tmp_path / "memory.max"
    unlimited.write_text("max\n")

    assert memory_bytes(unlimited) == memory_bytes(tmp_path / "nothing") > 64 * 1024**2
