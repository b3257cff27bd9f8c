"""A person's browser before the application: keeps the cookie, sends its Origin, fills in forms."""

import re
from datetime import datetime

import pyotp
from fastapi.testclient import TestClient

from vigie_server.services import one_time

ORIGIN = "https://vigie.example.org"
PASSWORD = "cinq loutres nagent bien"


class Browser(TestClient):
    """Never follows a redirect by itself."""

    def __init__(self, app: object, *, language: str = "en", origin: str = ORIGIN) -> None:
        super().__init__(
            app,  # type: ignore[arg-type]
            base_url=origin,
            follow_redirects=False,
            headers={"Accept-Language": language, "Origin": origin},
        )

    def csrf(self, path: str = "/account") -> str:
        """The token in the forms of a page."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.get(path).text)
        assert found is not None
        return found[1]


def set_up(browser: Browser, code: str, name: str, *, now: datetime) -> tuple[str, list[str]]:
    """Goes through the setup; gives the app's secret and the recovery codes."""
    shown = browser.post("/setup", data={"code": code})
    assert shown.status_code == 200, shown.text
    chosen = {"code": code, "name": name, "password": PASSWORD, "again": PASSWORD}
    shown = browser.post("/setup/password", data=chosen)
    assert shown.status_code == 200, shown.text
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", shown.text)
    assert found is not None
    secret = found[1].replace(" ", "")
    shown = browser.post("/setup/app", data={"code": code, "app_code": app_code(secret, now)})
    assert shown.status_code == 200, shown.text
    return secret, re.findall(r"<code>([A-Z2-7-]+)</code>", shown.text)


def app_code(secret: str, now: datetime) -> str:
    """What the app shows."""
    return pyotp.TOTP(secret).generate_otp(int(now.timestamp()) // one_time.PERIOD)
