"""How many devices this process has room for: what is asked for, within memory and open files."""

import structlog

from vigie_server.domain.admission import Places, places_in
from vigie_server.domain.errors import SettingsMalformed
from vigie_server.machine_memory import memory_bytes
from vigie_server.open_files import open_files
from vigie_server.settings import SessionSettings

log = structlog.get_logger()


def places_for_devices(settings: SessionSettings) -> Places:
    """Fewer than asked for, and said in the log, where the process may not open so many files.

    Raises SettingsMalformed when it may open hardly any.
    """
    held = places_in(memory_bytes()) if settings.held is None else settings.held
    wanted, files = Places(held, settings.visitors), open_files()
    try:
        places = wanted.within(files)
    except ValueError as error:
        raise SettingsMalformed(
            f"this process may open {files} files: {error}; raise its limit (ulimit -n, "
            "LimitNOFILE= of the service)"
        ) from error
    if places != wanted:
        log.warning(
            "open_files_are_few",
            open_files=files,
            held=places.held,
            visitors=places.visitors,
            wanted_held=wanted.held,
            wanted_visitors=wanted.visitors,
            hint=f"raise the limit to {wanted.files} (ulimit -n, LimitNOFILE= of the service), or "
            "set SESSIONS__HELD and SESSIONS__VISITORS lower",
        )
    return places
