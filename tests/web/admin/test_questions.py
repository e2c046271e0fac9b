"""Nothing is lost at one click: a page asks, with numbers, and leads back; a notice names what was done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from accounts.core.clock import now
from accounts.flows.sessions.session import STEP_UP_MAX_AGE
from accounts.flows.shared.accounts import find_account
from tests.apps import register_app, sign_in_to_apps
from tests.kit.browser import Browser
from tests.kit.tables import dump_tables
from tests.people import Person, Service


class Scene:
    """An admin at the page of a member who is signed in here, in another browser, and to an app."""

    def __init__(self, service: Service) -> None:
        self.service, self.admin, self.member = service, service.admin(), service.member("ben")
        self.app = register_app(service).app
        sign_in_to_apps(service, self.member, self.app)
        assert service.person(email=self.member.email).sign_in().status_code == 200
        self.account_id = find_account(service.uow(), self.member.email).id
        self.account_page, self.app_page = f"/admin/accounts/{self.account_id}", f"/admin/apps/{self.app.id}"
        self.browser = Browser(self.admin.client)

    @property
    def session_path(self) -> str:
        session = self.admin.get(f"/api{self.account_page}").get_json()["sessions"][0]["id"]
        return f"{self.account_page}/sessions/{session}/end"


@pytest.fixture
def scene(service: Service) -> Scene:
    return Scene(service)


Act = tuple[Callable[[Scene], str], tuple[str, ...], Callable[[Scene], dict[str, str]], str]
ACTS: dict[str, Act] = {
    "disable": (
        lambda scene: f"{scene.account_page}/disable",
        ("Disable {email}?", "all 2 sessions", "1 connected app is told"),
        lambda scene: {},
        "{email} was disabled.",
    ),
    "sign out": (
        lambda scene: f"{scene.account_page}/sign-out",
        ("Sign {email} out everywhere?", "all 2 sessions"),
        lambda scene: {},
        "{email} was signed out everywhere.",
    ),
    "session": (
        lambda scene: scene.session_path,
        ("Sign out", "{email} has to sign in again on this device."),
        lambda scene: {},
        "was signed out.",
    ),
    "unlock": (
        lambda scene: f"{scene.account_page}/unlock",
        ("Unlock {email}?",),
        lambda scene: {},
        "{email} was unlocked.",
    ),
    "delete": (
        lambda scene: f"{scene.account_page}/delete",
        ("Delete {email} for good?", "all 2 sessions", "disconnected from 1 app"),
        lambda scene: {"email": scene.member.email},
        "{email} was deleted.",
    ),
    "switch off": (
        lambda scene: f"{scene.app_page}/disable",
        ("Disable Wiki?", "1 user loses access.", "1 sign-in to it ends."),
        lambda scene: {},
        "Wiki was disabled.",
    ),
    "switch on": (
        lambda scene: f"{scene.app_page}/enable",
        ("Enable Wiki?",),
        lambda scene: {},
        "Wiki was enabled.",
    ),
    "remove": (
        lambda scene: f"{scene.app_page}/remove",
        ("Remove Wiki for good?", "1 user loses access.", "can't be undone"),
        lambda scene: {"name": "Wiki"},
        "Wiki was removed.",
    ),
    "secret": (
        lambda scene: f"{scene.app_page}/secret",
        ("Create a new client secret for Wiki?", "24 hours"),
        lambda scene: {},
        "shown only once",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTS)
def test_a_page_asks_with_numbers_leads_back_and_a_notice_names_what_was_done(scene: Scene, name: str) -> None:
    find_path, questions, fields, notice = ACTS[name]
    path = find_path(scene)
    before = dump_tables(scene.service, "rate_limits")
    page = scene.browser.visit(path)
    for each in questions:
        assert each.format(email=scene.member.email) in page.text
    back = scene.account_page if path.startswith(scene.account_page) else scene.app_page
    assert back in page.links, "whoever thinks better of it gets back"
    assert dump_tables(scene.service, "rate_limits") == before, "asking changes nothing"
    page = scene.browser.submit(scene.browser.form(action=path), **fields(scene))
    assert notice.format(email=scene.member.email) in page.text


@pytest.mark.parametrize("name", ACTS)
def test_an_old_proof_is_renewed_on_the_way_to_the_question(scene: Scene, name: str) -> None:
    path = ACTS[name][0](scene)
    with time_machine.travel(now() + STEP_UP_MAX_AGE + timedelta(seconds=1), tick=True):
        scene.browser.visit(path)
        assert scene.browser.url == f"/confirm?next={path}"
        scene.browser.submit(password=scene.admin.password)
        assert scene.browser.url == path


def test_what_is_deleted_for_good_has_to_be_typed_and_json_asks_nothing(scene: Scene) -> None:
    for path, wrong in (
        (f"{scene.account_page}/delete", {"email": "x@example.org"}),
        (f"{scene.app_page}/remove", {"name": "wiki"}),
    ):
        scene.browser.visit(path)
        scene.browser.submit(scene.browser.form(action=path), **wrong)
        assert scene.browser.status == 422
    assert scene.admin.get(f"/api{scene.app_page}").status_code == 200
    assert scene.admin.delete(f"/api{scene.app_page}").status_code == 204


def change_groups(scene: Scene, groups: str) -> str:
    scene.browser.visit(f"{scene.account_page}/groups")
    return scene.browser.submit(scene.browser.form("groups"), groups=groups).text


def groups_of(scene: Scene) -> list[str]:
    return list(scene.admin.get(f"/api{scene.account_page}").get_json()["account"]["groups"])


def test_a_group_is_taken_away_only_from_whom_a_page_has_asked_about(scene: Scene) -> None:
    assert f"The groups of {scene.member.email} were updated." in change_groups(scene, "board, staff")
    asked = change_groups(scene, "staff, editors")
    assert f"Remove {scene.member.email} from 1 group?" in asked
    assert "Removed from: board Added to: editors" in asked
    assert "all 2 sessions" in asked
    assert groups_of(scene) == ["board", "staff"], "asking changes nothing"
    question = scene.browser.form("leaving")
    answer = scene.admin.post(f"/api{scene.account_page}/groups", {"groups": ["board", "staff", "treasury"]})
    assert answer.status_code == 200
    asked = scene.browser.submit(question).text
    assert "from 2 groups?" in asked, "somebody has added one meanwhile: that was not agreed to"
    assert groups_of(scene) == ["board", "staff", "treasury"]
    assert "were updated." in scene.browser.submit(scene.browser.form("leaving")).text
    assert groups_of(scene) == ["editors", "staff"]


def test_whoever_is_the_last_admin_reads_so_on_the_page_that_asked(scene: Scene) -> None:
    admin: Person = scene.admin
    own_id = find_account(scene.service.uow(), admin.email).id
    scene.browser.visit(f"/admin/accounts/{own_id}/disable")
    page = scene.browser.submit(scene.browser.form(action="/disable"))
    assert scene.browser.status == 409
    assert f"Disable {admin.email}?" in page.text
