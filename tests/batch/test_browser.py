"""Pages in a real browser: nothing is asked of the network, nothing is logged as an error."""

import json
import os
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed: pages were not opened in a browser"
)
QUIET = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-quic --disable-default-apps"
).split()


def opened(page, tmp_path):
    """Console lines, and addresses that the page asked for."""
    log = tmp_path / "net.json"
    command = [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
    done = subprocess.run(
        [*command, f"--log-net-log={log}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        env={**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")},
    )
    assert "<h1" in done.stdout
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    text = log.read_text().rstrip().rstrip(",")
    events = json.loads(text if text.endswith("}") and text.count("[") == text.count("]") else text + "]}")["events"]
    asked = {event["params"]["url"] for event in events if "url" in event.get("params", {})}
    return console, {address for address in asked if address.startswith(("http:", "https:", "ws"))}


@pytest.mark.parametrize("name", ["165.fi", "165.sv", "478.sv", "index"])
def test_a_page_asks_nothing_of_the_network_and_logs_no_error(made, name, tmp_path):
    console, asked = opened(made[0].output / f"{name}.html", tmp_path)
    assert console == []
    own = {address for address in asked if "google" not in address and "gstatic" not in address}  # the browser's own
    assert own == set()


def test_the_check_itself_sees_a_request_and_an_error(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text('<h1>x</h1><img src="http://127.0.0.1:9/x.png"><script>console.error("seen"); nothing()</script>')
    console, asked = opened(page, tmp_path)
    assert any("seen" in line for line in console)
    assert any("127.0.0.1:9" in address for address in asked)
