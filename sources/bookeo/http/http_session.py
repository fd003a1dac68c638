"""The HTTP session: keys in headers and nowhere else, no cookies, no credentials from other places."""

from __future__ import annotations

import re
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from bookeo.errors import SettingsError
from bookeo.settings.model import BookeoSettings, is_loopback


class _Keys(AuthBase):
    """Puts the keys into a request's headers, and keeps `requests` from looking for other credentials in .netrc."""

    def __init__(self, api_key: str, secret_key: str) -> None:
        self._headers = {"X-Bookeo-apiKey": api_key, "X-Bookeo-secretKey": secret_key}

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers.update(self._headers)
        return r

    def __repr__(self) -> str:
        return "_Keys()"


class _Session(requests.Session):
    """A session all of whose requests go to one host, with the same headers: these are put together once."""

    _common: requests.PreparedRequest | None = None
    _environment: Any = None

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Makes a request ready; of its own it has a method, an address, parameters, a body and headers.

        Args:
            request: The request.

        Returns:
            What is sent.
        """
        if self._common is None:
            self._common = super().prepare_request(requests.Request("GET", request.url))
        prepared = self._common.copy()
        prepared.prepare_method(request.method)
        prepared.prepare_url(request.url, request.params)
        prepared.headers.update(request.headers or {})
        prepared.prepare_body(request.data, None)
        return prepared

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Finds proxies and certificates in the environment, once.

        Args:
            url: As of `requests.Session`, as all the others.
            proxies: None.
            stream: True.
            verify: None.
            cert: None.

        Returns:
            Arguments for `send`.
        """
        if self._environment is None:
            self._environment = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return self._environment


def http_session(settings: BookeoSettings, api_key: str, secret_key: str) -> requests.Session:
    """Makes a session for all threads: its pool is made for that, and cookies, all else it shares, are refused.

    Args:
        settings: Base URL and the number of connections to keep.
        api_key: See `header_key`.
        secret_key: See `header_key`.

    Returns:
        The session; its repr and its stored headers hold no key.
    """
    session = _Session()
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
