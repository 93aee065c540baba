import os
import time

release = open(os.environ["RELEASE"]).read().strip()
if release == "throws":
    raise RuntimeError("a release that throws at its start")
started = time.monotonic()


def app(environ, start_response):
    bad = release == "turns-bad" and time.monotonic() - started > 2
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if environ["REQUEST_METHOD"] == "POST" else b"hello\n"
    headers = [
        ("content-length", str(len(body))),
        ("x-pid", str(os.getpid())),
        ("x-release", release),
    ]
    start_response("500 Internal Server Error" if bad else "200 OK", headers)
    return [body]
