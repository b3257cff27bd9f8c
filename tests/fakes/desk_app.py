"""The routes of tokens and accounts over a store: with sessions, and answers kept under a key."""

from fastapi import FastAPI

from fakes.stored import NOW
from vigie_server.bootstrap.codes import account_desk
from vigie_server.bootstrap.people import access_to, keep_answers
from vigie_server.bootstrap.tokens import token_routes
from vigie_server.services.token_desk import Desk
from vigie_server.settings import ServerSettings
from vigie_server.store.database import Database
from vigie_server.store.tokens import Tokens
from vigie_server.web import problems
from vigie_server.web.repeating import AnsweredBefore, answer_again


def desk_app(database: Database) -> FastAPI:
    """The application; for it the time is `NOW`."""
    app, settings = FastAPI(), ServerSettings()
    problems.install(app)
    app.add_exception_handler(AnsweredBefore, answer_again)
    keep_answers(app, settings, database)
    access = access_to(settings, database, lambda: NOW)
    desk = Desk(Tokens(database), lambda: ("localhost:8444",), bytes(32))
    people = account_desk(settings, database)
    for routes in token_routes(desk, people, database, lambda: NOW):
        app.include_router(routes(access))
    return app
