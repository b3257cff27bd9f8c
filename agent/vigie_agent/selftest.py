"""Whether this copy of the agent is whole: each part is made to work once, in a folder of its own.

For what is built to be installed: a library or a file that was left out of it would otherwise show
on the devices, and only on the day when it is needed. No server takes part; TLS is spoken with
ourselves over loopback. The device's own identity and spool are not looked at.
"""

import asyncio
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from pkgutil import walk_packages
from typing import Final

import vigie_agent
from vigie_agent import bundled, clock
from vigie_agent.bootstrap.agent import agent_version, collection
from vigie_agent.bootstrap.engine import platform_name
from vigie_agent.domain.answers import QueryError
from vigie_agent.engines.osqueryd_own import carried_osqueryd
from vigie_agent.settings import AgentSettings, EngineKind, EngineSettings

_ASKED: Final = "SELECT name, version, platform FROM os_version"
_NOT_ON_WINDOWS: Final = frozenset({"vigie_agent.engines.extension_server"})
"""It has no sockets of files: nothing there asks for this module."""
_SAID: Final = b"vigie"
_SPOOL_BYTES: Final = 1024 * 1024


class NotWhole(Exception):
    """Something that this copy should have or do, and does not."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How one part did."""

    part: str
    told: str
    works: bool


def trials(folder: Path) -> Iterator[Trial]:
    """Each part in turn, tried in the empty `folder`."""
    for part, works in _PARTS.items():
        try:
            yield Trial(part, works(folder), works=True)
        except Exception as error:  # noqa: BLE001 (whatever is broken is the finding)
            yield Trial(part, f"{type(error).__name__}: {error}", works=False)


def _release(_: Path) -> str:
    return f"{agent_version()} (Python {platform.python_version()})"


def _modules(_: Path) -> str:
    names = [found.name for found in walk_packages(vigie_agent.__path__, "vigie_agent.")]
    if not names:
        raise NotWhole("the agent's own modules cannot be listed")
    here = [name for name in names if sys.platform != "win32" or name not in _NOT_ON_WINDOWS]
    for name in here:
        import_module(name)
    return f"{len(here)} load"


def _data(folder: Path) -> str:
    questions = bundled.read_questions(bundled.folder("questions"))
    packs = bundled.read_packs(bundled.folder("packs"))
    topics = bundled.read_topics(bundled.folder("topics"))
    if not (packs and topics and questions):
        raise NotWhole("packs, topics or questions are missing")
    with collection(_settings(folder)) as parts:
        plan = parts.orders.plan()
    here = {name for name, topic in topics.items() if topic.parts_on(platform_name())}
    wanting = [f"nothing asks for {name}" for name in sorted(here - plan.topics.keys())]
    wanting += [f"{name} is not declared" for name in sorted(plan.topics.keys() - topics.keys())]
    if plan.problems or wanting:
        raise NotWhole("; ".join([*plan.problems, *wanting]))
    return f"{len(packs)} packs, {len(topics)} topics, {len(questions)} questions"


def _engine(folder: Path) -> str:
    return _answer(_settings(folder))


def _osqueryd(folder: Path) -> str:
    program = carried_osqueryd()
    if program is None:
        from osquery.extensions.ExtensionManager import Client  # noqa: PLC0415

        return f"none is carried; an installed one is spoken to by {Client.__name__} of osquery"
    engine = EngineSettings(kind=EngineKind.OSQUERYD, osqueryd=program)
    return _answer(AgentSettings(data_dir=folder, engine=engine))


def _answer(settings: AgentSettings) -> str:
    with collection(settings) as parts:
        answer = asyncio.run(parts.ask(_ASKED, timeout=settings.collect.query_timeout))
        name = f"{parts.engine.name} {parts.engine.version}".strip()
    if isinstance(answer, QueryError) or not answer.rows:
        raise NotWhole(f"{name}: {answer}")
    row = answer.rows[0]
    return f"{name} answers: {row['name']} {row['version']}"


def _spool(folder: Path) -> str:
    from vigie_agent.domain.snapshot import Report, Snapshot, Status  # noqa: PLC0415
    from vigie_agent.spool.sqlite import SqliteSpool  # noqa: PLC0415

    snapshot = Snapshot.of(
        topic="selftest",
        topic_version=1,
        status=Status.OK,
        columns=("said",),
        rows=[(_SAID.decode(),)],
    )
    path = folder / "spool.db"
    spool = SqliteSpool(path, max_bytes=_SPOOL_BYTES)
    spool.append(Report(clock.utc_now(), clock.boot_id(), clock.boot_clock(), (snapshot,)))
    spool.close()
    reopened = SqliteSpool(path, max_bytes=_SPOOL_BYTES)
    try:
        (entry,) = reopened.claim(limit=2)
    finally:
        reopened.close()
    if entry.report.snapshots[0].digest != snapshot.digest:
        raise NotWhole("the spool gave back something else than what was kept")
    return "keeps a report and gives it back"


def _identity(_: Path) -> str:
    from vigie_agent.identity import keys  # noqa: PLC0415

    request = keys.signing_request(keys.new_key())
    return f"makes a key and a signing request of {len(request)} bytes"


def _link(_: Path) -> str:
    key, certificate = _loopback_identity()
    if asyncio.run(_echoed(key, certificate)) != _SAID:
        raise NotWhole("what came back over TLS is not what was sent")
    return "gRPC speaks mutual TLS"


def _loopback_identity() -> tuple[bytes, bytes]:
    """A key and a certificate of its own signature for 127.0.0.1, PEM."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    from vigie_agent.identity.keys import new_key  # noqa: PLC0415

    key = new_key()
    private = serialization.load_pem_private_key(key, password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)  # noqa: S101 (what new_key makes)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vigie-agent selftest")])
    begins = datetime.now(UTC) - timedelta(days=1)  # noqa: TID251 (TLS looks at the real clock)
    signed = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(private, hashes.SHA256())
    )
    return key, signed.public_bytes(serialization.Encoding.PEM)


async def _echoed(key: bytes, certificate: bytes) -> bytes:
    import grpc  # noqa: PLC0415

    from vigie_agent.link.channel import CALL_TIMEOUT, channel  # noqa: PLC0415
    from vigie_agent.link.proxies import Proxies  # noqa: PLC0415

    async def echo(request: bytes, _: object) -> bytes:
        return request

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(echo)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("vigie.SelfTest", {"Echo": handler}),)
    )
    accepted = grpc.ssl_server_credentials([(key, certificate)], certificate, True)  # noqa: FBT003
    port = server.add_secure_port("127.0.0.1:0", accepted)
    await server.start()
    try:
        shown = grpc.ssl_channel_credentials(certificate, key, certificate)
        async with channel(f"127.0.0.1:{port}", shown, Proxies("")) as opened:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = opened.unary_unary(
                "/vigie.SelfTest/Echo"
            )
            return await call(_SAID, timeout=CALL_TIMEOUT)
    finally:
        await server.stop(None)


def _settings(folder: Path) -> AgentSettings:
    """The engine that this system's agent has by itself: its own on Linux, else an osqueryd."""
    kind = EngineKind.EMBEDDED if platform_name() == "linux" else EngineKind.AUTO
    return AgentSettings(data_dir=folder, engine=EngineSettings(kind=kind))


_PARTS: Final[Mapping[str, Callable[[Path], str]]] = {
    "release": _release,
    "modules": _modules,
    "packs": _data,
    "engine": _engine,
    "osqueryd": _osqueryd,
    "spool": _spool,
    "identity": _identity,
    "link": _link,
}
