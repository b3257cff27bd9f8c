"""Renews the device's certificate, with a new key each time."""

from dataclasses import dataclass

import structlog

from vigie_agent.domain.errors import DeviceRefused, LinkLost
from vigie_agent.domain.identity import Identity, Issued
from vigie_agent.domain.renewal import to_sign
from vigie_agent.ports import EnrolmentLink, KeyStore, Link

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Renew:
    """Callable: the renewed identity, kept. The old one stays in force until the new one is kept.

    Raises LinkLost, DeviceRefused, IdentityUnusable.
    """

    keys: KeyStore
    link: Link
    enrolment: EnrolmentLink

    async def __call__(self, identity: Identity, endpoint: str) -> Identity:
        """Over the telemetry port, with the certificate in force."""
        key = self.keys.new_key()
        issued = await self.link.renew(identity, endpoint, self.keys.signing_request(key))
        return self._kept(identity, issued, key)

    async def expired(self, identity: Identity) -> Identity:
        """Over the enrolment port, the first that answers: for a device back from months away."""
        key = self.keys.new_key()
        signing_request = self.keys.signing_request(key)
        lost = LinkLost("no enrolment port is known")
        for endpoint in identity.issued.enrolment_endpoints:
            try:
                issued = await self.enrolment.renew_expired(
                    identity,
                    endpoint,
                    signing_request=signing_request,
                    prove=lambda nonce: self.keys.sign(
                        identity.key, to_sign(nonce, identity.device_id)
                    ),
                )
            except LinkLost as error:
                lost = error
                continue
            return self._kept(identity, issued, key)
        raise lost

    def _kept(self, identity: Identity, issued: Issued, key: bytes) -> Identity:
        if issued.device_id != identity.device_id:
            raise DeviceRefused("the server answered with the identity of another device")
        renewed = self.keys.save(issued, key)
        log.info("certificate_renewed", not_after=renewed.not_after.isoformat())
        return renewed
