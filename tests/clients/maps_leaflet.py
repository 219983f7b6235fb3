"""Leaflet in headless Chromium: python maps_leaflet.py ASKED.json CHROMIUM FOLDER_OF_LEAFLET

The page of maps_leaflet.html draws every sheet with `L.tileLayer.wms`, once more with plain tiles, and tells the colour
of each known point where it stands on the screen. It is served on a free port of this machine.
"""

import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

from maps_points import Count, asked

PAGE = pathlib.Path(__file__).with_suffix(".html")


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        files = {"/": (PAGE, "text/html"), "/asked.json": (pathlib.Path(sys.argv[1]), "application/json"),
                 "/leaflet.js": (pathlib.Path(sys.argv[3]) / "leaflet.js", "text/javascript"),
                 "/leaflet.css": (pathlib.Path(sys.argv[3]) / "leaflet.css", "text/css")}
        found = files.get(self.path)
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", found[1] if found else "text/plain")
        self.end_headers()
        if found:
            self.wfile.write(found[0].read_bytes())

    def log_message(self, *_):
        pass


def seen(address):
    """What the page says."""
    with tempfile.TemporaryDirectory() as profile:
        command = [sys.argv[2], "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--disable-sync",
                   "--force-color-profile=srgb", f"--user-data-dir={profile}", "--window-size=1100,1100",
                   "--virtual-time-budget=60000", "--dump-dom", address]
        page = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    found = re.search(r'<pre id="told">(.*?)</pre>', page, re.S)
    assert found and found[1], page[-2000:]
    return json.loads(found[1])


def main():
    want, count = asked(), Count()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told = seen(f"http://127.0.0.1:{server.server_port}/")
    assert "error" not in told, told
    points = {sheet["crs"]: [] for sheet in want["sheets"]}
    for answer in told["points"]:
        points[answer["crs"]].append(answer)
        count.one(f"Leaflet {answer['way']} {answer['crs']}", answer["point"], answer["rgb"])
    few = [crs for crs, found in points.items() if len(found) < 25]
    assert not few, f"few points were seen in {few}"
    server.shutdown()
    count.end()


main()
