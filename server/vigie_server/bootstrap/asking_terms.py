"""What live questions are held to, asked by the API or by a command."""

from secrets import token_hex

from vigie_server.domain.asking import SUBJECT, Limits
from vigie_server.settings import AskingSettings


def asking_limits(settings: AskingSettings) -> Limits:
    """What one question may come to."""
    return Limits(
        rows=settings.rows,
        answer_bytes=settings.answer_bytes,
        timeout=settings.timeout,
        within=settings.within,
        devices=settings.devices,
        at_once=settings.at_once,
        open=settings.open,
    )


def new_question_id() -> str:
    """An id that no other question has."""
    return SUBJECT + token_hex(6)
