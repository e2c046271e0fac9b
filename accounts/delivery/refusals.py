"""Whose fault an answer of a mail server is: the recipient's, ours, or nobody's for long.

Codes alone do not tell. 550 is an unknown user at one server and a used-up quota at the next, so that what a server
says in words counts too, where there is no enhanced status code (RFC 3463) or one that has several uses.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from enum import Enum

from accounts.delivery.failures import STEPS_BEFORE_RECIPIENT, DeliveryError, RefusesUs, Step


class Blame(Enum):
    """What an answer is about, and so what becomes of the letter."""

    RECIPIENT = "given up"
    US = "refuses us"
    NOBODY = "put off"


_AFTER: frozenset[Step] = frozenset({"rcpt", "data"})


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table: an answer to which all that it names applies.

    :ivar blame: what such an answer is about.
    :ivar reason: the same for people.
    :ivar example: verb and answer.
    :ivar code: of the reply code, a regular expression, as are the next two.
    :ivar status: of the enhanced status code without its class, ``7.1``; it is "" where there is none.
    :ivar words: found somewhere in the text, without regard to case.
    :ivar steps: where it was said; none for anywhere.
    """

    blame: Blame
    reason: str
    example: str
    code: str = ""
    status: str | None = None
    words: str = ""
    steps: frozenset[Step] = frozenset()

    def applies(self, step: Step, code: int, status: str, text: str) -> bool:
        """Return whether the row is about this answer."""
        return (
            (not self.steps or step in self.steps)
            and (not self.code or re.fullmatch(self.code, str(code)) is not None)
            and (self.status is None or re.fullmatch(self.status, status) is not None)
            and (not self.words or re.search(self.words, text, re.IGNORECASE) is not None)
        )


_US, _RECIPIENT, _NOBODY = Blame.US, Blame.RECIPIENT, Blame.NOBODY
_LATER = r"\b(try|retry|send|come|resend)\b.{0,40}\b(again|back|later|after)\b|\blater\b"
_UNKNOWN_USER = (
    r"\b(unknown|no such|invalid|non-?existent|bad) (local )?(user|mailbox|recipient|address|account)\b"
    r"|\bno (such person|mailbox)\b|\bsyntax\b.{0,20}\baddress|\bmalformed\b"
    r"|\b(user|mailbox|recipient|address|account)\b.{0,40}\b(unknown|not (found|exist|known|valid|here)|unavailable"
    r"|does ?n[o']t (exist|have)|disabled|inactive|invalid|undeliverable|full|over quota)\b"
    r"|\bover quota\b"
)
_SENDING_LIMIT = (
    r"\b(sending|submission|outgoing|outbound|daily|hourly|monthly)\b.{0,40}\b(quota|limit|exceed|rate)"
    r"|\b(quota|limit|sent)\b.{0,60}\b(per (day|hour|minute)|24 hours|this (day|hour))"
    r"|\bmax(imum)?\b.{0,40}\bper (day|hour|minute)|SubmissionQuotaExceeded|message quota|credits exceeded"
    r"|\brate ?limit|\bthrottl|\btoo many (messages|e?mails|errors)|\btoo (many|much)\b.{0,20}\btoo fast"
)
_ABOUT_US = (
    r"\bblock(ed|ing)?\b|\b(black|block|deny)[ -]?list|\b(rbl|dnsbl|spamhaus|barracuda|spamcop)\b|reputation"
    r"|\b(spf|dkim|dmarc|ptr)\b|\brelay|\b[eh][eh]lo\b|reverse (dns|host)|authenticat|authori[sz]"
    r"|\bnot (allowed|permitted|verified|activated)|permission|prohibit|\bsender\b|from address|verified|\bspam"
    r"|\bpolicy\b|\bsandbox\b|\bactivate\b|suspended|\bbanned?\b"
)

RULES: tuple[Rule, ...] = (
    Rule(_NOBODY, "greylisting: who is seen for the first time is taken a little later",
         "RCPT: 450 4.2.0 Recipient address rejected: Greylisted", code="4..", words=r"\bgr[ae]y-?list"),
    Rule(_NOBODY, "too many connections at once: others of ours are open",
         "connecting: 421 4.7.0 Error: too many connections",
         words=r"\b(too many|concurrent|maximum)\b.{0,30}\b(connections|sessions)\b"),
    Rule(_US, "what this service may send is used up", "DATA: 554 5.2.0 Submission quota exceeded",
         words=_SENDING_LIMIT),
    Rule(_US, "the same, by its code", "RCPT: 550 5.4.5 Quota exceeded", status=r"4\.5|1\.9\d"),
    Rule(_US, "the sender's address", "RCPT: 550 5.1.8 Sender address rejected: Domain not found",
         status=r"1\.(7|8|2\d)"),
    Rule(_US, "the sender's address, with the code of any address", "RCPT: 550 5.1.0 Sender rejected",
         status=r"1\.0", words=r"\b(sender|from address|mail from)\b"),
    Rule(_NOBODY, "the recipient's mailbox or domain, for now", "RCPT: 452 4.2.2 Over quota",
         code="4..", status=r"[124]\.\d+", steps=_AFTER),
    Rule(_NOBODY, "a mailbox that takes no more for now", "RCPT: 550 5.2.1 Too much mail for this user, resend later",
         code="5..", status=r"2\.[12]", words=_LATER, steps=_AFTER),
    Rule(_RECIPIENT, "no such address, or one that takes no mail", "RCPT: 550 5.1.1 User unknown",
         code="5..", status=r"1\.\d+", steps=_AFTER),
    Rule(_RECIPIENT, "a mailbox that is disabled or full", "RCPT: 552 5.2.2 Mailbox full",
         code="5..", status=r"2\.[12]", steps=_AFTER),
    Rule(_RECIPIENT, "nobody of that name, or no way to the domain", "RCPT: 550 5.4.4 Invalid domain",
         code="5..", status=r"4\.[14]", steps=_AFTER),
    Rule(_RECIPIENT, "the recipient, in words", "DATA: 554 This user doesn't have an account here",
         code="5..", status=r"|0\.\d+|[35]\.0", words=_UNKNOWN_USER, steps=_AFTER),
    Rule(_NOBODY, "too many recipients: others share the connection", "RCPT: 452 4.5.3 Too many recipients",
         code="4..", status=r"5\.3"),
    Rule(_US, "a command, a name or a log-in that is not taken from us",
         "RCPT: 504 Helo command rejected: need fully-qualified hostname", code="50[0-4]|530|534|535|538|555"),
    Rule(_US, "protocol, policy, security: the class of 5.5.x, 5.7.x, 4.5.x and 4.7.x",
         "DATA: 550 5.7.60 Client does not have permissions to send as this sender", status=r"[57]\.\d+"),
    Rule(_US, "“try again later”, with whatever code", "DATA: 554 Too busy, try again later", words=_LATER),
    Rule(_US, "this service, in words", "DATA: 554 Message rejected: Email address is not verified",
         status=r"|[03]\.0", words=_ABOUT_US),
    Rule(_US, "any 5xx before the recipient was named", "MAIL: 550 5.3.4 Too big", code="5..",
         steps=STEPS_BEFORE_RECIPIENT),
    Rule(_RECIPIENT, "the recipient, by the code alone", "RCPT: 550 No", code="55[01236]", status=r"|0\.\d+",
         steps=frozenset({"rcpt"})),
    Rule(_NOBODY, "anything else", "DATA: 554 Transaction failed"),
)  # fmt: skip
"""The table, from RFC 5321 4.2, 3463, 4954 6, 5248 and 7504 and from what servers really say; the first row that
applies decides."""

_STATUS = re.compile(r"[245]\.([0-7]\.\d{1,3})(?!\d)|.*\(#[245]\.([0-7]\.\d{1,3})\)")
"""At the beginning of a text, or as qmail has it in brackets behind it."""

ROW_OF_DOMAINS = 3
"""So many mail domains in a row must refuse us before it is believed that it is us: one of them may belong to
somebody who signs up with it so that mail stops for all."""
MAX_REMEMBERED_DOMAINS = 1000
"""Mail domains that are remembered to have refused us. Anybody may sign up with more."""
_SECOND_LEVEL = frozenset(
    ("ac", "co", "com", "ed", "edu", "go", "gob", "gouv", "gov", "gv", "mil", "ne", "net", "nom", "or", "org", "sch")
)


def judge_reply(step: Step, code: int, text: str) -> Rule:
    """Return the row of the table for an answer.

    :param text: one line without its code, and without addresses, which somebody may have chosen.
    """
    found = _STATUS.match(text)
    status = (found[1] or found[2]) if found else ""
    return next(rule for rule in RULES if rule.applies(step, code, status, text))


def format_rules() -> str:
    """Return the table in Markdown, as the documentation has it."""
    rows = "".join(f"| {rule.reason} | `{rule.example}` | {rule.blame.value} |\n" for rule in RULES)
    return f"| the answer is about | for example | so that it |\n|---|---|---|\n{rows}"


class RefusalWatch:
    """Watches the answers to the letters of one lane, and says when the lane is to be paused. Safe in threads.

    What is said before a recipient was named is about us, and is believed at once. What is said of a recipient may
    come from the recipient's domain, which anybody may own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._domains: set[str] = set()
        self._refused: set[str] = set()

    def note(self, recipient_domain: str, error: DeliveryError | None) -> str | None:
        """Note how it went with a letter.

        :param recipient_domain: of its address.
        :param error: None where it was accepted.
        :returns: why the lane is to be paused; None where it is not.
        """
        with self._lock:
            if error is None:
                self._domains.clear()
                self._refused.clear()
            if not isinstance(error, RefusesUs):
                return None
            if error.step in STEPS_BEFORE_RECIPIENT:
                return f"the mail server refuses this service: {error}"
            self._domains.add(registered_domain(recipient_domain))
            if len(self._refused) >= MAX_REMEMBERED_DOMAINS:
                self._refused.clear()
            self._refused |= self._domains
            if len(self._domains) < ROW_OF_DOMAINS:
                return None
            self._domains.clear()
            return f"this service was refused for {ROW_OF_DOMAINS} mail domains in a row: {error}"

    def is_known(self, recipient_domain: str, error: DeliveryError) -> bool:
        """Return whether a refusal tells nothing: this mail domain has refused us, and no letter was accepted since.

        Whoever has three domains could else put so many letters before all others that a paused lane, over which one
        is tried at a time, stands still for days.
        """
        if not isinstance(error, RefusesUs) or error.step in STEPS_BEFORE_RECIPIENT:
            return False
        with self._lock:
            return registered_domain(recipient_domain) in self._refused


def registered_domain(domain: str) -> str:
    """Return the part of a domain that somebody had to register: of one, subdomains are to be had for nothing.

    Where two labels may be a registry's (``co.uk``), three are taken. Too short a name costs little: it takes more
    domains then before mail is paused.
    """
    labels = domain.lower().rstrip(".").split(".")
    is_registry = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if is_registry else -2 :])
