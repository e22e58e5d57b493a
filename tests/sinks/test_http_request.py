"""Where a URL leads, and what is asked there: a table."""

import h11
import pytest

from plantwright_gateway.sinks.http.request import Target, post, target_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://mes", Target(False, "mes", 80, "mes", "/")),
        ("http://mes:80/v1/events", Target(False, "mes", 80, "mes", "/v1/events")),
        ("http://mes:8080/", Target(False, "mes", 8080, "mes:8080", "/")),
        ("https://mes/v1?plant=a%20b&x#part", Target(True, "mes", 443, "mes", "/v1?plant=a%20b&x")),
        ("https://MES.example.:444/a;b", Target(True, "mes.example.", 444, "mes.example.:444", "/a;b")),
        ("http://[2001:db8::7]:81/", Target(False, "2001:db8::7", 81, "[2001:db8::7]:81", "/")),
        ("http://[::1]/", Target(False, "::1", 80, "[::1]", "/")),
        ("https://m\u00fcnchen.example/\u00e4?\u00f6", Target(True, "m\u00fcnchen.example", 443, "xn--mnchen-3ya.example", "/%C3%A4?%C3%B6")),
    ],
)  # fmt: skip
def test_a_url_leads_somewhere(url: str, expected: Target) -> None:
    assert target_of(url) == expected


@pytest.mark.parametrize(
    "url", ["ftp://mes/", "mes:80", "http://", "http:///v1", "http://mes:port/", "http://mes:99999/"]
)
def test_what_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        target_of(url)


def test_a_request_names_host_length_and_token() -> None:
    request = post(target_of("http://mes:81/v1"), 12, "t")
    headers = {bytes(name): bytes(value) for name, value in request.headers}
    assert (request.method, request.target) == (b"POST", b"/v1")
    assert headers[b"host"] == b"mes:81"
    assert headers[b"content-length"] == b"12"
    assert headers[b"authorization"] == b"Bearer t"


@pytest.mark.parametrize("token", ["a\r\nX: b", "a\nb", "a\0b"])
def test_a_token_cannot_bring_a_header_of_its_own(token: str) -> None:
    with pytest.raises(h11.LocalProtocolError):
        post(target_of("http://mes"), 0, token)
