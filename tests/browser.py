"""A real headless browser for tests of pages."""

import functools
import http.server
import json
import re
import shutil
import socketserver
import subprocess
import threading
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDED = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"),
]
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--enable-logging=stderr",
    "--v=0",
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and keeps what was asked for."""

    def log_message(self, *_):
        self.server.asked.append(self.path)


def open_page(address: str, profile: Path, *flags: str) -> tuple[str, str]:
    """The page's document after its script ran, and what the browser logged."""
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", *flags, "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def ask(folder: Path, page: str, profile: Path, *flags: str) -> tuple[dict, list[str], str]:
    """Load a page of ``folder`` from a server on this machine.

    Returns what its script writes into the document as FOUND{...}END (JSON), the paths the browser asked for, its log.
    """
    handler = functools.partial(Quiet, directory=str(folder))
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}/{page}"
            document, log = open_page(address, profile, "--virtual-time-budget=5000", *flags)
        finally:
            server.shutdown()
            thread.join()
    found = re.search("FOUND(.*?)END", document)
    assert found, log
    text = found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return json.loads(text), server.asked, log
