"""A user server in Python, standard library only, written from the protocol.

    python3 user_server.py bearer TOKEN
    python3 user_server.py signed KEY_ID SECRET_IN_BASE64

It listens on a free port of this machine, prints its URL, and keeps its users in memory. It is here to show that
nothing in a user server needs Rust, and to be small enough to be read before a user server is written.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY_SIZE = 64 * 1024
MAX_COUNTER = 2**31 - 1
MAX_AGE = 60


class InvalidRequest(Exception):
    """The request is invalid and invokes nothing: 400."""


class Code(Exception):
    """An error code of an action."""


class Users:
    """The users table. One lock makes each operation a single step."""

    def __init__(self):
        self.lock = threading.Lock()
        self.by_id = {}
        self.by_email_address = {}

    def create_user(self, email_address, password_hash, password_hash_algorithm_id, password_salt):
        if email_address in self.by_email_address:
            raise Code("email_address_already_used")
        user = {
            "id": secrets.token_hex(12),
            "email_address": email_address,
            "password_hash": password_hash,
            "password_hash_algorithm_id": password_hash_algorithm_id,
            "password_salt": password_salt,
            "disabled": False,
            "display_name": "",
            "email_address_counter": 0,
            "password_hash_counter": 0,
            "disabled_counter": 0,
            "sessions_counter": 0,
        }
        self.by_id[user["id"]] = self.by_email_address[email_address] = user
        return {"user": user}

    def get_user(self, user_id):
        return {"user": self.find(user_id)}

    def get_user_by_email_address(self, email_address):
        if email_address not in self.by_email_address:
            raise Code("user_not_found")
        return {"user": self.by_email_address[email_address]}

    def update_user_email_address(self, user_id, email_address, user_email_address_counter):
        user = self.find(user_id)
        if self.by_email_address.get(email_address, user) is not user:
            raise Code("email_address_already_used")
        self.count(user, "email_address_counter", user_email_address_counter)
        del self.by_email_address[user["email_address"]]
        user["email_address"] = email_address
        self.by_email_address[email_address] = user
        return {}

    def update_user_password_hash(
        self, user_id, password_hash, password_hash_algorithm_id, password_salt, user_password_hash_counter
    ):
        user = self.find(user_id)
        self.count(user, "password_hash_counter", user_password_hash_counter)
        user["password_hash"] = password_hash
        user["password_hash_algorithm_id"] = password_hash_algorithm_id
        user["password_salt"] = password_salt
        return {}

    def increment_user_sessions_counter(self, user_id, user_sessions_counter):
        self.count(self.find(user_id), "sessions_counter", user_sessions_counter)
        return {}

    def delete_user(self, user_id):
        user = self.find(user_id)
        del self.by_id[user_id], self.by_email_address[user["email_address"]]
        return {}

    def find(self, user_id):
        if user_id not in self.by_id:
            raise Code("user_not_found")
        return self.by_id[user_id]

    @staticmethod
    def count(user, name, expected):
        """A different counter has the same answer as a missing user. It never wraps."""
        if user[name] != expected:
            raise Code("user_not_found")
        if expected == MAX_COUNTER:
            raise Code("internal_error")
        user[name] += 1


def is_string(value):
    return isinstance(value, str)


def is_counter(value):
    return type(value) is int and 0 <= value <= MAX_COUNTER


def is_bytes(value):
    """Bytes are standard base64 with padding, and are stored as they came."""
    try:
        return is_string(value) and base64.b64encode(base64.b64decode(value, validate=True)).decode() == value
    except ValueError:
        return False


PASSWORD_HASH = {"password_hash": is_bytes, "password_hash_algorithm_id": is_string, "password_salt": is_bytes}
ACTIONS = {
    "create_user": {"email_address": is_string, **PASSWORD_HASH},
    "get_user": {"user_id": is_string},
    "get_user_by_email_address": {"email_address": is_string},
    "update_user_email_address": {
        "user_id": is_string,
        "email_address": is_string,
        "user_email_address_counter": is_counter,
    },
    "update_user_password_hash": {"user_id": is_string, **PASSWORD_HASH, "user_password_hash_counter": is_counter},
    "increment_user_sessions_counter": {"user_id": is_string, "user_sessions_counter": is_counter},
    "delete_user": {"user_id": is_string},
}


def parse(body):
    """Returns the action's name and its arguments. Unknown members and arguments are ignored."""

    def object_of(members):
        names = [name for name, _ in members]
        if len(set(names)) != len(names):
            raise InvalidRequest("a member name is given twice")
        return dict(members)

    try:
        request = json.loads(body.decode("utf-8"), object_pairs_hook=object_of)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is no JSON") from error
    if not isinstance(request, dict) or not is_string(request.get("action")):
        raise InvalidRequest("`action` is missing or not a string")
    if not isinstance(request.get("arguments"), dict):
        raise InvalidRequest("`arguments` is missing or not an object")
    if request["action"] not in ACTIONS:
        raise InvalidRequest("there is no such action")
    arguments = {}
    for name, is_right in ACTIONS[request["action"]].items():
        if not is_right(request["arguments"].get(name)):
            raise InvalidRequest(f"the argument `{name}` is missing or mistyped")
        arguments[name] = request["arguments"][name]
    return request["action"], arguments


def answer(users, body):
    """The body of a 200."""
    action, arguments = parse(body)
    invocation = {"action_invocation_id": secrets.token_hex(12)}
    with users.lock:
        try:
            values = getattr(users, action)(**arguments)
            return json.dumps({"ok": True, **invocation, "values": values})
        except Code as code:
            return json.dumps({"ok": False, **invocation, "error_code": str(code)})


class BearerToken:
    """`Authorization: Bearer TOKEN`"""

    def __init__(self, token):
        self.expected = f"Bearer {token}".encode()

    def accepts(self, request, _body):
        given = request.headers.get("Authorization", "").encode("latin-1")
        return hmac.compare_digest(given, self.expected)


class Signature:
    """HTTP Message Signatures (RFC 9421) by HMAC-SHA256 over method, host, path and Content-Digest."""

    INPUT = re.compile(
        r'(?P<label>[a-z*][a-z0-9_\-.*]*)=(?P<parameters>\("@method" "@authority" "@path" "content-digest"\)'
        r';created=(?P<created>[0-9]{1,15});nonce="(?P<nonce>[!#-\[\]-~]{16,128})";keyid="(?P<key_id>[!#-\[\]-~]{1,100})")'
    )

    def __init__(self, key_id, secret):
        self.key_id = key_id
        self.secret = base64.b64decode(secret)
        self.lock = threading.Lock()
        self.seen = {}

    def accepts(self, request, body):
        headers = request.headers
        found = self.INPUT.fullmatch(headers.get("Signature-Input", ""))
        if not found or found["key_id"] != self.key_id:
            return False
        digest = "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
        base = "\n".join([
            f'"@method": {request.command}',
            f'"@authority": {headers.get("Host", "").lower()}',
            f'"@path": {request.path.split("?")[0]}',
            f'"content-digest": {digest}',
            f'"@signature-params": {found["parameters"]}',
        ])
        expected = base64.b64encode(hmac.digest(self.secret, base.encode(), "sha256")).decode()
        expected = f"{found['label']}=:{expected}:"
        if headers.get("Content-Digest") != digest:
            return False
        if not hmac.compare_digest(headers.get("Signature", "").encode("latin-1"), expected.encode()):
            return False
        return self.is_new(int(found["created"]), found["nonce"])

    def is_new(self, created, nonce):
        now = time.time()
        if abs(now - created) > MAX_AGE:
            return False
        with self.lock:
            while self.seen and next(iter(self.seen.values())) < now - 2 * MAX_AGE:
                del self.seen[next(iter(self.seen))]
            if nonce in self.seen:
                return False
            self.seen[nonce] = now
            return True


def handler(users, protection):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self):
            size = self.headers.get("Content-Length", "")
            if not size.isascii() or not size.isdigit() or int(size) > MAX_BODY_SIZE:
                self.close_connection = True
                return self.respond(413, "text/plain", "the body is too large\n")
            body = self.rfile.read(int(size))
            if not protection.accepts(self, body):
                return self.respond(401, "text/plain", "who are you?\n")
            try:
                self.respond(200, "application/json", answer(users, body))
            except InvalidRequest as reason:
                self.respond(400, "text/plain", f"{reason}\n")

        def respond(self, status, content_type, body):
            body = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_):
            """Requests are not logged."""

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    protections = {"bearer": BearerToken, "signed": Signature}
    protection = protections[sys.argv[1]](*sys.argv[2:])
    server = Server(("127.0.0.1", 0), handler(Users(), protection))
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    # The parent ends this by closing its standard input, which its own end does too.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
