"""The flows of the reference's notebooks, with plain Python clients, against a server of ours.

    flows.py BASE_URL

The server has the project's small granules (testdata/granules) in its catalogue. Each flow is a function; a failed
assertion ends the program with status 1. Needs requests, xarray with netCDF4, rasterio and harmony-py; flows whose
module is missing are skipped and said so.
"""
import datetime
import io
import os
import sys
import tempfile
import time

BASE = sys.argv[1].rstrip('/')
os.environ['ROOT_URL'] = BASE
os.environ.setdefault('VERBOSE', 'FALSE')

import requests  # noqa: E402

OUT = tempfile.mkdtemp(prefix='flows-')
SESSION = requests.Session()


class Skip(Exception):
    pass


def need(name):
    try:
        return __import__(name)
    except ImportError as e:
        raise Skip(f'no module {name}') from e


def collection(short_name):
    found = SESSION.get(f'{BASE}/search/collections.json', params={'short_name': short_name}).json()
    ids = [entry['id'] for entry in found['feed']['entry']]
    assert ids, f'no collection {short_name}'
    return ids[0]


def coverage(name, variable='all', **parameters):
    """One synchronous Coverages request: the path of the downloaded file."""
    url = f'{BASE}/{collection(name)}/ogc-api-coverages/1.0.0/collections/{variable}/coverage/rangeset'
    answer = SESSION.get(url, params=parameters)
    assert answer.status_code == 200, (answer.status_code, answer.text[:300])
    assert answer.history and answer.history[0].status_code == 303, 'no redirect to the result'
    path = os.path.join(OUT, answer.url.rsplit('/', 1)[1])
    with open(path, 'wb') as f:
        f.write(answer.content)
    return path


def wait(job, seconds=60):
    """Polls a job as the notebooks do."""
    until = time.time() + seconds
    while time.time() < until:
        status = SESSION.get(f'{BASE}/jobs/{job}').json()
        if status['status'] not in ('accepted', 'running', 'previewing', 'running_with_errors'):
            return status
        time.sleep(0.2)
    raise AssertionError(f'job {job} does not end')


GRID = {'maxResults': '1', 'granuleName': '2020_01_01_global*'}


def variable_subset():
    xr = need('xarray')
    ds = xr.open_dataset(coverage('harmony_example', 'red_var', **GRID))
    assert 'red_var' in ds and 'green_var' not in ds, list(ds)


def bbox_subset():
    xr = need('xarray')
    ds = xr.open_dataset(coverage('harmony_example', 'red_var', subset=['lat(0:20)', 'lon(-30:10)'], **GRID))
    assert float(ds.lat.min()) >= -1 and float(ds.lat.max()) <= 21, ds.lat
    assert float(ds.lon.min()) >= -31 and float(ds.lon.max()) <= 11, ds.lon


def time_filter():
    url = f'{BASE}/{collection("harmony_example")}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset'
    days = 'time("2020-01-02T00:00:00Z":"2020-01-02T23:59:59Z")'
    answer = SESSION.get(url, params={'subset': days, 'forceAsync': 'true'})
    job = answer.json()
    assert job['status'] == 'running' and job['numInputGranules'] == 1, job
    done = wait(job['jobID'])
    assert done['status'] == 'successful' and done['progress'] == 100, done
    links = [link for link in done['links'] if link['rel'] == 'data']
    assert len(links) == 1 and '2020_01_02' in links[0]['href'], links


def epsg_reprojection():
    rasterio = need('rasterio')
    path = coverage('harmony_example', 'red_var', outputCrs='EPSG:3857', format='image/tiff', **GRID)
    with rasterio.open(path) as d:
        assert d.crs.to_epsg() == 3857 and d.transform.e < 0, (d.crs, d.transform)


def proj_reprojection():
    rasterio = need('rasterio')
    lcc = '+proj=lcc +lat_1=43 +lat_2=62 +lat_0=30 +lon_0=10 +x_0=0 +y_0=0 +ellps=intl +units=m +no_defs'
    path = coverage('harmony_example', 'red_var', outputCrs=lcc, format='image/tiff',
                    scaleExtent='-2000000,0,2000000,3000000', width='200', height='150', **GRID)
    with rasterio.open(path) as d:
        assert (d.width, d.height) == (200, 150) and d.crs.is_projected, (d.shape, d.crs)


def swath_regridding_to_an_extent():
    xr = need('xarray')
    path = coverage('swath_antimeridian', outputCrs='EPSG:4326', interpolation='near',
                    scaleExtent='175,-10,180,0', scaleSize='0.1,0.1', format='application/x-netcdf4')
    ds = xr.open_dataset(path)
    sizes = dict(ds.sizes)
    assert 50 in sizes.values() and 100 in sizes.values(), sizes


def async_job_with_polling():
    url = f'{BASE}/{collection("harmony_example")}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset'
    answer = SESSION.get(url, params={'forceAsync': 'true', 'subset': 'lat(0:10)'}, allow_redirects=False)
    assert answer.status_code == 303 and answer.headers['Location'].startswith('/jobs/'), answer.headers
    first = SESSION.get(BASE + answer.headers['Location']).json()
    assert first['status'] == 'running' and first['progress'] == 0, first
    done = wait(first['jobID'])
    links = [link for link in done['links'] if link['rel'] == 'data']
    assert done['status'] == 'successful' and len(links) == 3, done
    for link in links:
        assert len(link['bbox']) == 4 and set(link['temporal']) == {'start', 'end'}, link
        assert SESSION.get(link['href']).content[:4] in (b'\x89HDF', b'CDF\x01', b'CDF\x02')


def max_results_preview():
    url = f'{BASE}/{collection("harmony_example")}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset'
    answer = SESSION.get(url, params={'forceAsync': 'true', 'maxResults': '2', 'subset': 'lat(0:10)'}).json()
    assert answer['numInputGranules'] == 2, answer
    assert 'limited to process only the first 2 granules because you requested 2 maxResults.' in answer['message']
    assert wait(answer['jobID'])['status'] == 'successful'


def photons_with_harmony_py():
    """ICESat-2: capabilities, box and time, submit, wait with progress, result document, downloads, a group."""
    harmony = need('harmony')
    xr = need('xarray')
    c = collection('ATL03')
    client = harmony.Client(env=harmony.Environment.LOCAL, check_interval=0.2)
    capabilities = client.submit(harmony.CapabilitiesRequest(collection_id=c))
    assert capabilities['conceptId'] == c and capabilities['bboxSubset'], capabilities
    request = harmony.Request(
        collection=harmony.Collection(id=c), spatial=harmony.BBox(90, 0, 100, 10),
        temporal={'start': datetime.datetime(2018, 1, 1), 'stop': datetime.datetime(2030, 1, 1)})
    assert request.is_valid(), request.error_messages()
    job = client.submit(request)
    assert isinstance(job, str), job
    shown, sys.stdout = sys.stdout, io.StringIO()
    try:
        client.wait_for_processing(job, show_progress=True)
        document = client.result_json(job)
    finally:
        sys.stdout = shown
    assert document['status'] == 'successful', document
    files = [f.result() for f in client.download_all(job, directory=OUT, overwrite=True)]
    assert len(files) == 1, files
    photons = xr.open_dataset(files[0], group='/gt1l/heights', decode_times=False)
    assert photons.sizes and all(n > 0 for n in photons.sizes.values()), photons.sizes


FLOWS = [variable_subset, bbox_subset, time_filter, epsg_reprojection, proj_reprojection,
         swath_regridding_to_an_extent, async_job_with_polling, max_results_preview, photons_with_harmony_py]
failed = 0
for flow in FLOWS:
    try:
        flow()
        print(f'PASS {flow.__name__}', flush=True)
    except Skip as e:
        print(f'SKIP {flow.__name__}: {e}', flush=True)
    except Exception as e:  # noqa: BLE001 - every failure is reported, the others still run
        failed += 1
        print(f'FAIL {flow.__name__}: {type(e).__name__}: {e}', flush=True)
sys.exit(1 if failed else 0)
