"""A server in a container, without an engine."""

from types import SimpleNamespace

import pytest

from helpers.container import ServedContainer
from helpers.errors import Unsupported


def test_where_containers_share_everything_none_is_put_beside_another():
    server = ServedContainer("name", "image", "http://127.0.0.1:1", 0.0, SimpleNamespace(shares_network=True))
    with pytest.raises(Unsupported, match="beside another"):
        server.beside("image", ["true"])
