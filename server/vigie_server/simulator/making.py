"""How a fleet comes to be: enrolled with a token, or planted in a test server's store."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vigie.v1.enrolment_token import EnrolmentToken
from vigie_server import clock
from vigie_server.bootstrap.store import authorities, catalogue_in_force, open_store
from vigie_server.bundled import bundled_catalogue
from vigie_server.ca import authority
from vigie_server.domain.rules import Catalogue
from vigie_server.settings import advertised, port_of, read_settings
from vigie_server.simulator.answers import Answers
from vigie_server.simulator.enrolling import Enrolled, FleetRefused, authority_of, enrolling
from vigie_server.simulator.fleet_file import About, Kept, new_fleet, require_new
from vigie_server.simulator.naming import names_of, recording_of
from vigie_server.simulator.planting import Planting
from vigie_server.simulator.recorded import recordings


@dataclass(frozen=True, slots=True)
class Made:
    """What a new fleet is to be. `epoch` is the instant its recordings are moved to."""

    fleet: Path
    recorded: Path
    devices: int
    seed: int
    epoch: datetime

    def answers(self, catalogue: Catalogue) -> Answers:
        """What its devices answer."""
        return Answers(recordings(self.recorded), catalogue.topics, self.epoch)


async def enrol_fleet(made: Made, token: EnrolmentToken, told: Callable[[int], None]) -> None:
    """Enrols each device; `told` hears how many have. Raises FleetRefused, FleetUnusable.

    Those that had enrolled before one was refused are in the file, and can be run.
    """
    require_new(made.fleet)  # before the token is used
    answers = made.answers(bundled_catalogue())
    trusted = await authority_of(token)
    async with enrolling(token.endpoints[0], trusted, token.secret) as desk:

        async def one(number: int) -> Enrolled:
            recording = answers.recordings[recording_of(answers.recordings, made.seed, number)]
            return await desk.enrol(names_of(made.seed, number), recording.platform)

        first = await one(0)
        about = About(made.seed, made.epoch, first.authority, first.endpoints)
        with new_fleet(made.fleet, about) as fleet:
            fresh = Kept(0, answers.born, known=False)
            fleet.add({0: first.identity}, fresh)
            for number in range(1, made.devices):
                try:
                    identity = (await one(number)).identity
                except FleetRefused as error:
                    raise FleetRefused(
                        f"{error}; {number} of {made.devices} devices are in {made.fleet}"
                    ) from error
                fleet.add({number: identity}, fresh)
                told(number + 1)


async def plant_fleet(made: Made, per_site: int, told: Callable[[int], None]) -> None:
    """Plants the devices in the store that the server's settings name.

    Raises NotATestServer, FleetUnusable, SettingsMalformed, StoreBusy.
    """
    settings = read_settings()
    signing = authority.load(authorities(settings), authority.DEVICES)
    catalogue = catalogue_in_force(settings)
    endpoints = advertised(
        settings,
        telemetry_port=port_of(settings.listen.telemetry),
        enrolment_port=port_of(settings.listen.enrolment),
    )
    about = About(made.seed, made.epoch, signing.certificate_pem, endpoints.telemetry)
    with closing(open_store(settings)) as database, new_fleet(made.fleet, about) as fleet:
        planting = Planting(
            database, signing, catalogue, made.answers(catalogue), per_site, clock.utc_now
        )
        await planting.plant(fleet, about, made.devices, planted=told)
