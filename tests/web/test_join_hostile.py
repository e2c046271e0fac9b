"""What hostile people try with a link for several people, and what is judged again at each use."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.opening import find_holder, record_restore
from accounts.core.security import throttle
from accounts.flows.invites import shared
from accounts.flows.invites.join import JOIN, JoinPayload
from accounts.flows.invites.shared_terms import SHARED_INVITE, read_shared_link
from accounts.flows.shared.accounts import find_account, set_groups
from tests.kit.shared_invites import ask_to_join, mailed_join_url, make_shared_link, uses_of
from tests.people import OTHER_PASSWORD, Service, make_email, token_of_url
from tests.web.endpoints import problem_code


@pytest.mark.parametrize(
    ("domain", "email", "status"),
    [
        ("example.org", "ann@example.org", 202),
        ("example.org", "ann@EXAMPLE.org", 202),
        ("example.org", "ann@sub.example.org", 422),
        ("example.org", "ann@badexample.org", 422),
        (".example.org", "ann@example.org", 202),
        (".example.org", "ann@a.sub.example.org", 202),
        (".example.org", "ann@badexample.org", 422),
        ("bücher.example", "ann@bücher.example", 202),
        ("bücher.example", "ann@xn--bcher-kva.example", 202),
        ("bücher.example", "ann@bucher.example", 422),
        ("example.org", "ann@example.org.evil.example", 422),
    ],
)
def test_only_addresses_of_the_domain_get_a_mail(service: Service, domain: str, email: str, status: int) -> None:
    link = make_shared_link(service, domain=domain)
    answer = ask_to_join(service.person(), link, email)
    assert answer.status_code == status
    if status == 422:
        assert [each["code"] for each in answer.get_json()["errors"]] == ["other_domain"]
    assert service.deliver() == (1 if status == 202 else 0)


def test_every_end_is_judged_at_each_use(service: Service) -> None:
    admin = service.admin()
    second = service.member("second")
    second_id = second.get("/api/account").get_json()["id"]
    set_groups(service.uow(), second_id, ["admins"])
    second.sign_in()
    link = make_shared_link(service, second, days=1)
    pupil = service.person()
    assert ask_to_join(pupil, link).status_code == 202
    token = service.link_token(pupil.email, "join-shared")
    data = {"token": token, "password": pupil.password}
    with time_machine.travel(now() + timedelta(days=1, minutes=1), tick=True):
        assert problem_code(pupil.post("/api/l/join-shared", data)) == "invite_ended"
        assert problem_code(ask_to_join(pupil, link)) == "invite_ended"
    set_groups(service.uow(), second_id, [])
    assert problem_code(pupil.post("/api/l/join-shared", data)) == "link_revoked", "its inviter administers no more"
    assert problem_code(ask_to_join(pupil, link)) == "link_revoked"
    listed = admin.get("/api/admin/invites/shared").get_json()["invites"]
    assert [each["holds"] for each in listed] == [False]
    taken = admin.post(f"/api/admin/invites/shared/{link.id}/link").get_json()
    assert taken["inviter"] != second_id, "who takes it along vouches for it"
    fresh = {"token": taken["url"].split("/")[-2], "email": pupil.email}
    assert service.person().post("/api/join", fresh).status_code == 202


def test_a_backup_that_was_put_back_ends_links_whose_count_may_be_lost(service: Service) -> None:
    link = make_shared_link(service)
    token = token_of_url(mailed_join_url(service, link))
    with time_machine.travel(now() + timedelta(seconds=2), tick=True):
        with service.uow() as uow:
            record_restore(uow)
        assert problem_code(ask_to_join(service.person(), link)) == "link_used"
        used = service.person().post("/api/l/join-shared", {"token": token, "password": OTHER_PASSWORD})
        assert problem_code(used) == "link_used"
        _, url = shared.take_shared_link(service.uow(), link.id)
    with time_machine.travel(now() + timedelta(seconds=9), tick=True):
        _, url = shared.take_shared_link(service.uow(), link.id)
        person = service.person()
        assert person.post("/api/join", {"token": url.split("/")[-2], "email": person.email}).status_code == 202


@pytest.mark.parametrize(
    "changes", [{"places": 999}, {"groups": ["staff"]}, {"domain": ""}, {"ends": 2**33}], ids=str
)
def test_what_was_changed_on_the_way_is_refused(service: Service, changes: dict[str, Any]) -> None:
    link = make_shared_link(service, domain="example.org")
    genuine = service.site.signer.sign_payload("shared-invite", 1, ["x"])
    terms = read_shared_link(service.uow(), link.token).model_copy(update=changes)
    payload = service.site.signer.sign(SHARED_INVITE, terms).split(".")[0]
    for signature in (link.token.partition(".")[2], genuine.partition(".")[2]):
        answer = service.person().get(f"/api/join?token={payload}.{signature}")
        assert (answer.status_code, problem_code(answer)) == (400, "link_invalid")


def test_a_link_that_would_make_admins_is_refused_though_a_key_signed_it(service: Service) -> None:
    link = make_shared_link(service)
    terms = read_shared_link(service.uow(), link.token).model_copy(update={"groups": ["admins"]})
    token = service.site.signer.sign(SHARED_INVITE, terms)
    assert problem_code(service.person().get(f"/api/join?token={token}")) == "link_invalid"
    email = make_email()
    with service.uow() as uow:
        carried = JoinPayload(**terms.model_dump(), place="p", expires=int(now().timestamp()) + 60)
        mailed = token_of_url(uow.link_url(JOIN, Subject(email, None), carried))
    used = service.person().post("/api/l/join-shared", {"token": mailed, "password": OTHER_PASSWORD})
    assert problem_code(used) == "link_invalid"
    with service.uow() as uow:
        assert find_holder(uow, email).account is None


def test_a_mailed_link_is_worth_nothing_for_another_address_or_to_a_disabled_account(service: Service) -> None:
    link, member = make_shared_link(service, service.admin()), service.member()
    assert ask_to_join(member, link).status_code == 202
    token = service.link_token(member.email, "join-shared")
    other = service.member()
    assert problem_code(other.post("/api/l/join-shared", {"token": token})) == "wrong_account"
    with service.uow() as uow:
        find_account(uow, member.email).status = "disabled"
    assert problem_code(service.person().post("/api/l/join-shared", {"token": token})) == "link_invalid"
    assert uses_of(service, link) == 0


def test_a_class_behind_one_network_gets_in_and_a_stranger_floods_nobody(service: Service) -> None:
    link = make_shared_link(service, places=30)
    school = "192.0.2.77"
    service.site.throttle.reserve(throttle.MAIL_NETWORK.by(school, cost=throttle.MAIL_NETWORK.amount))
    pupils = [service.person(network=school) for _ in range(30)]
    assert {ask_to_join(each, link).status_code for each in pupils} == {202}
    victim = make_email("victim")
    tries = [ask_to_join(service.person(network=school), link, victim).status_code for _ in range(5)]
    assert tries == [202, 202, 202, 429, 429], "three an hour for one address"
    stranger = service.person(network="198.51.100.9")
    answers = [ask_to_join(stranger, link, make_email("flood")).status_code for _ in range(92)]
    assert answers == [202] * 90 + [429] * 2, "so many per place, from one network"
    late = service.person(network=school)
    assert ask_to_join(late, link).status_code == 202, "a stranger elsewhere keeps no class out"
