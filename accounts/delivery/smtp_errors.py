"""Say of an error of smtplib, a socket or TLS what it means for the message that was being sent."""

from __future__ import annotations

import smtplib

from accounts.core.foreign_text import join_lines, scrub
from accounts.delivery.failures import (
    STEPS_BEFORE_RECIPIENT,
    DeliveryError,
    PermanentFailure,
    RefusesUs,
    Step,
    TimedOut,
    TransientFailure,
)
from accounts.delivery.refusals import Blame, judge_reply
from accounts.delivery.smtp import MAX_SHOWN_CHARACTERS, format_reply

_EXCEPTIONS = {Blame.RECIPIENT: PermanentFailure, Blame.US: RefusesUs, Blame.NOBODY: TransientFailure}
_VERBS: dict[Step, str] = {"connect": "connecting"}


def explain_error(error: Exception, step: Step) -> DeliveryError:
    """Return what an error means.

    :param error: an OSError, as those of smtplib and ssl are, or a UnicodeError.
    :param step: where it was raised.
    """
    verb = _VERBS.get(step, step.upper())
    if found := _find_reply(error):
        code, reply = found
        rule = judge_reply(step, code, join_lines(reply))
        return _EXCEPTIONS[rule.blame](f"{verb}: {format_reply(code, reply)}", step)
    text = scrub(f"{type(error).__name__}: {error}", MAX_SHOWN_CHARACTERS)
    if isinstance(error, UnicodeError):
        return RefusesUs(f"{verb}: cannot be said in SMTP: {type(error).__name__}", step)
    if isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected):
        # No encryption or no log-in of a kind that we know.
        return RefusesUs(f"{verb}: {text}", step)
    # A server that says nothing from the start on, says it to every letter.
    is_late = _is_timeout(error) and (step not in STEPS_BEFORE_RECIPIENT or step == "mail")
    return (TimedOut if is_late else TransientFailure)(f"{verb}: {text}", step)


def _find_reply(error: Exception) -> tuple[int, str] | None:
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, said = next(iter(error.recipients.values()))
            return code, said.decode("ascii", "replace")
        case smtplib.SMTPResponseException():
            reply = error.smtp_error
            return error.smtp_code, reply.decode("ascii", "replace") if isinstance(reply, bytes) else reply
        case _:
            return None


def _is_timeout(error: BaseException | None) -> bool:
    # smtplib says of every error that the connection was closed unexpectedly.
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__context__
    return False
