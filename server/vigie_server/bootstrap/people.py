"""People: who may come in, and the pages by which they do."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from time import monotonic

import structlog
from fastapi import APIRouter, FastAPI

from vigie_server.bootstrap.oidc import has_password, offered, sign_in_by_provider
from vigie_server.domain.attempts import Attempts
from vigie_server.ports.people import KeepsSecrets, Tries
from vigie_server.ports.readers import FleetReader
from vigie_server.services.note_accesses import NoteAccesses
from vigie_server.services.own_account import OwnAccount
from vigie_server.services.passwords import Passwords
from vigie_server.services.renew_app import RenewApp
from vigie_server.services.sign_in import Sessions, SessionTimes, SetUp, SignIn
from vigie_server.services.tokens import KnowCallers
from vigie_server.settings import ServerSettings
from vigie_server.store.accesses import Accesses
from vigie_server.store.accounts import Accounts
from vigie_server.store.database import Database
from vigie_server.store.own_accounts import OwnAccounts
from vigie_server.store.questions import Questions
from vigie_server.store.repeats import Repeats
from vigie_server.store.sign_ins import SignIns
from vigie_server.store.tokens import Tokens
from vigie_server.web.access import Access
from vigie_server.web.browsers import Browsers
from vigie_server.web.documented import Documented
from vigie_server.web.pages.by_provider import by_provider_router
from vigie_server.web.pages.drawn_with import static_router
from vigie_server.web.pages.own_account import own_account_router
from vigie_server.web.pages.own_app import own_app_router
from vigie_server.web.pages.setting_up import setting_up_router
from vigie_server.web.pages.signing_in import signing_in_router
from vigie_server.web.repeating import KeepingAnswers, Repeating
from vigie_server.web.watching import Watching, note_lists

log = structlog.get_logger()

Routes = Callable[[Access], APIRouter]


def access_to(settings: ServerSettings, database: Database, now: Callable[[], datetime]) -> Access:
    """Knows callers by their tokens and people by their sessions."""
    return Access(
        KnowCallers(Tokens(database)),
        now,
        sessions=Sessions(SignIns(database), _times(settings)),
        browsers=browsers_of(settings),
        limits=Attempts(
            per_minute=settings.http.requests_per_minute,
            burst=settings.http.requests_at_once,
            monotonic=monotonic,
        ),
        repeating=Repeating(_repeats(settings, database), now),
        demands_tags=settings.http.demand_if_match,
    )


def keep_answers(app: FastAPI, settings: ServerSettings, database: Database) -> None:
    """Has requests answered once that are sent again under their key."""
    app.add_middleware(KeepingAnswers, kept=_repeats(settings, database))


def _repeats(settings: ServerSettings, database: Database) -> Repeats:
    return Repeats(database, kept=settings.http.answers_kept)


def watch_contractors(
    app: Documented, database: Database, reader: FleetReader, now: Callable[[], datetime]
) -> None:
    """Has the audit say what contractors look at, and who reads answers to live questions."""
    notes = NoteAccesses(Accesses(database), now)
    app.short.look, app.short.note = database.one_look, partial(note_lists, notes)
    app.add_middleware(
        Watching,
        notes=notes,
        site_of=lambda device: reader.device(device).site,
        sites_asked=Questions(database).sites_asked,
    )


def browsers_of(settings: ServerSettings) -> Browsers:
    """What browsers keep, by how they reach the server."""
    origin = settings.http.origin
    secure = origin.startswith("https:") if origin else not settings.http.plain
    return Browsers(origin, secure)


def people_routes(
    settings: ServerSettings,
    database: Database,
    now: Callable[[], datetime],
    secrets: KeepsSecrets,
) -> tuple[Routes, ...]:
    """The pages of signing in and of the setup, and the files they are drawn with.

    Raises SettingsMalformed.
    """
    passwords, browsers, times = Passwords(), browsers_of(settings), _times(settings)
    given = settings.sign_in
    addresses = Attempts(
        per_minute=given.attempts_per_minute,
        burst=given.attempts_at_once,
        monotonic=monotonic,
    )
    store = SignIns(database)
    tries = Tries(given.tries, given.rest.total_seconds(), given.rest_at_most.total_seconds())
    may = partial(has_password, settings)
    sign_in = SignIn(store, passwords, addresses, tries, times, secrets, now, may)
    set_up = SetUp(Accounts(database), passwords, addresses, times, secrets, now, may)
    by_provider = sign_in_by_provider(settings, database, addresses, times, secrets, now)
    if settings.oidc.only and store.credentials(settings.oidc.break_glass) is None:
        log.warning("break_glass_account_missing", account=settings.oidc.break_glass)
    own = OwnAccount(OwnAccounts(database), store, passwords, tries, times, now)
    renew = RenewApp(OwnAccounts(database), store, passwords, tries, secrets, given.setup_code, now)
    routes: tuple[Routes, ...] = (
        partial(
            signing_in_router,
            browsers=browsers,
            sign_in=sign_in,
            sessions=Sessions(store, times),
            now=now,
            offered=offered(settings),
            leaving=None if by_provider is None else by_provider.leaving,
        ),
        partial(own_account_router, browsers=browsers, own_account=own),
        partial(own_app_router, browsers=browsers, renew=renew),
        lambda _: setting_up_router(browsers=browsers, set_up=set_up),
        lambda _: static_router(),
    )
    if by_provider is None:
        return routes
    pages = by_provider_router(
        browsers=browsers,
        by_provider=by_provider,
        way_seconds=round(settings.oidc.way_within.total_seconds()),
    )
    return (*routes, lambda _: pages)


def _times(settings: ServerSettings) -> SessionTimes:
    return SessionTimes(settings.sign_in.session, settings.sign_in.idle)
