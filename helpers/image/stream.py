"""A saved image, as it streams out of the engine in pieces as large as possible.

To a client of HTTP/1.1 an engine sends it in chunks of 32 KB, and the SDK takes each apart. To a client of HTTP/1.0 it
sends the bytes as they are and closes the connection at their end (RFC 9112, 6.3 and 7.1). The price: a lost connection
looks like an end. Readers look for the archive's own end mark."""

from collections.abc import Iterator

from docker import APIClient
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

from ..engine.timeouts import patient

_PIECE = 4 << 20
_SECONDS = 1800   # Docker up to 24 writes all layers to its disk before it sends the first byte
_SCHEME = "http+docker://"   # of the SDK's own addresses, where it uses a socket


def stream(api: APIClient, image_id: str) -> Iterator[bytes]:
    """The archive that `docker save` would write: in pieces of megabytes from an engine on a
    socket of this machine, else as they arrive. Raises what the SDK does."""
    adapter = getattr(api, "adapters", {}).get(_SCHEME)
    if not isinstance(adapter, UnixHTTPAdapter):
        return patient(api, _SECONDS).get_image(image_id, chunk_size=_PIECE)
    # A client of its own: the engine's client stays as it is for all other requests.
    own = APIClient(base_url=f"unix://{adapter.socket_path}", version=api.api_version, timeout=_SECONDS)
    own.headers["Connection"] = "close"   # asked to keep it alive, some servers never end the answer
    own.mount(_SCHEME, _Adapter(f"http+unix://{adapter.socket_path}", _SECONDS))
    return own.get_image(image_id, chunk_size=_PIECE)


class _Connection(UnixHTTPConnection):
    _http_vsn, _http_vsn_str = 10, "HTTP/1.0"   # how http.client names the version that it uses


class _Pool(UnixHTTPConnectionPool):
    def _new_conn(self) -> _Connection:
        return _Connection(self.base_url, self.socket_path, self.timeout)


class _Adapter(UnixHTTPAdapter):
    def get_connection(self, url: str, proxies: object = None) -> _Pool:
        return _Pool(url, self.socket_path, self.timeout, maxsize=1)
