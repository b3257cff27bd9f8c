"""Takes what the server lets this device take, and tells it how that went."""

from contextlib import suppress
from dataclasses import dataclass, replace

from vigie_agent.domain.errors import DeviceRefused, LinkLost, UpdateRefused
from vigie_agent.domain.releases import Offered
from vigie_agent.domain.updating import News, UpdateState, did_not_work_here, news
from vigie_agent.ports import UpdateServer
from vigie_agent.services.update import Update


@dataclass(frozen=True, slots=True)
class UpdateByServer:
    """Callable: the release that is on trial now, or None.

    Raises UpdateRefused, UpdateFailed, LinkLost, DeviceRefused.
    """

    server: UpdateServer
    update: Update

    def __call__(self, *, check: bool, with_server: bool) -> Offered | None:
        """With `check`, what there is to take; nothing is taken then."""
        version = self.server.check(self._news())
        if not version or self._did_not_work_here(version):
            return None
        if check:
            return self.update.look(version)
        try:
            found = self.update(version, with_server=with_server)
        except UpdateRefused as error:
            self._tell_refusal(version, str(error))
            raise
        if found is not None:
            self._tell(self._news())
        return found

    def _news(self) -> News:
        update = self.update
        return news(update.versions.standing(), update.installed, update.platform)

    def _did_not_work_here(self, version: str) -> bool:
        return did_not_work_here(version, self.update.versions.standing(), self.update.now())

    def _tell_refusal(self, version: str, reason: str) -> None:
        """A version that did not work here is told of as rolled back, now and from now on."""
        told = self._news()
        if not self._did_not_work_here(version):
            told = replace(told, state=UpdateState.REFUSED, about=version, reason=reason)
        self._tell(told)

    def _tell(self, told: News) -> None:
        with suppress(LinkLost, DeviceRefused):  # the next check tells it
            self.server.check(told)
