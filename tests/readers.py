"""What the program writes, read by others: rasterio and GDAL, xarray and zarr-python, ncdump, compliance-checker,
Pillow, pandas, OGR.

    python tests/readers.py PROGRAM TESTDATA [SHARED]

Each check names the result and the reader. A reader that is not installed is said to be skipped; exit status 1 when a
reader objects or reads other values.
"""

import importlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

warnings.simplefilter("ignore")

PROGRAM, TESTDATA = sys.argv[1], Path(sys.argv[2])
SHARED = Path(sys.argv[3]) / "granules" if len(sys.argv) > 3 else None
WORK = Path(tempfile.mkdtemp(prefix="readers"))
failures, passed, skipped = [], 0, set()


def module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        skipped.add(name)
        return None


def tool(name):
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        skipped.add(name)
    return found


def check(what, ok, detail=""):
    global passed
    if ok:
        passed += 1
    else:
        failures.append(f"{what}: {detail}")
        print(f"FAILED {what}: {str(detail)[:600]}")


def attempt(what, body):
    """Runs a check; what it raises is its failure."""
    try:
        body()
    except Exception as error:
        check(what, False, f"{type(error).__name__}: {error}")


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def transform(source, *options):
    """Results of a run into a folder of its own, without hidden files."""
    out = Path(tempfile.mkdtemp(dir=WORK))
    code, _, err = run(PROGRAM, "--quiet", "--overwrite", "-o", f"{out}/", *options, *([source] if isinstance(source, (str, Path)) else source))
    if code != 0:
        raise RuntimeError(f"{' '.join(map(str, options))}: exit {code}: {err.strip()}")
    return sorted(p for p in out.iterdir() if not p.name.startswith("."))


def granules(*names):
    for name in names:
        path = SHARED / name if SHARED else None
        if path is not None and path.exists():
            yield path


def own(*names):
    return [TESTDATA / name for name in names]


# ---- rasters ---------------------------------------------------------------------------------------------------


def gdalinfo(path):
    program = tool("gdalinfo")
    if program is None:
        return None
    code, out, err = run(program, "-json", path)
    check(f"{path.name} in gdalinfo", code == 0, err)
    return json.loads(out) if code == 0 else None


def check_raster(path, cog, what):
    validate = module("rio_cogeo.cogeo") if cog else None
    if validate is not None:
        valid, errors, notes = validate.cog_validate(str(path), strict=True, quiet=True)
        check(f"{what}: rio cogeo validate --strict", valid, errors + notes)
    rasterio = module("rasterio")
    info = gdalinfo(path)
    if info is not None:
        transform_ = info["geoTransform"]
        check(f"{what}: north-up in GDAL", transform_[5] < 0 and transform_[2] == transform_[4] == 0, transform_)
        check(f"{what}: has a CRS in GDAL", bool(info.get("coordinateSystem", {}).get("wkt")), "none")
    if rasterio is None:
        return None
    return rasterio.open(path)


def rasters():
    cases = [(p, "global grid") for p in own("2020_01_01_global.nc", "packed_0_360.nc4", "ease2_north.nc4", "polar_south.nc4")]
    cases += [(p, p.name) for p in granules("2020_01_01_7f00ff_global.nc", "GPM_3IMERGHH_bounds.nc4", "M2T1NXSLV_geo_temporal.nc4", "f16_ssmis_20200102v7.nc", "test_lcc.nc", "split-dateline-sample.tif", "RGB.byte.small.tif", "TCI.tif", "tmmx_20190121.nc", "toa_brightness_temperature.nc")]
    settings = [("cog",), ("cog", "--compression=zstd"), ("cog", "--compression=lzw"), ("cog", "--compression=none"), ("geotiff",), ("cog", "--stack")]
    for source, _ in cases:
        for format_, *options in settings if source.parent == TESTDATA else settings[:1]:
            what = f"{source.name} {format_} {' '.join(options)}".strip()

            def body():
                try:
                    results = transform(source, "-f", format_, *options)
                except RuntimeError as error:
                    # Planes of several variables need not go together in one file.
                    if "--stack" in options:
                        return
                    raise error
                for path in results:
                    with check_raster(path, format_ == "cog", f"{what} {path.name}") as image:
                        image.read(1)

            attempt(what, body)
    netCDF4, rasterio = module("netCDF4"), module("rasterio")
    if netCDF4 is None or rasterio is None:
        return

    def values():
        source = TESTDATA / "2020_01_01_global.nc"
        (path,) = transform(source, "-f", "cog", "-v", "red_var")
        with netCDF4.Dataset(source) as data, rasterio.open(path) as image:
            check("red_var: values in rasterio", (image.read(1) == data["red_var"][0].filled()).all())
            check("red_var: bounds", tuple(image.bounds) == (-180, -90, 180, 90), image.bounds)
            check("red_var: code", image.crs.to_epsg() == 4326, image.crs)
            check("red_var: overviews", image.overviews(1) != [], image.overviews(1))

    attempt("values of a COG", values)

    def packed():
        source = TESTDATA / "packed_0_360.nc4"
        (path,) = transform(source, "-f", "cog", "-v", "temperature", "--time=2020-01-01/2020-01-20", "--subset=level[0:0]")
        with netCDF4.Dataset(source) as data, rasterio.open(path) as image:
            got = image.read(1, masked=True) * image.scales[0] + image.offsets[0]
            want = data["temperature"][0, 0]
            # From 0..360 to -180..180.
            want = __import__("numpy").ma.concatenate([want[:, 60:], want[:, :60]], axis=1)
            check("temperature: mask", (got.mask == want.mask).all())
            check("temperature: unpacked", abs(got - want).max() < 1e-6, abs(got - want).max())
            check("temperature: bounds", tuple(image.bounds) == (-180, -90, 180, 90), image.bounds)

    attempt("packed values of a COG", packed)

    def projected():
        for code in ["EPSG:3413", "EPSG:6933", "EPSG:32633", "EPSG:3857", "EPSG:3031"]:
            path = transform(TESTDATA / "2020_01_01_global.nc", "-f", "cog", "-v", "red_var", f"--crs={code}", "--scale-size=50000,50000", "--interpolation=near")[0]
            with check_raster(path, True, code) as image:
                check(f"{code} in rasterio", image.crs.to_epsg() == int(code[5:]), image.crs)

    attempt("projected COGs", projected)


# ---- Zarr ------------------------------------------------------------------------------------------------------


def near_values(numpy, zarr, netcdf):
    """Decoded values are the same but for what rounding costs where the netCDF was decoded in single precision: the
    attributes of its packing have that type, which JSON does not know, so Zarr is decoded in double precision."""
    a, b = numpy.asarray(zarr.values), numpy.asarray(netcdf.values)
    single = numpy.dtype(type(netcdf.encoding.get("scale_factor"))) == numpy.float32
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        return False
    if a.dtype.kind == "M":
        gone = numpy.isnat(a)
        epoch = numpy.datetime64(re.search(r"since (\S+?)Z?$", netcdf.encoding["units"]).group(1)) if single else None
        allowed = abs(b - epoch)[~gone].astype(float) * 2**-22 if single else 0
        return bool((gone == numpy.isnat(b)).all() and (abs(a - b)[~gone].astype(float) <= allowed).all())
    if not single:
        return same_values(numpy, a, b)
    gone, offset = numpy.isnan(a), float(netcdf.encoding.get("add_offset", 0))
    allowed = (abs(b - offset) + abs(offset))[~gone] * 2**-22
    return bool((gone == numpy.isnan(b)).all() and (abs(a - b)[~gone] <= allowed).all())


def same_values(numpy, a, b):
    a, b = numpy.asarray(a), numpy.asarray(b)
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "SUO" or b.dtype.kind in "SUO":
        text = lambda v: v.decode() if isinstance(v, bytes) else str(v)
        return [text(v) for v in a.ravel()] == [text(v) for v in b.ravel()]
    return bool(numpy.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def zarr_stores():
    zarr, xarray, numpy, netCDF4 = map(module, ["zarr", "xarray", "numpy", "netCDF4"])
    if None in (zarr, xarray, numpy, netCDF4):
        return
    sources = own("2020_01_01_global.nc", "packed_0_360.nc4", "ease2_north.nc4", "swath_antimeridian.nc4", "altimetry_groups.nc4", "atl03_like.h5", "trajectory_classic.nc")
    sources += granules("SPL3FTP_subsetted.nc4", "GPM_3IMERGHH_bounds.nc4", "f16_ssmis_20200102v7.nc", "M2T1NXSLV_geo_temporal.nc4", "S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc", "SS_VIIRS_NPP-NAVO-L2P-v3.0.nc")
    for source in sources:
        for options in (["-f", "zarr2"], ["-f", "zarr"], ["-f", "zarr", "--sharded"]):
            what = f"{source.name} {' '.join(options)}"

            def body():
                (store,) = transform(source, *options)
                (plain,) = transform(source, "-f", "netcdf4")
                root = zarr.open_group(str(store), mode="r")
                wanted = 2 if options[1] == "zarr2" else 3
                check(f"{what}: version", root.metadata.zarr_format == wanted, root.metadata.zarr_format)
                with netCDF4.Dataset(plain) as data:
                    data.set_auto_maskandscale(False)
                    data.set_auto_chartostring(False)
                    compare(numpy, what, root, data, "")
                    groups = ["/"] + [f"/{g}" for g in data.groups]
                for group in groups:
                    with xarray.open_zarr(str(store), group=group.strip("/") or None, consolidated=None, decode_timedelta=False) as ds:
                        with xarray.open_dataset(plain, group=group, engine="netcdf4", decode_timedelta=False) as nc:
                            for name in ds.variables:
                                if name in nc.variables and nc[name].dtype.kind != "O" and ds[name].dtype.kind in "fiubM":
                                    check(f"{what}: {group} {name} in xarray", near_values(numpy, ds[name], nc[name]), (ds[name].dtype, nc[name].dtype))

            attempt(what, body)


def compare(numpy, what, group, data, path):
    for name, variable in data.variables.items():
        if variable.dtype is str or variable.dtype.kind in "SOV":
            continue
        if name not in group:
            check(f"{what}: {path}/{name}", False, "missing")
            continue
        check(f"{what}: {path}/{name} in zarr-python", same_values(numpy, group[name][...], variable[...]))
    for name, child in data.groups.items():
        if name in group:
            compare(numpy, what, group[name], child, f"{path}/{name}")
        else:
            check(f"{what}: group {path}/{name}", False, "missing")


# ---- netCDF ----------------------------------------------------------------------------------------------------


def netcdf():
    xarray, ncdump = module("xarray"), tool("ncdump")
    sources = own(*(p.name for p in sorted(TESTDATA.iterdir())))
    sources += granules("africa.nc", "GPM_3IMERGHH_bounds.nc4", "SPL3FTP_subsetted.nc4", "test_lcc.nc", "RGB.byte.small.tif", "era5-2mt-2019-03-uk.grib", "MOD05_L2.A2019336.2315.061.2019337071952.hdf", "S2000415.HDF")
    for source in sources:
        for options in (["-f", "netcdf4"], ["-f", "netcdf3"], ["-f", "netcdf4", "--bbox=-60,-70,60,70"]):
            what = f"{source.name} {' '.join(options)}"

            def body():
                try:
                    results = transform(source, *options)
                except RuntimeError as error:
                    if "exit 3" in str(error):
                        return
                    raise error
                for path in results:
                    if ncdump:
                        code, _, err = run(ncdump, "-h", path)
                        check(f"{what} in ncdump", code == 0, err)
                    if xarray:
                        with xarray.open_dataset(path, engine="netcdf4", decode_timedelta=False) as ds:
                            ds.load()
                            check(f"{what} in xarray", True)

            attempt(what, body)


def cf_errors(program, path):
    """Errors of the CF checks: what is said below the heading of errors."""
    report = WORK / "report.json"
    report.unlink(missing_ok=True)
    # The checker wants names to end in .nc.
    named = shutil.copy(path, WORK / "checked.nc")
    run(program, "--test", "cf:1.8", "--criteria", "lenient", "--format", "json_new", "-o", report, named)
    if not report.exists():
        return None
    document = json.loads(report.read_text())
    found = next(iter(document.values()))["cf:1.8"]["high_priorities"] if "cf:1.8" not in document else document["cf:1.8"]["high_priorities"]
    return {m for c in found if c["value"][0] < c["value"][1] for m in c["msgs"]}


def of_gdal(program, source, options):
    """What the checker says of the same grid in a file of GDAL's: mistakes that it makes itself, as with grid mappings
    whose names of attributes it takes for lists of letters."""
    translate = tool("gdal_translate")
    if translate is None:
        return set()
    path = transform(source, "-f", "geotiff", *options)[0]
    named = WORK / "gdal.nc"
    code, _, err = run(translate, "-q", "-of", "netCDF", path, named)
    check(f"{source.name}: gdal_translate", code == 0, err)
    return cf_errors(program, named) or set()


def compliance():
    program = os.environ.get("HARMONY_COMPLIANCE_CHECKER") or tool("compliance-checker")
    if program is None:
        return
    cases = [
        ("2020_01_01_global.nc", ["--bbox=-20,10,40,50"]),
        ("2020_01_01_global.nc", ["--crs=EPSG:3413", "--scale-size=50000,50000"]),
        ("2020_01_01_global.nc", ["--average=time"]),
        ("packed_0_360.nc4", ["--average=area"]),
        ("packed_0_360.nc4", ["--bbox=-20,10,40,50", "--average=time"]),
        ("packed_0_360.nc4", ["--crs=EPSG:6933"]),
        ("ease2_north.nc4", ["--crs=EPSG:4326"]),
        ("swath_antimeridian.nc4", ["--bbox=170,-10,-170,10"]),
        ("swath_antimeridian.nc4", ["--crs=EPSG:4326"]),
        ("trajectory_classic.nc", ["--bbox=-180,-60,180,60"]),
        ("trajectory_classic.nc", ["--crs=EPSG:4326", "--scale-size=5,5"]),
    ]
    for name, options in cases:
        what = f"{name} {' '.join(options)}"

        def body():
            (path,) = transform(TESTDATA / name, "-f", "netcdf4", *options)
            before, after = cf_errors(program, TESTDATA / name), cf_errors(program, path)
            check(f"{what}: the checker ran", after is not None and before is not None)
            new = (after or set()) - (before or set())
            if new and "--crs" in " ".join(options):
                new -= of_gdal(program, TESTDATA / name, options)
            check(f"{what}: CF", not new, new)

        attempt(what, body)

    def joined():
        paths = own("2020_01_01_global.nc", "2020_01_02_global.nc")
        for option in ("--concatenate", "--extend=time"):
            (path,) = transform(paths, "-f", "netcdf4", option)
            new = cf_errors(program, path) - cf_errors(program, paths[0])
            check(f"{option}: CF", not new, new)

    attempt("joined granules: CF", joined)


# ---- pictures --------------------------------------------------------------------------------------------------


def pictures():
    Image = module("PIL.Image")
    numpy = module("numpy")
    if Image is None or numpy is None:
        return
    source = TESTDATA / "2020_01_01_global.nc"

    def body():
        for format_, wanted in (("png", "PNG"), ("jpeg", "JPEG"), ("gif", "GIF")):
            for options in ([], ["-v", "red_var"], ["-v", "red_var", "--style=viridis"]):
                what = f"{format_} {' '.join(options)}"
                results = transform(source, "-f", format_, *options)
                (path,) = [p for p in results if p.suffix in (".png", ".jpg", ".gif")]
                with Image.open(path) as image:
                    image.load()
                    check(f"{what}: kind", image.format == wanted, image.format)
                    check(f"{what}: size", image.size == (720, 360), image.size)
                    if format_ == "gif":
                        check(f"{what}: palette", len(image.getpalette()) <= 768)
                        check(f"{what}: transparent index", "transparency" in image.info, image.info)
                    if format_ == "png" and options:
                        check(f"{what}: palette or grey", image.mode in ("P", "L", "LA"), image.mode)

    attempt("pictures", body)

    def masked():
        results = transform(TESTDATA / "ease2_north.nc4", "-f", "png", "--style=turbo")
        (path,) = [p for p in results if p.suffix == ".png"]
        with Image.open(path) as image:
            alpha = numpy.asarray(image.convert("RGBA"))[..., 3]
            check("png: corners are transparent", alpha[0, 0] == 0 and alpha[100, 100] == 255, (alpha[0, 0], alpha[100, 100]))
        info = gdalinfo(path)
        if info is not None:
            check("png: world file and aux in GDAL", info["geoTransform"] == [-9e6, 9e4, 0, 9e6, 0, -9e4], info["geoTransform"])

    attempt("transparency", masked)


# ---- tables and vectors ----------------------------------------------------------------------------------------


def tables():
    pandas, netCDF4 = module("pandas"), module("netCDF4")
    if pandas is None or netCDF4 is None:
        return

    def swath():
        source = TESTDATA / "swath_antimeridian.nc4"
        (path,) = transform(source, "-f", "csv", "-v", "wind_speed")
        frame = pandas.read_csv(path)
        with netCDF4.Dataset(source) as data:
            wind = data["wind_speed"][:].compressed()
        got = frame["/wind_speed"].dropna().to_numpy()
        check("csv: rows", len(got) == len(wind), (len(got), len(wind)))
        check("csv: values", abs(got - wind).max() < 1e-4)
        check("csv: times", pandas.to_datetime(frame["time"], format="ISO8601").min().isoformat() == "2020-06-01T10:00:00+00:00", frame["time"].min())

    attempt("csv of a swath", swath)

    def archive():
        (path,) = transform(TESTDATA / "altimetry_groups.nc4", "-f", "csv")
        with zipfile.ZipFile(path) as members:
            check("csv: archive", members.testzip() is None)
            for name in members.namelist():
                if name.endswith(".csv"):
                    check(f"csv: {name}", len(pandas.read_csv(io.BytesIO(members.read(name)))) > 0)

    attempt("csv of groups", archive)

    def series():
        (path,) = transform(TESTDATA / "packed_0_360.nc4", "-f", "csv", "--average=area", "--statistics", "--subset=level[0:0]")
        text = path.read_text()
        check("csv: a series of means", "temperature" in text and "stddev" in text, text[:300])

    attempt("csv of means", series)


def vectors():
    ogrinfo = tool("ogrinfo")
    if ogrinfo is None:
        return
    for name in ("swath_antimeridian.nc4", "trajectory_classic.nc", "altimetry_groups.nc4"):
        for format_ in ("geojson", "shapefile"):
            what = f"{name} {format_}"

            def body():
                for path in transform(TESTDATA / name, "-f", format_):
                    where = f"/vsizip/{path}" if path.suffix == ".zip" else path
                    code, out, err = run(ogrinfo, "-so", "-al", where)
                    counts = [int(n) for n in re.findall(r"Feature Count: (\d+)", out)]
                    check(f"{what} in OGR", code == 0 and sum(counts) > 0, err + out[:300])
                    extent = re.search(r"Extent: \(([-\d.]+), ([-\d.]+)\) - \(([-\d.]+), ([-\d.]+)\)", out)
                    west, south, east, north = map(float, extent.groups())
                    check(f"{what}: places", -180 <= west <= east <= 180 and -90 <= south <= north <= 90, extent.group(0))
                    check(f"{what}: WGS 84", "WGS 84" in out or "WGS_1984" in out, out[:500])

            attempt(what, body)

    def kml():
        (path,) = transform(TESTDATA / "2020_01_01_global.nc", "-f", "kml", "-v", "red_var")
        with zipfile.ZipFile(path) as members:
            check("kmz: archive", members.testzip() is None and "doc.kml" in members.namelist(), members.namelist())
            document = WORK / "doc.kml"
            document.write_bytes(members.read("doc.kml"))
        import xml.dom.minidom

        overlays = xml.dom.minidom.parse(str(document)).getElementsByTagName("GroundOverlay")
        check("kmz: overlays", len(overlays) > 0)
        code, out, err = run(ogrinfo, document)
        check("kml in OGR", code == 0 or "no layer" in (out + err).lower(), err)

    attempt("kml", kml)


def main():
    for part in (rasters, zarr_stores, netcdf, compliance, pictures, tables, vectors):
        attempt(part.__name__, part)
    for name in sorted(skipped):
        print(f"skipped: {name} is not here")
    print(f"{passed} checks passed, {len(failures)} failed")
    shutil.rmtree(WORK, ignore_errors=True)
    return 1 if failures else 0


sys.exit(main())
