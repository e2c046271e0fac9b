"""Devices that an account has signed in on: how far they are trusted, and that a recovery throws them out."""

from __future__ import annotations

from accounts.core.security import throttle
from accounts.flows.shared.accounts import find_account
from accounts.flows.sign_in.devices import DEVICE, KnownDevice
from tests.adversary.recipes import request_reset_link
from tests.people import OTHER_PASSWORD, Person, Service, token_of_url


def is_locked(service: Service, owner: Person) -> bool:
    uow = service.uow()
    try:
        return find_account(uow, owner.email).locked_at is not None
    finally:
        uow.close()


def test_a_device_that_was_thrown_out_is_known_no_more_and_its_tries_count_as_a_strangers(service: Service) -> None:
    owner = service.member("owner")
    thief = service.person(email=owner.email)
    assert thief.sign_in().status_code == 200
    url = request_reset_link(service, owner)
    data = {"token": token_of_url(url), "password": OTHER_PASSWORD}
    assert service.person().post("/api/l/reset-password", data).status_code == 200
    thief.password = "wrong"
    answers = []
    for number in range(21):
        thief.network = f"10.77.0.{number // 10}"
        answers.append(thief.sign_in().status_code)
    assert answers == [401] * 21
    assert is_locked(service, owner), "counted, and locked at last"
    assert service.link_url(owner.email, "unlock")


def test_a_known_device_has_a_bucket_of_its_own_and_the_lock_stays_out_of_it(service: Service) -> None:
    owner = service.member("owner")
    right, owner.password = owner.password, "wrong"
    answers = []
    for number in range(throttle.SIGN_IN_DEVICE.amount + 1):
        owner.network = f"10.78.0.{number // 9}"
        answers.append(owner.sign_in().status_code)
    assert answers == [401] * throttle.SIGN_IN_DEVICE.amount + [429]
    stranger = service.person(email=owner.email, password=right)
    assert stranger.sign_in().status_code == 200, "others are not held up by it"
    assert not is_locked(service, owner)


def test_a_device_cookie_from_before_there_were_epochs_knows_nobody(service: Service) -> None:
    owner = service.member("owner")
    owner_id = owner.get("/api/account").get_json()["id"]
    cookie = service.site.signer.sign_payload(DEVICE.purpose, DEVICE.version, [owner_id])
    assert service.site.signer.read(DEVICE, cookie) == KnownDevice()
