"""How many 256 x 256 PNG tiles a second, beside MapServer (FastCGI) and titiler, in the same run?

    python benches/service/tiles.py --harmony target/release/harmony --wrk wrk --out /tmp/tiles

3600 x 1800 float32 with seed 7, once as COG, once as netCDF. Each system that is installed serves it on a port of its
own, alone; `wrk -t1 -c4 -d6s` asks for 64 tiles in turn (levels 0 to 5), after one round to warm up, then for one tile
only, then for all tiles of the levels 3 to 7 once: no answer is there already. MapServer is asked by GetMap for the same
boxes. An empty picture is no answer. With `--cold FILE` (several) the first tile of each file is timed too: a server is
started for it, and the pages of the file are dropped from memory before it is asked.

Peers are optional: mapserv (Debian cgi-mapserver, spawn-fcgi, nginx-light), titiler (`--titiler` python with it).
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

NX, NY = 3600, 1800
SCRIPT = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local i = 0
request = function()
  i = i %% #paths + 1
  return wrk.format("GET", paths[i])
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %%f %%f %%f %%d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, summary.errors.status + summary.errors.connect))
end
"""


def data(folder):
    """The same values as COG and as netCDF."""
    import netCDF4
    import numpy
    import rasterio
    from rasterio.transform import from_origin

    rng = numpy.random.default_rng(7)
    lat = numpy.linspace(89.95, -89.95, NY)[:, None]
    lon = numpy.linspace(-179.95, 179.95, NX)[None, :]
    values = 273 + 30 * numpy.cos(numpy.radians(lat)) + 3 * numpy.sin(numpy.radians(5 * lon))
    values = (values + rng.normal(0, 0.3, (NY, NX))).astype("float32")
    cog, nc = folder / "field.tif", folder / "field.nc"
    profile = dict(driver="COG", width=NX, height=NY, count=1, dtype="float32", crs="EPSG:4326",
                   transform=from_origin(-180, 90, 0.1, 0.1), compress="deflate", predictor=3, blocksize=256)
    with rasterio.open(cog, "w", **profile) as out:
        out.write(values, 1)
    with netCDF4.Dataset(nc, "w") as out:
        for name, n, axis, units in [("lat", NY, lat[:, 0], "degrees_north"), ("lon", NX, lon[0], "degrees_east")]:
            out.createDimension(name, n)
            var = out.createVariable(name, "f4", (name,))
            var.units = units
            var[:] = axis
        var = out.createVariable("field", "f4", ("lat", "lon"), zlib=True, complevel=4, chunksizes=(300, 600))
        var.units = "K"
        var[:] = values
    return cog, nc


def tiles():
    """64 tiles of levels 0 to 5, spread over the world."""
    out = []
    for i in range(64):
        z = i % 6
        n = 2**z
        out.append((z, (i * 7) % n, max(0, min(n - 1, n // 2 + (i * 5) % max(1, n // 2) - n // 4))))
    return out


def walk():
    """All tiles of the levels 3 to 7, neighbours after each other as a viewer asks for them."""
    return [(z, x, y) for z in range(3, 8) for y in range(2**z) for x in range(2**z)]


def mercator(z, x, y):
    half = 20037508.342789244
    span = 2 * half / 2**z
    west, north = -half + x * span, half - y * span
    return f"{west},{north - span},{west + span},{north}"


def load(wrk, folder, root, paths, seconds, warm=True):
    listing = folder / "paths.txt"
    listing.write_text("\n".join(paths) + "\n")
    script = folder / "tiles.lua"
    script.write_text(SCRIPT % listing)
    command = [wrk, "-t1", "-c4", "-s", str(script), root]
    if warm:
        subprocess.run([*command[:3], "-d2s", *command[3:]], check=True, capture_output=True)
    out = subprocess.run([*command[:3], f"-d{seconds}s", *command[3:]], check=True, capture_output=True, text=True)
    found = re.search(r"RESULT ([\d.]+) ([\d.]+) ([\d.]+) (\d+)", out.stdout)
    rate, median, p99, errors = (float(v) for v in found.groups())
    return {"requests_per_second": round(rate), "median_ms": median, "p99_ms": p99, "errors": int(errors)}


def wait(url, seconds=60):
    end = time.time() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read()
        except OSError:
            if time.time() > end:
                raise
            time.sleep(0.2)


class Harmony:
    name = "harmony"

    def __init__(self, args, folder, file):
        self.port = args.port
        config = folder / "harmony.toml"
        config.write_text(f'port = {self.port}\ndata = "{folder / "data"}"\nlog = "warn"\n')
        command = [args.harmony, "serve", "--config", str(config), "--add", str(file)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.root = f"http://127.0.0.1:{self.port}"
        known = json.loads(wait(f"{self.root}/search/collections.json"))
        self.collection = known["feed"]["entry"][0]["id"]

    def path(self, tile):
        z, x, y = tile
        return f"/{self.collection}/tiles/all/{z}/{x}/{y}.png?rescale=240,310"


class Titiler:
    name = "titiler"

    def __init__(self, args, folder, file):
        if file.suffix != ".tif":
            raise NotImplementedError("its COG router reads GeoTIFF")
        self.port = args.port + 1
        self.file = file
        command = [args.titiler, "-m", "uvicorn", "titiler.application.main:app", "--port", str(self.port),
                   "--log-level", "warning"]
        self.process = subprocess.Popen(command, env={**os.environ, "GDAL_CACHEMAX": "512"})
        self.root = f"http://127.0.0.1:{self.port}"

    def path(self, tile):
        z, x, y = tile
        query = f"?url={self.file}&rescale=240,310&colormap_name=viridis"
        return f"/cog/tiles/WebMercatorQuad/{z}/{x}/{y}.png{query}"


class MapServer:
    name = "mapserver"

    def __init__(self, args, folder, file):
        self.folder = folder
        data = str(file) if file.suffix == ".tif" else f"NETCDF:{file}:field"
        (folder / "m.conf").write_text(f'CONFIG\nENV\nMS_MAP_PATTERN "^{folder}"\nMS_MAPFILE "{folder / "m.map"}"\nEND\nEND\n')
        (folder / "m.map").write_text(f"""MAP
NAME bench
EXTENT -180 -90 180 90
PROJECTION "init=epsg:4326" END
WEB METADATA "wms_enable_request" "*" "wms_srs" "EPSG:4326 EPSG:3857" "wms_onlineresource" "http://x/" END END
IMAGETYPE png
LAYER NAME field TYPE RASTER STATUS ON DATA "{data}" PROJECTION "init=epsg:4326" END
PROCESSING "SCALE=240,310" END
END
""")
        (folder / "nginx.conf").write_text(f"""worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ }}
http {{ access_log off; server {{ listen 127.0.0.1:{args.port + 3}; location /ms {{ include /etc/nginx/fastcgi_params;
fastcgi_pass 127.0.0.1:{args.port + 2}; }} }} }}
""")
        environment = {**os.environ, "MAPSERVER_CONFIG_FILE": str(folder / "m.conf"), "MS_MAPFILE": str(folder / "m.map")}
        subprocess.run(["spawn-fcgi", "-a", "127.0.0.1", "-p", str(args.port + 2), "-F", "2", "-P", str(folder / "ms.pid"), "--",
                        "/usr/lib/cgi-bin/mapserv"], env=environment, check=True, capture_output=True)
        self.process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"])
        self.root = f"http://127.0.0.1:{args.port + 3}"

    def path(self, tile):
        query = "SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&LAYERS=field&STYLES=&CRS=EPSG:3857&WIDTH=256&HEIGHT=256" \
                "&FORMAT=image/png"
        return f"/ms?{query}&BBOX={mercator(*tile)}"

    def stop(self):
        for pid in (self.folder / "ms.pid").read_text().split():
            subprocess.run(["kill", "-9", pid], check=False)


def peak(pid):
    """Most memory that the process had at once, in MiB."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return round(int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024)


def cold(args, folder, file):
    """Seconds to the first tile of the world, automatic stretch, after the server says it is ready; then of a second
    run of the server."""
    out = {}
    folder.mkdir()
    for run in ["first_run", "second_run"]:
        server = Harmony(args, folder, file)
        try:
            with open(file, "rb") as pages:
                os.posix_fadvise(pages.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            started = time.time()
            body = wait(server.root + server.path((0, 0, 0)).split("?")[0])
            out[run + "_s"] = round(time.time() - started, 3)
            out[run + "_peak_mib"] = peak(server.process.pid)
            if not body.startswith(b"\x89PNG") or len(body) < 1000:
                raise RuntimeError(f"no picture: {body[:300]!r}")
        finally:
            server.process.terminate()
            server.process.wait(20)
    return out


def measure(kind, args, folder, file):
    folder = folder / f"{kind.name}-{file.suffix[1:]}"
    folder.mkdir()
    server = kind(args, folder, file)
    try:
        paths = [server.path(tile) for tile in tiles()]
        started = time.time()
        body = wait(server.root + paths[0])
        if not body.startswith(b"\x89PNG") or len(body) < 1000:
            raise RuntimeError(f"{kind.name}: no picture: {body[:300]!r}")
        return {
            "first_s": round(time.time() - started, 3),
            "64_tiles": load(args.wrk, folder, server.root, paths, args.seconds),
            "one_tile": load(args.wrk, folder, server.root, paths[3:4], args.seconds),
            "walk": load(args.wrk, folder, server.root, [server.path(tile) for tile in walk()], args.seconds,
                         warm=False),
            "peak_mib": peak(server.process.pid),
        }
    finally:
        server.process.terminate()
        server.process.wait(20)
        if hasattr(server, "stop"):
            server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--harmony", required=True)
    parser.add_argument("--port", type=int, default=5640, help="the first of four ports")
    parser.add_argument("--cold", nargs="*", default=[], type=pathlib.Path, help="large granules")
    parser.add_argument("--titiler", default=None, help="python that has titiler.application")
    parser.add_argument("--wrk", default="wrk")
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--out", type=pathlib.Path, default=None)
    args = parser.parse_args()
    folder = args.out or pathlib.Path(tempfile.mkdtemp(prefix="tiles-"))
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [Harmony]
    if shutil.which("spawn-fcgi") and shutil.which("nginx") and os.path.exists("/usr/lib/cgi-bin/mapserv"):
        kinds.append(MapServer)
    if args.titiler:
        kinds.append(Titiler)
    results = {"cores": os.cpu_count(), "tiles": len(tiles()), "zoom": sorted({t[0] for t in tiles()})}
    for file in args.cold:
        results[f"cold {file.name}"] = cold(args, folder / f"cold-{file.name}", file)
    for file in data(folder):
        for kind in kinds:
            try:
                results[f"{kind.name} {file.suffix}"] = measure(kind, args, folder, file)
            except (NotImplementedError, RuntimeError) as why:
                results[f"{kind.name} {file.suffix}"] = str(why)
    json.dump(results, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
