"""Callers of the API over a store."""

from datetime import datetime, timedelta

from fakes.stored import SITE
from vigie_server.ports.tokens import Role
from vigie_server.services.tokens import MakeTokens
from vigie_server.store.database import Database
from vigie_server.store.tokens import Tokens


class Callers:
    """The headers of a caller with a role, of some sites or of every one; contractors of `SITE`."""

    def __init__(self, database: Database, now: datetime) -> None:
        self._make = MakeTokens(Tokens(database), lambda: now, "test")

    def __call__(self, role: Role, *sites: str, personal_data: bool = False) -> dict[str, str]:
        if role is Role.CONTRACTOR and not sites:
            sites = (SITE,)
        _, text = self._make.api(
            name="test",
            role=role,
            sites=sites or None,
            lifetime=timedelta(hours=1),
            personal_data=personal_data,
        )
        return {"Authorization": f"Bearer {text}"}
