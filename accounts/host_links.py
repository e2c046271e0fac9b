"""The part of the extension that declares and sends links of a host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from accounts import host
from accounts.core.link_kinds.parts import StatePart
from accounts.core.links.link import Link
from accounts.core.security import throttle
from accounts.flows.shared import mail_limits
from accounts.host import About, HostWork, LinkFunction, Recipient
from accounts.web.kit import context

F = TypeVar("F", bound=LinkFunction)


class HostLinks:
    """Kinds of links of a host, and what its views do with them and with accounts.

    :param links: kinds that are declared by :class:`Link`.
    """

    def __init__(self, links: Iterable[Link]) -> None:
        self._links = list(links)
        self._purpose_of: dict[Callable[..., object], str] = {}
        self._is_mounted = False

    def link(
        self,
        purpose: str,
        *,
        lifetime: timedelta,
        dies_with: Iterable[StatePart],
        about: About = "account",
        form: type[BaseModel] | None = None,
        title: str = "",
        explanation: str = "",
        button: str = "",
        done: str = "",
        needs_session: bool = False,
    ) -> Callable[[F], F]:
        """Declare a kind of link whose act is the decorated function; :meth:`send` mails one.

        The function is called with the unit of work, the account and the form, in one transaction. Whatever it does,
        a link works once.

        :param purpose: part of its address and of every signature, such as ``join-newsletter``.
        :param lifetime: how long it works; ``ACCOUNTS_LIFETIME_<PURPOSE>`` (seconds) overrides it.
        :param dies_with: the parts of the state (:data:`accounts.binds`) whose change kills it.
        :param about: ``account``, or ``address``: of somebody who needs none, and None is passed as the account.
        :param form: what its page asks for; passed as ``form``.
        :param title, explanation, button, done: words of its pages, instead of general ones.
        :param needs_session: whether it acts only for a fresh session of the account itself.
        :raises TypeError: a declaration that cannot work.
        :raises RuntimeError: it comes after ``init_app``.
        """

        def decorate(function: F) -> F:
            if self._is_mounted:
                raise RuntimeError(f"the link {purpose!r} comes after init_app: declare links before that")
            link = host.make_link(
                function,
                purpose,
                lifetime=lifetime,
                dies_with=dies_with,
                about=about,
                form=form,
                title=title,
                explanation=explanation,
                button=button,
                done=done,
                needs_session=needs_session,
            )
            self._links.append(link)
            self._purpose_of[function] = purpose
            return function

        return decorate

    def send(
        self, link: Callable[..., object] | Link | str, /, *, to: Recipient, locale: str = "", **facts: Any
    ) -> None:
        """Have a link mailed. Within :meth:`work`, or the act of another link, it is part of that transaction.

        :param link: the decorated function, the declared link, or its purpose.
        :param to: an account, ``current_account``, an id, or an address.
        :param facts: JSON, signed into the link: the letter has them, and the function as ``work.facts``. Whoever
            holds the link can read them.
        :raises TooManyRequests: too many of these went to this recipient within the hour.
        :raises NotFound: there is no such account.
        """
        site, uow = context.site(), context.uow()
        purpose = self._find_purpose(link)
        if purpose not in site.links:
            raise LookupError(f"this app has no link {purpose!r}: was it declared on the Accounts that it was given?")
        if uow.active:
            HostWork(uow).send(purpose, to, facts, locale)
            return
        key = host.get_recipient_key(to)
        by_address = mail_limits.recipient_attempts(uow, purpose, key)
        attempts = by_address if "@" in key else (throttle.MAIL_ACCOUNT.by(purpose, key),)
        with mail_limits.record_held(uow, purpose), self.work() as work:
            uow.count_attempts(*attempts)
            work.send(purpose, to, facts, locale)

    @contextmanager
    def work(self) -> Iterator[HostWork]:
        """Open a transaction on accounts: committed at the end of the ``with`` block, or rolled back whole.

        Within another one, or the act of a link, it is part of that.
        """
        uow = context.uow()
        if uow.active:
            # Its own end would commit what is half done around it.
            yield HostWork(uow)
            return
        with HostWork(uow) as work:
            yield work
        context.forget_account()

    def _find_purpose(self, link: Callable[..., object] | Link | str) -> str:
        if isinstance(link, str):
            return link
        if isinstance(link, Link):
            return link.purpose
        if link not in self._purpose_of:
            raise LookupError(f"{getattr(link, '__name__', link)} is no link: decorate it with @auth.link(...)")
        return self._purpose_of[link]
