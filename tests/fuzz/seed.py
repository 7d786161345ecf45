"""Seeds the corpus from tests/fixtures; run again after new fixtures."""

import base64
import hashlib
import hmac
import json
import pathlib
import urllib.parse

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent / "fixtures"
CORPUS = HERE / "corpus"


# Targets of several parsers, in the order of src/lib.rs: the first byte of an input names one.
PARSERS = {
    "signature": ("telegram_secret", "messenger_signature", "twilio_signature"),
    "provider_reply": ("telegram_reply", "messenger_reply", "twilio_reply"),
    "operator": ("frame", "http_body", "token", "cursor", "ids", "split_text"),
    "event": ("queue_body", "timer", "invocation"),
}


def seed(parser: str, name: str, data: bytes) -> None:
    target = parser
    for shared, parsers in PARSERS.items():
        if parser in parsers:
            target, name, data = shared, f"{parser}-{name}", str(parsers.index(parser)).encode() + data
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data)


def b64(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


for messenger in ("telegram", "messenger"):
    for path in sorted((FIXTURES / messenger).iterdir()):
        if path.suffix in (".json", ".txt"):
            seed(f"{messenger}_update", path.stem, path.read_bytes())

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Example;Grace;;;\r\nFN:Grace Example\r\n"
CARD += "item1.TEL;type=CELL;waid=4930123456:+49 30 123456\r\nitem1.X-ABLabel:Mobile\r\nEND:VCARD\r\n"
OLD_CARD = "BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BC=\n rgen\nTEL;CELL:1\nEND:VCARD\n"
PHOTO = "BEGIN:VCARD\nVERSION:4.0\nFN:A\\, B\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ\nBDAY:19850412\nTEL;VALUE=uri:tel:+1\nEND:VCARD\n"
for name, card in (("card", CARD), ("old_card", OLD_CARD), ("photo_card", PHOTO), ("cards", 3 * CARD)):
    seed("file", name, card.encode())
FILES = (("jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0"), ("mp4", b"\0\0\0\x20ftypisom\0\0\x02\0"), ("pdf", b"%PDF-1.7\n"), ("zip", b"PK\x03\x04"))
for name, head in FILES:
    seed("file", name, head)

for path in sorted((FIXTURES / "twilio").glob("*.form")):
    seed("twilio_form", path.stem, path.read_bytes())

for n, vector in enumerate(json.loads((FIXTURES / "twilio" / "signatures.json").read_text())["vectors"]):
    body = vector.get("body") or urllib.parse.urlencode([tuple(field) for field in vector.get("params") or []])
    seed("twilio_signature", f"{n:02}", f"{vector['expected_signature']}\n{vector['url']}\n{body}".encode())

for path in sorted((FIXTURES / "events").glob("*/*.json")):
    event = json.loads(path.read_text())
    name = f"{path.parent.name}-{path.stem}"
    seed("invocation", name, path.read_bytes())
    if path.stem.startswith("frame-"):
        seed("frame", path.stem, event["body"].encode())
    for record in event.get("Records", []):
        seed("queue_body", name, record["body"].encode())
    if event.get("kind") in ("accept_timeout", "auto_close"):
        seed("timer", path.stem, path.read_bytes())
    http = event.get("requestContext", {}).get("http")
    if path.parent.name == "settings" and http:
        seed("http_body", path.stem, f"{http['method']} {http['path']}\n{event.get('body') or ''}".encode())

seed("queue_body", "parked", b'{"reason":"unreadable","group":"c0ffee","message_id":"1","body":"?"}')
seed("http_body", "connect", b'POST /api/channels/telegram\n{"name":"Bot","token":"1:abcdefghijklmnopqrstuvwxyz_ABCDEFGH-"}')
seed("http_body", "setting", b'PUT /api/settings/SimultaneousChats\n{"value":7}')

for status, body in (
    (200, '{"ok":true,"result":{"message_id":7,"chat":{"id":1,"type":"private"},"date":1}}'),
    (200, '{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"B","username":"b_bot"}}'),
    (200, '{"ok":true,"result":{"url":"https://example.com/w","pending_update_count":2,"last_error_date":1,"last_error_message":"x"}}'),
    (403, '{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}'),
    (429, '{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":9}}'),
    (400, '{"ok":false,"error_code":400,"description":"Bad Request","parameters":{"migrate_to_chat_id":-1001}}'),
    (502, "<html>Bad Gateway</html>"),
):
    name = f"{status}-{len(body)}"
    seed("telegram_reply", name, status.to_bytes(2, "big") + body.encode())

for status, body in (
    (201, '{"sid":"SM00000000000000000000000000000001","status":"queued","error_code":null}'),
    (201, '{"sid":"SM00000000000000000000000000000001","status":"failed","error_code":63016,"error_message":"outside"}'),
    (200, '{"success":true}'),
    (400, '{"code":21211,"message":"The number +15005550006 is not valid","more_info":"x","status":400}'),
    (404, '{"code":20404,"message":"The requested resource /2010-04-01/Accounts/AC1/Messages.json was not found","status":404}'),
    (429, '{"code":20429,"message":"Too Many Requests","status":429}'),
    (503, "<html>Bad Gateway</html>"),
):
    name = f"{status}-{len(body)}"
    seed("twilio_reply", name, status.to_bytes(2, "big") + body.encode())

for status, body in (
    (200, '{"recipient_id":"2000000000000001","message_id":"m_Synthetic0001"}'),
    (200, '{"success":true}'),
    (200, '{"id":"2000000000000001","name":"Ada Example","first_name":"Ada","last_name":"Example"}'),
    (400, '{"error":{"message":"No matching user found","type":"OAuthException","code":100,"error_subcode":2018001}}'),
    (400, '{"error":{"message":"Malformed access token EAAG","type":"OAuthException","code":190}}'),
    (403, '{"error":{"message":"Outside of allowed window","type":"OAuthException","code":10,"error_subcode":2018278}}'),
    (500, '{"error":{"message":"Please retry","type":"OAuthException","code":2,"is_transient":true}}'),
    (502, "<html>Bad Gateway</html>"),
):
    seed("messenger_reply", f"{status}-{len(body)}", status.to_bytes(2, "big") + body.encode())

BODY = b'{"object":"page","entry":[]}'
for secret in ("the-new-secret", "the-old-secret", "another"):
    digits = hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()
    seed("messenger_signature", secret, f"sha256={digits}\n".encode() + BODY)
seed("messenger_signature", "token", b"the-old-secret")

for name, text in (
    ("words", "One two three. Four five!\n\nSix seven\neight " * 9),
    ("emoji", "\U0001f469\u200d\U0001f469\u200d\U0001f467 e\u0301" * 40),
    ("long", "x" * 9000),
    ("blank", " \n\t "),
):
    seed("split_text", name, (20).to_bytes(2, "big") + text.encode())

seed("telegram_secret", "right", b"a-webhook-secret")
seed("telegram_secret", "digits", b"ab" * 32)
header = b64({"alg": "RS256", "kid": "k", "typ": "JWT"})
claims = b64({"iss": "i", "sub": "s", "aud": "a", "exp": 1})
seed("token", "bearer", b"Bearer " + header + b"." + claims + b".c2ln")
seed("token", "none", b"Bearer " + b64({"alg": "none"}) + b"." + claims + b".")
seed("token", "keys", json.dumps({"keys": [{"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "n": "AQAB", "e": "AQAB"}]}).encode())
seed("cursor", "table", b64({"p": "V#c0ffee", "k": "V#c0ffee", "s": "C#0000000001"}))
seed("cursor", "index", b64({"i": "byQueue", "p": "V#c0ffee", "n": 5, "k": "V#x", "s": "C#0000000001"}))
seed("ids", "chat", b"c0ffee.1")
seed("ids", "offer", b"c0ffee.1.17")
seed("ids", "operator", b"op-1")
