"""People on their way to an identity provider and back, as tests follow them."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fakes.browser import ORIGIN, Browser
from fakes.identity_provider import IdentityProvider
from fakes.stored import NOW
from vigie_server.ports.lists import ActsWanted
from vigie_server.store.audit_trail import Acts
from vigie_server.store.database import Database

NAME = "Anaïs Durand"
"""The person whom the provider knows in these tests."""


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def sent_to(browser: Browser, goes_to: str = "/account") -> dict[str, str]:
    """What our link asks the provider for."""
    answer = browser.get("/sign-in/provider", params={"next": goes_to})
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def comes_back(browser: Browser, provider: IdentityProvider, **changes: str) -> Any:
    """The answer to a browser that went to the provider and is sent back; `changes` to how."""
    back = urlsplit(provider.authorized(sent_to(browser)))
    assert f"{back.scheme}://{back.netloc}" == ORIGIN
    return browser.get(back.path, params=dict(parse_qsl(back.query)) | changes)


def is_in(browser: Browser) -> bool:
    return bool(browser.get("/account").status_code == 200)


def acts(database: Database) -> list[tuple[str, str, str]]:
    page = Acts(database).acts(ActsWanted(None, None, None, None, "at"), after=None, limit=1000)
    return [(act.actor, act.action, act.subject) for act in page.items]
