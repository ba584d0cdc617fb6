"""The fake registry's answers: one method for each route of OCI distribution 1.1."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from cogsmith.testing.registry.state import Fault, Seen, State

__all__ = ["Server"]

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
NAME = r"(?P<name>[a-z0-9._/-]+)"


class _Cut(Exception):
    """The connection is over."""


class _Refused(Exception):
    """The answer is an error of the distribution spec."""

    def __init__(self, status: int, code: str, message: str = "", detail: object = None) -> None:
        self.status, self.code, self.message, self.detail = status, code, message, detail
        super().__init__(code)


def _digest(data: bytes | bytearray, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Silence."""

    def handle_any(self) -> None:
        """Every method: meet the fault, else answer; and remember the request."""
        self.registry = self.server.registry
        self.fault = self.registry.fault(f"{self.command} {self.path}")
        self.received, self.noted = 0, False
        parts = urlsplit(self.path)
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            self._act(parts.path)
        except _Refused as refused:
            self._complain(refused)
        except _Cut:
            self.close_connection = True
            _hang_up(self.connection)
        finally:
            self._note()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def _act(self, path: str) -> None:
        if self.fault is not None and self._is_over(self.fault):
            return
        if 0 < self.registry.largest < int(self.headers.get("Content-Length") or 0):
            self._body()
            self._answer(413, b"<html>413 Request Entity Too Large</html>")
            return
        if path == "/token":
            self._token()
            return
        self._authorize(path)
        for method, pattern, action in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method.split():
                action(self, **found.groupdict())
                return
        self._body()
        raise _Refused(404, "NOT_FOUND", "no such route")

    def _is_over(self, fault: Fault) -> bool:
        """Do what a fault says before the right answer; whether there is none any more."""
        if fault.then is not None:
            fault.then()
        time.sleep(fault.delay)
        if fault.cut_request is not None and fault.cut_request == 0:
            raise _Cut
        if fault.status:
            self._body()
            self._answer(fault.status, fault.body, fault.headers)
            return True
        if fault.redirect:
            self._body()
            self._answer(307, headers={"Location": fault.redirect + self.path})
            return True
        return False

    def _note(self) -> None:
        """Remember the request, before the client learns that it was answered."""
        if not self.noted:
            self.noted = True
            headers = {name.lower(): value for name, value in self.headers.items()}
            with self.registry.lock:
                self.registry.seen.append(Seen(self.command, self.path, headers, self.received))

    # Bodies

    def _body(self) -> bytes:
        data = bytearray()
        self._into(data)
        return bytes(data)

    def _into(self, data: bytearray) -> None:
        """Read the body behind what is there. Raises _Cut when the fault or the client ends it."""
        left = int(self.headers.get("Content-Length") or 0)
        cut = self.fault.cut_request if self.fault else None
        while left:
            piece = self.rfile.read1(min(left, 65536))
            if not piece:
                raise _Cut
            data += piece
            left -= len(piece)
            self.received += len(piece)
            if cut is not None and self.received >= cut:
                raise _Cut

    def _answer(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        fault = self.fault
        self._note()
        if fault is not None and fault.damage and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is not None and fault.cut_reply is not None:
            self.wfile.write(body[: fault.cut_reply])
            raise _Cut
        self.wfile.write(body)

    def _complain(self, refused: _Refused) -> None:
        entry = {"code": refused.code, "message": refused.message, "detail": refused.detail}
        headers = {"Content-Type": "application/json"}
        if refused.status == 401:
            headers["WWW-Authenticate"] = self._challenge()
        self._answer(refused.status, json.dumps({"errors": [entry]}).encode(), headers)

    # Who asks

    def _challenge(self) -> str:
        if self.registry.auth == "basic":
            return 'Basic realm="fake, for tests"'
        scope = f',scope="{self.wanted}"' if self.wanted else ""
        return (
            f'Bearer realm="{self.registry.realm or self.registry.url}/token",service="fake"{scope}'
        )

    def _authorize(self, path: str) -> None:
        found = re.match(rf"/v2/{NAME}/(?:blobs|manifests|tags|referrers)/", path)
        action = "pull" if self.command in ("GET", "HEAD") else "pull,push"
        self.wanted = f"repository:{found['name']}:{action}" if found else ""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if not self.registry.auth:
            return
        if self.registry.auth == "basic" and kind == "Basic" and self._user(value):
            return
        if self.registry.auth == "token" and kind == "Bearer":
            ends_at, scopes = self.registry.tokens.get(value, (0.0, frozenset()))
            if ends_at > time.monotonic() and self._allowed(scopes, self.wanted):
                return
        self._body()
        raise _Refused(401, "UNAUTHORIZED", "authentication required")

    @staticmethod
    def _allowed(scopes: frozenset[str], wanted: str) -> bool:
        name, _, actions = wanted.rpartition(":")
        return all(f"{name}:{action}" in scopes for action in actions.split(",") if action)

    def _user(self, pair: str) -> bool:
        name, _, password = base64.b64decode(pair).decode().partition(":")
        return self.registry.users.get(name) == password

    def _token(self) -> None:
        form = parse_qs(self._body().decode()) if self.command == "POST" else {}
        query = form or parse_qs(urlsplit(self.path).query)
        kind, _, pair = self.headers.get("Authorization", "").partition(" ")
        known = kind == "Basic" and self._user(pair)
        if form:
            known = form.get("refresh_token") == [self.registry.identity]
        if (kind or form) and not known:
            raise _Refused(401, "UNAUTHORIZED", "wrong credentials")
        granted = set()
        for scope in " ".join(query.get("scope", [])).split():
            name, _, actions = scope.rpartition(":")
            granted |= {f"{name}:{a}" for a in actions.split(",") if known or a == "pull"}
        if self.registry.users and not known:
            granted = set()
        value = f"token-{next(self.registry.numbers)}"
        life = self.registry.token_lifetime
        self.registry.tokens[value] = time.monotonic() + life, frozenset(granted)
        body = json.dumps({"token": value, "expires_in": life}).encode()
        self._answer(200, body, {"Content-Type": "application/json"})

    # Blobs

    def root(self) -> None:
        """Whether there is a registry, and whether it takes us."""
        self._answer(200, b"{}")

    def blob(self, name: str, digest: str) -> None:
        """A blob: read, from a byte on, looked for, deleted."""
        stored = self.registry.stored
        if digest not in stored.blobs.get(name, ()):
            raise _Refused(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})
        if self.command == "DELETE":
            stored.blobs[name].discard(digest)
            self._answer(202)
            return
        data = stored.content[digest]
        headers = {"Docker-Content-Digest": digest, "Content-Type": "application/octet-stream"}
        if self.command == "HEAD":
            self._answer(200, headers={**headers, "Content-Length": str(len(data))})
            return
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._answer(206 if start else 200, data[start:], headers)

    def begin(self, name: str) -> None:
        """Open an upload, or mount what another repository has."""
        self._body()
        stored, digest = self.registry.stored, self.query.get("mount", "")
        with self.registry.lock:
            if digest and digest in stored.blobs.get(self.query.get("from", ""), ()):
                stored.blobs.setdefault(name, set()).add(digest)
                self._answer(201, headers={"Location": f"/v2/{name}/blobs/{digest}"})
                return
            upload = f"upload-{next(self.registry.numbers)}"
            stored.uploads[upload] = bytearray()
        headers = {"OCI-Chunk-Min-Length": str(self.registry.chunk_min)}
        self._under_way(name, upload, 202, headers if self.registry.chunk_min else {})

    def _under_way(
        self, name: str, upload: str, status: int, headers: Mapping[str, str] | None = None
    ) -> None:
        size = len(self.registry.stored.uploads[upload])
        location = f"/v2/{name}/blobs/uploads/{upload}?{urlencode({'_state': size})}"
        self._answer(
            status,
            headers={"Location": location, "Range": f"0-{max(size - 1, 0)}", **(headers or {})},
        )

    def upload(self, name: str, upload: str) -> None:
        """An upload: how far it is, its next bytes, its end."""
        data = self.registry.stored.uploads.get(upload)
        if data is None:
            self._body()
            raise _Refused(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if self.command == "GET":
            self._under_way(name, upload, 204)
            return
        start = self.headers.get("Content-Range", "").partition("-")[0]
        if start and int(start) != len(data):
            self._body()
            raise _Refused(416, "BLOB_UPLOAD_INVALID", "not the byte that comes next")
        self._receive(upload, data)
        if self.command == "PATCH":
            self._under_way(name, upload, 202)
        else:
            self._commit(name, upload, bytes(data))

    def _receive(self, upload: str, data: bytearray) -> None:
        try:
            self._into(data)
        except _Cut:
            if not self.registry.keeps_cut_uploads:
                self.registry.stored.uploads.pop(upload, None)
            raise

    def _commit(self, name: str, upload: str, data: bytes) -> None:
        digest, stored = self.query.get("digest", ""), self.registry.stored
        del stored.uploads[upload]
        if _digest(data, digest.partition(":")[0] or "sha256") != digest:
            raise _Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        with self.registry.lock:
            stored.content[digest] = data
            stored.blobs.setdefault(name, set()).add(digest)
        self._answer(
            201, headers={"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
        )

    # Manifests

    def manifest(self, name: str, target: str) -> None:
        """A manifest or an index by tag or digest."""
        stored = self.registry.stored
        digest = target if ":" in target else stored.tags.get(name, {}).get(target, "")
        if self.command == "PUT":
            self._put(name, target, self._body())
            return
        media_type = stored.manifests.get(name, {}).get(digest)
        if media_type is None:
            code = "MANIFEST_UNKNOWN" if name in stored.manifests else "NAME_UNKNOWN"
            raise _Refused(404, code, f"{code.lower().replace('_', ' ')}", {"target": target})
        if self.command == "DELETE":
            self._delete(name, target)
            return
        headers = {"Docker-Content-Digest": digest, "Content-Type": media_type}
        data = stored.content[digest]
        if self.command == "HEAD":
            headers["Content-Length"] = str(len(data))
        self._answer(200, b"" if self.command == "HEAD" else data, headers)

    def _put(self, name: str, target: str, data: bytes) -> None:
        document, digest, stored = json.loads(data), _digest(data), self.registry.stored
        if ":" in target and target != digest:
            raise _Refused(400, "DIGEST_INVALID", "provided digest did not match the manifest")
        wanted = [document["config"], *document["layers"]] if "layers" in document else []
        for entry in wanted:
            if entry["digest"] not in stored.blobs.get(name, ()):
                detail = {"digest": entry["digest"]}
                raise _Refused(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", detail)
        media_type = self.headers.get("Content-Type", "")
        with self.registry.lock:
            stored.content[digest] = data
            stored.manifests.setdefault(name, {})[digest] = media_type
            if ":" not in target:
                stored.tags.setdefault(name, {})[target] = digest
        headers = {"Docker-Content-Digest": digest, "Location": f"/v2/{name}/manifests/{digest}"}
        if "subject" in document and self.registry.referrers:
            headers["OCI-Subject"] = document["subject"]["digest"]
        self._answer(201, headers=headers)

    def _delete(self, name: str, target: str) -> None:
        stored = self.registry.stored
        if ":" in target:
            del stored.manifests[name][target]
            tags = stored.tags.get(name, {})
            stored.tags[name] = {tag: digest for tag, digest in tags.items() if digest != target}
        else:
            del stored.tags[name][target]
        self._answer(202)

    # Lists

    def tags(self, name: str) -> None:
        """The tags, in pages."""
        if name not in self.registry.stored.manifests:
            raise _Refused(404, "NAME_UNKNOWN", "repository name not known to registry")
        tags = sorted(self.registry.stored.tags.get(name, {}))
        after = [tag for tag in tags if tag > self.query.get("last", "")]
        count = min(int(self.query.get("n") or 1000), self.registry.page or 1000)
        page, headers = after[:count], {"Content-Type": "application/json"}
        if len(after) > count:
            query = urlencode({"last": page[-1], "n": count})
            headers["Link"] = f'</v2/{name}/tags/list?{query}>; rel="next"'
        self._answer(200, json.dumps({"name": name, "tags": page}).encode(), headers)

    def refer(self, name: str, digest: str) -> None:
        """What names a manifest as its subject."""
        if not self.registry.referrers:
            self._answer(404, b"404 page not found\n", {"Content-Type": "text/plain"})
            return
        wanted = self.query.get("artifactType", "")
        entries = [
            entry
            for entry in self._referrers(name, digest)
            if wanted in ("", entry["artifactType"])
        ]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        headers = {"Content-Type": OCI_INDEX}
        if wanted:
            headers["OCI-Filters-Applied"] = "artifactType"
        self._answer(200, json.dumps(index).encode(), headers)

    def _referrers(self, name: str, digest: str) -> Iterable[dict[str, Any]]:
        stored = self.registry.stored
        for known, media_type in stored.manifests.get(name, {}).items():
            data = stored.content[known]
            document = json.loads(data)
            if document.get("subject", {}).get("digest") == digest:
                config = document.get("config", {}).get("mediaType", "")
                yield {
                    "mediaType": media_type, "digest": known, "size": len(data),
                    "artifactType": document.get("artifactType") or config,
                    "annotations": document.get("annotations", {}),
                }  # fmt: skip


ROUTES: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("GET HEAD", r"/v2/", Handler.root),
    ("POST", rf"/v2/{NAME}/blobs/uploads/", Handler.begin),
    ("GET PATCH PUT", rf"/v2/{NAME}/blobs/uploads/(?P<upload>[^/]+)", Handler.upload),
    ("GET HEAD DELETE", rf"/v2/{NAME}/blobs/(?P<digest>[^/]+)", Handler.blob),
    ("GET HEAD PUT DELETE", rf"/v2/{NAME}/manifests/(?P<target>[^/]+)", Handler.manifest),
    ("GET", rf"/v2/{NAME}/tags/list", Handler.tags),
    ("GET", rf"/v2/{NAME}/referrers/(?P<digest>[^/]+)", Handler.refer),
)


class Server(ThreadingHTTPServer):
    """Listens on this machine, a thread for each connection, until it is ended."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, registry: State) -> None:
        self.registry = registry
        self.wires: set[socket.socket] = set()
        super().__init__(("127.0.0.1", registry.port), Handler)
        if registry.tls is not None:
            self.socket = registry.tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, to be able to break it."""
        self.wires.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """A connection is over."""
        self.wires.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections end when they end."""

    def end(self) -> None:
        """Break all connections, as a kill would."""
        self.shutdown()
        self.server_close()
        for wire in list(self.wires):
            _hang_up(wire)


def _hang_up(wire: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
