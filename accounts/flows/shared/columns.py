"""Know the columns of lists of people by what other systems call them: each meaning and its names, declared once.

Names are compared in a normal form: ``Email Address [Required]``, ``email_address`` and ``emailAddress`` are one.
Every name stands here in the spelling of the system that is named with it, as its public documentation has it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache


class Meaning(Enum):
    """What the values of a column say; the value is how documents call it."""

    EMAIL = "address"
    HASH = "hash"
    NAME = "name"
    FIRST_NAME = "first name"
    LAST_NAME = "last name"
    LOCALE = "language"
    ZONE = "time zone"
    GROUPS = "groups"
    DAYS = "days of an invitation"
    MESSAGE = "words of the inviter"
    APP = "app that an invitation leads to"
    PRINCIPAL = "name to sign in with that looks like an address"
    PROXIES = "all addresses of a mailbox, the main one behind SMTP:"
    CONFIRMED = "confirmed (yes or no, or since when)"
    ACTIVE = "may be used (yes or no)"
    DISABLED = "may not be used (yes or no, or since when)"
    DISABLED_UNTIL = "may not be used until then"
    DELETED = "deleted (yes or no, or since when)"
    STATUS = "status (a word)"
    STATUS_OR_FLAG = "status (a word), or 0 or 1"
    AD_FLAGS = "flags of Active Directory"
    CREATED = "moment of creation"
    LAST_SIGN_IN = "moment of the last sign-in"
    TERMS_VERSION = "version of the terms that was accepted"
    TERMS_ACCEPTED = "moment at which it was"
    NOT_USED = "known, and of no use here"


COLUMNS: Mapping[Meaning, Mapping[str, str]] = {
    Meaning.EMAIL: {
        "email": "Auth0, Supabase, Firebase, Keycloak, Laravel, Discourse, Cognito, ASP.NET Identity",
        "email_address": "usual", "mail": "LDAP", "user_email": "WordPress", "primaryEmail": "Google Workspace",
        "Email Address [Required]": "Google Workspace", "profile.email": "Okta", "emails": "SCIM",
        "e-mail": "German", "mail address": "usual", "e-mail address": "usual", "E-mail 1 - Value": "Google Contacts",
        "Mailadresse": "German", "Emailadresse": "German", "adresse e-mail": "French", "courriel": "French",
        "adresse électronique": "French", "adresse mail": "French", "correo": "Spanish",
        "correo electrónico": "Spanish", "dirección de correo": "Spanish",
        "dirección de correo electrónico": "Spanish",
    },
    Meaning.HASH: {
        "password_hash": "usual", "encrypted_password": "Devise, Supabase", "hashed_password": "usual",
        "password": "Django, Laravel, Flask-Security", "passwordHash": "Auth0, Firebase, ASP.NET Identity",
        "userPassword": "LDAP", "user_pass": "WordPress", "hash": "usual", "pw_hash": "usual", "pwhash": "usual",
        "password_digest": "Rails", "passwd": "usual", "custom_password_hash": "Auth0", "credentials": "Keycloak",
        "Passwort": "German", "mot de passe": "French", "contraseña": "Spanish",
    },
    Meaning.NAME: {
        "name": "Auth0, Laravel, Discourse, Cognito", "full_name": "usual", "display_name": "WordPress, LDAP",
        "cn": "LDAP", "Anzeigename": "German", "Vollständiger Name": "German",
        "Nom complet": "French", "Nom affiché": "French", "Nombre completo": "Spanish",
        "Nombre y apellidos": "Spanish",
    },
    Meaning.FIRST_NAME: {
        "first_name": "Django, Keycloak, Okta", "given_name": "Auth0, Cognito, LDAP", "Vorname": "German",
        "First Name [Required]": "Google Workspace", "Prénom": "French", "Nombre": "Spanish",
    },
    Meaning.LAST_NAME: {
        "last_name": "Django, Keycloak, Okta", "family_name": "Auth0, Cognito", "sn": "LDAP", "surname": "usual",
        "Nachname": "German", "Familienname": "German", "Last Name [Required]": "Google Workspace",
        "Nom": "French", "Nom de famille": "French", "Apellido": "Spanish", "Apellidos": "Spanish",
    },
    Meaning.LOCALE: {
        "locale": "Auth0, Keycloak, Cognito, Okta", "language": "usual", "lang": "Moodle",
        "preferredLanguage": "LDAP, Okta", "Sprache": "German", "Langue": "French", "Idioma": "Spanish",
    },
    Meaning.ZONE: {
        "zoneinfo": "Auth0, Keycloak, Cognito, Okta", "zone": "usual", "timezone": "Moodle, Discourse, Okta, SCIM",
        "time_zone": "usual", "Zeitzone": "German",
    },
    Meaning.GROUPS: {
        "groups": "Keycloak", "group": "usual", "roles": "usual", "role": "usual", "realmRoles": "Keycloak",
        "Gruppe": "German", "Gruppen": "German", "Rolle": "German", "Rollen": "German",
        "Groupe": "French", "Groupes": "French", "Rôle": "French", "Rôles": "French",
        "Grupo": "Spanish", "Grupos": "Spanish", "Rol": "Spanish",
    },
    Meaning.DAYS: {
        "days": "usual", "valid for days": "usual", "Tage": "German", "gültig": "German", "Gültigkeit": "German",
        "gültig für Tage": "German", "jours": "French", "validité": "French", "valable jours": "French",
        "días": "Spanish", "validez": "Spanish", "válido días": "Spanish",
    },
    Meaning.MESSAGE: {
        "message": "usual", "words": "usual", "Nachricht": "German", "Mitteilung": "German", "Worte": "German",
        "mensaje": "Spanish",
    },
    Meaning.APP: {"app": "usual", "application": "usual", "Anwendung": "German", "aplicación": "Spanish"},
    Meaning.PRINCIPAL: {"User principal name": "Microsoft 365", "userPrincipalName": "Microsoft Entra"},
    Meaning.PROXIES: {"Proxy addresses": "Microsoft 365"},
    Meaning.CONFIRMED: {
        "confirmed_at": "Devise, Flask-Security, Supabase", "confirmed": "usual", "email_confirmed_at": "Supabase",
        "email_verified_at": "Laravel", "email_verified": "Auth0, Keycloak, Firebase, Cognito, Okta",
        "verified": "usual", "EmailConfirmed": "ASP.NET Identity", "verified_at": "usual", "is_verified": "usual",
        "is_confirmed": "usual", "email_validated": "usual", "is_email_verified": "usual",
        "email_is_verified": "usual", "is_email_confirmed": "usual", "bestätigt": "German",
        "confirmé": "French", "vérifié": "French", "confirmado": "Spanish", "verificado": "Spanish",
    },
    Meaning.ACTIVE: {
        "active": "Flask-Security, Discourse, SCIM", "is_active": "Django", "enabled": "Keycloak, Cognito",
        "is_enabled": "usual", "accountNonLocked": "Spring", "accountEnabled": "Microsoft Entra", "aktiv": "German",
        "actif": "French", "activé": "French", "activo": "Spanish", "activado": "Spanish",
    },
    Meaning.DISABLED: {
        "disabled": "Firebase", "is_disabled": "usual", "disabled_at": "usual", "blocked": "Auth0",
        "is_blocked": "usual", "blocked_at": "usual", "banned": "usual", "is_banned": "usual", "banned_at": "usual",
        "suspended": "Google Workspace, Discourse, Moodle", "is_suspended": "usual", "suspended_at": "Discourse",
        "deactivated": "usual", "is_deactivated": "usual", "deactivated_at": "usual", "locked": "usual",
        "is_locked": "usual", "locked_at": "Devise", "inactive": "usual", "archived": "Google Workspace",
        "is_archived": "usual", "archived_at": "usual", "spam": "WordPress",
        "nsAccountLock": "LDAP", "pwdAccountLockedTime": "LDAP", "staged": "Discourse", "frozen": "usual",
        "Block credential": "Microsoft 365", "gesperrt": "German", "deaktiviert": "German",
        "désactivé": "French", "bloqué": "French", "suspendu": "French", "verrouillé": "French",
        "desactivado": "Spanish", "bloqueado": "Spanish", "suspendido": "Spanish",
    },
    Meaning.DISABLED_UNTIL: {
        "banned_until": "Supabase", "suspended_until": "usual", "suspended_till": "Discourse",
        "blocked_until": "usual", "locked_until": "usual", "lockout_end": "ASP.NET Identity",
        "lockoutEndDateUtc": "ASP.NET Identity", "disabled_until": "usual", "lock_expires_at": "usual",
    },
    Meaning.DELETED: {
        "deleted_at": "Laravel, Supabase", "deleted": "WordPress, Moodle", "is_deleted": "usual",
        "removed_at": "usual", "soft_deleted_at": "usual", "deletion_date": "usual",
        "Soft deletion time stamp": "Microsoft 365", "gelöscht": "German",
        "supprimé": "French", "eliminado": "Spanish", "borrado": "Spanish",
    },
    Meaning.STATUS: {
        "status": "Okta", "account_status": "usual", "statut": "French", "estado": "Spanish",
        "Status [READ ONLY]": "Google Workspace", "user_state": "usual", "account_state": "usual",
    },
    Meaning.STATUS_OR_FLAG: {"user_status": "Cognito, WordPress"},
    Meaning.AD_FLAGS: {"userAccountControl": "Active Directory"},
    Meaning.CREATED: {
        "created_at": "Auth0, Supabase, Laravel, Discourse, Devise", "date_joined": "Django", "created": "Okta",
        "create_datetime": "Flask-Security", "createdTimestamp": "Keycloak", "user_registered": "WordPress",
        "UserCreateDate": "Cognito", "creationTime": "Google Workspace", "createTimestamp": "LDAP",
        "whenCreated": "Active Directory", "registered_at": "usual",
    },
    Meaning.LAST_SIGN_IN: {
        "last_sign_in_at": "Supabase, Devise", "current_sign_in_at": "Devise", "last_login_at": "Flask-Security",
        "current_login_at": "Flask-Security", "last_login": "Django, Auth0, Okta", "last_signed_in_at": "Firebase",
        "lastLoginTime": "Google Workspace", "Last Sign In [READ ONLY]": "Google Workspace",
        "last_seen_at": "Discourse",
    },
    Meaning.TERMS_VERSION: {"terms_version": "usual"},
    Meaning.TERMS_ACCEPTED: {"terms_accepted_at": "usual"},
    Meaning.NOT_USED: {
        # They look like a hash, a confirmation or a state, and are none of the account.
        "phone_verified": "Auth0", "phone_number_verified": "Cognito", "phone_confirmed_at": "Supabase",
        "PhoneNumberConfirmed": "ASP.NET Identity", "LockoutEnabled": "ASP.NET Identity",
        "TwoFactorEnabled": "ASP.NET Identity", "cognito:mfa_enabled": "Cognito", "SecurityStamp": "ASP.NET Identity",
        "ConcurrencyStamp": "ASP.NET Identity", "last_password_reset": "Auth0", "password_changed": "Okta",
        "password_changed_at": "usual", "passwordUpdatedAt": "Firebase", "pwdChangedTime": "LDAP",
        "reset_password_token": "Devise", "reset_password_sent_at": "Devise",
        "confirmation_token": "Devise, Supabase", "confirmation_sent_at": "Devise, Supabase",
        "unconfirmed_email": "Devise", "unlock_token": "Devise",
        "email_change_confirm_status": "Supabase", "status_changed": "Okta", "activated": "Okta",
        "disableableCredentialTypes": "Keycloak", "user_activation_key": "WordPress", "silenced_till": "Discourse",
        "Password Hash Function [UPLOAD ONLY]": "Google Workspace", "changePasswordAtNextLogin": "Google Workspace",
        "hashPasswordFunction": "Google Workspace", "suspensionReason": "Google Workspace",
        "UserLastModifiedDate": "Cognito", "remember_token": "Laravel",
        "Password never expires": "Microsoft 365", "Strong password required": "Microsoft 365",
        "Last password change time stamp": "Microsoft 365", "invitationState": "Microsoft Entra",
    },
}  # fmt: skip
EMAIL_PATTERN = re.compile(r"[^\s,;<>@\"]+@[^\s,;<>@\"]+")
NAMED_EMAIL_PATTERN = re.compile(r"\s*+\"?+([^<>\"]*+)(?:\"\s*+)?+<([^<>]*+)>\s*+")
"""An address as mail programs copy it: ``Ann Example <ann@example.org>``. Nothing is tried twice: a cell may be as
long as the file, and some thousand blanks would else keep a whole process busy for minutes."""
BRACKETED = re.compile(r"\[[^\]]{0,200}\]|\([^)]{0,200}\)|<[^>]{0,200}>|\{[^}]{0,200}\}")
NO_LETTER = re.compile(r"[\W_]+")
SUSPICIOUS_STEMS = (
    "passw", "pwd", "hashed", "digest", "verif", "confirm", "validat", "bestaetig", "bestätig", "disabl", "suspen",
    "optin", "deactiv", "deaktiv", "banned", "blocked", "locked", "lockout", "deleted", "removed", "gesperrt",
    "gelöscht", "archiv", "inactive", "vérif", "désactiv", "desactiv", "bloqu", "verrouill", "supprim", "eliminad",
    "borrad", "motdepasse", "contraseñ",
)  # fmt: skip
"""What a name that is not known must not have in it, or it may say who may not come in."""
SUSPICIOUS_WORDS = frozenset({
    "hash", "salt", "pw", "pass", "crypt", "credential", "credentials", "doi", "optin", "ban", "bans", "block",
    "lock", "state", "status", "active", "enabled", "aktiv", "zustand", "closed", "terminated", "approved",
    "statut", "estado", "actif", "activo", "activé", "activado",
})  # fmt: skip
"""The same of short words, which other words may have in them."""
HASH_VALUE = re.compile(
    r"\$(?:2[abxy]|argon2\w*|pbkdf2[\w-]*|bcrypt-\w+|scrypt|wp|[156yPHS])\$|\{[A-Za-z0-9-]+\}\S{8}|pbkdf2[:_]"
)
"""How values begin that are hashes, whatever their column is called."""


@lru_cache(maxsize=4096)
def normalize_name(name: str) -> str:
    """Return the form in which names of columns are compared: small letters and digits, without brackets."""
    composed = unicodedata.normalize("NFKC", name).casefold()
    return NO_LETTER.sub("", BRACKETED.sub("", composed)) or NO_LETTER.sub("", composed)


MEANING_OF_NAME: Mapping[str, Meaning] = {
    normalize_name(name.removeprefix("profile.")): meaning for meaning, names in COLUMNS.items() for name in names
}


@lru_cache(maxsize=4096)
def is_suspicious(name: str) -> bool:
    """Return whether the name of a column that is not known looks like a hash, a confirmation or a state."""
    words = {word.casefold() for word in re.findall(r"[A-ZÀ-Þ]?[a-zß-ÿ]+|[A-ZÀ-Þ]+", BRACKETED.sub("", name))}
    return bool(words & SUSPICIOUS_WORDS) or any(stem in normalize_name(name) for stem in SUSPICIOUS_STEMS)


def is_email(cell: str) -> bool:
    """Return whether a cell looks like an address, and like nothing else."""
    match = NAMED_EMAIL_PATTERN.fullmatch(cell)
    return EMAIL_PATTERN.fullmatch(match[2] if match else cell.strip()) is not None


def is_email_or_heading(cell: str) -> bool:
    """Return whether a cell is surely a whole one: an address, or a heading that is known."""
    return is_email(cell) or normalize_name(cell) in MEANING_OF_NAME
