"""Where the requests about an interaction go."""

import pytest

from gstream.cli.interaction_requests import InteractionRequests

OPTIONS = {"base_url": "http://h", "api_version": "v1"}


def test_an_id_is_escaped_in_the_address() -> None:
    requests = InteractionRequests(OPTIONS)

    assert requests.get("a/b?c=d").url == "http://h/v1/interactions/a%2Fb%3Fc%3Dd"
    assert requests.stream("a", "e/1==").url.endswith("/a?stream=true&last_event_id=e%2F1%3D%3D")


@pytest.mark.parametrize("name", [".", ".."])
def test_an_id_of_the_server_does_not_leave_the_path(name: str) -> None:
    assert InteractionRequests(OPTIONS).get(name).url == "http://h/v1/interactions/" + (
        name.replace(".", "%2E")
    )
