"""What `vigie-sim` prints of a run, for people."""

from collections.abc import Iterator

from vigie_server.simulator.tally import Tally
from vigie_server.simulator.usage import Usage

_MIB = 2**20


def progress(tally: Tally, server: Usage | None) -> str:
    """One line on a run so far."""
    parts = [
        f"{tally.seconds:7.0f} s",
        f"{tally.visits} visits",
        f"{tally.acked} acked",
        f"{tally.connected} connected",
        f"{sum(tally.errors.values())} errors",
        f"ack {tally.acks.told()}",
        f"cpu {tally.cpu_seconds:.1f} s",
    ]
    if server is not None:
        parts.append(f"server {server.cpu_seconds:.1f} s, {server.resident_bytes / _MIB:.0f} MiB")
    return " | ".join(parts)


def summary(tally: Tally, server: Usage | None) -> Iterator[str]:
    """The lines on a run that has ended."""
    seconds = tally.seconds
    arriving = max(tally.arriving, 1e-3)
    yield f"{tally.arrivals} arrivals in {arriving:.0f} s, {tally.arrivals / arriving:.1f} a second"
    yield (
        f"{tally.visits} visits, {tally.acked} answers in {tally.reports} reports acknowledged "
        f"({tally.whole} whole, {tally.resent} asked for again), {tally.heartbeats} heartbeats"
    )
    yield f"intended to acknowledged  {tally.acks.told()}"
    yield f"connecting to welcome     {tally.greetings.told()}"
    if tally.slow.count:
        yield f"slow and broken devices   {tally.slow.told()}"
    yield f"this simulator late by    {tally.lag.told()}"
    if tally.undelivered:
        yield f"{tally.undelivered} answers were due and not acknowledged when the run ended"
    if tally.waited:
        yield f"{tally.waited} visits waited for a free connection of this simulator"
    for what, count in tally.errors.most_common():
        yield f"error, {count} times: {what}"
    if not tally.errors:
        yield "no errors"
    for what, count in sorted(tally.troubles.items()):
        yield f"broken on purpose, {count} times: {what}"
    yield f"simulator: {_spent(tally.cpu_seconds, tally.visits)}"
    if server is not None:
        cpu, resident, peak = server.cpu_seconds, server.resident_bytes, server.peak_bytes
        yield (
            f"server: {_spent(cpu, tally.visits)}, {cpu / seconds:.2f} of a core; "
            f"{resident / _MIB:.0f} MiB resident, at most {peak / _MIB:.0f}"
        )


def fault(tally: Tally) -> str | None:
    """Why a run that has ended is no success; None when it is one."""
    errors = sum(tally.errors.values())
    if not tally.acked:
        if not tally.arrivals:
            return "nothing was delivered: no device was due, let it run for longer"
        return f"nothing was delivered, with {errors} error(s): is the server there, and which?"
    if errors:
        return f"{errors} error(s), told above"
    return None


def _spent(cpu: float, visits: int) -> str:
    each = f", {cpu / visits * 1e3:.2f} ms a visit" if visits else ""
    return f"{cpu:.1f} s of CPU{each}"
