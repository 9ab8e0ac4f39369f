"""What an org tells about the user who is logged in."""

from __future__ import annotations

from typing import Any

from target_salesforce.sandbox.store import Doc

_SETTINGS = {"active": True, "user_type": "STANDARD", "language": "en_US", "locale": "en_US", "utcOffset": 0}


def address(user: Doc, org_id: str, url: str) -> str:
    """Return the address of the user's identity."""
    return f"{url}/id/{org_id}/{user['Id']}"


def user_info(user: Doc, org_id: str, url: str) -> dict[str, Any]:
    """Return the answer of `/services/oauth2/userinfo`."""
    return {
        **_both(user, org_id, url), "sub": address(user, org_id, url), "name": user["Name"],
        "preferred_username": user["Username"], "nickname": user["Alias"], "given_name": None,
        "family_name": user["LastName"], "zoneinfo": "GMT", "profile": f"{url}/{user['Id']}", "picture": url,
        "address": {"country": None}, "is_salesforce_integration_user": False, "is_app_installed": True,
        "updated_at": user["SystemModstamp"],
    }  # fmt: skip


def identity(user: Doc, org_id: str, url: str) -> dict[str, Any]:
    """Return the answer at `address`."""
    return {
        **_both(user, org_id, url), "id": address(user, org_id, url), "asserted_user": True,
        "username": user["Username"], "nick_name": user["Alias"], "display_name": user["Name"],
        "first_name": None, "last_name": user["LastName"], "timezone": "GMT", "addr_country": None,
        "last_modified_date": user["SystemModstamp"],
    }  # fmt: skip


def _both(user: Doc, org_id: str, url: str) -> dict[str, Any]:
    return {
        **_SETTINGS, "user_id": user["Id"], "organization_id": org_id, "email": user["Email"],
        "email_verified": True, "photos": {"picture": url, "thumbnail": url},
        "urls": {"rest": f"{url}/services/data/v{{version}}/"},
    }  # fmt: skip
