"""The HTTP session: keys in headers and nowhere else, no cookies, no credentials from other places."""

from __future__ import annotations

import re
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from bookeo.errors import SettingsError
from bookeo.settings import BookeoSettings, is_loopback


class _Keys(AuthBase):
    """Puts the keys into a request's headers, and keeps `requests` from looking for other credentials in .netrc."""

    def __init__(self, api_key: str, secret_key: str) -> None:
        self._headers = {"X-Bookeo-apiKey": api_key, "X-Bookeo-secretKey": secret_key}

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers.update(self._headers)
        return r

    def __repr__(self) -> str:
        return "_Keys()"


def http_session(settings: BookeoSettings, api_key: str, secret_key: str) -> requests.Session:
    """Makes a session for all threads: its pool is made for that, and cookies, all else it shares, are refused.

    Args:
        settings: Base URL and the number of connections to keep.
        api_key: See `header_key`.
        secret_key: See `header_key`.

    Returns:
        The session; its repr and its stored headers hold no key.
    """
    session = requests.Session()
    session.auth = _Keys(api_key, secret_key)
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "bookeo-dlt"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A proxy of the environment is for the outside, never for a server on this machine.
    session.trust_env = not is_loopback(settings.base_url)
    session.mount(settings.base_url, HTTPAdapter(pool_connections=1, pool_maxsize=settings.concurrency, max_retries=0))
    return session


def header_key(name: str, value: str | None) -> str:
    """Makes sure that a key can travel in a header: `requests` would repeat a bad one in its exception.

    Args:
        name: The setting's name.
        value: The key; white space around it, as from a file's last line, is dropped.

    Returns:
        The key.

    Raises:
        SettingsError: It is empty or holds other than printable ASCII characters.
    """
    key = (value or "").strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise SettingsError(f"The setting {name} is empty or holds characters that no key has, such as spaces.")
    return key
