#!/usr/bin/env python3
"""Figures of the service: latency, throughput, a large job, a large catalogue. Needs `requests`; `wrk` where it is.

    service.py --bin-dir DIR --granules DIR [--questions latency,load,crowd,job,start]

DIR has `harmony` and `harmony-transform`; the granules are `testdata/granules`. A granule of some 200 MB is made here,
with netCDF4. Answers are checked; figures go to standard output.
"""
import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy
import requests
from netCDF4 import Dataset

ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument('--bin-dir', required=True, type=Path)
ap.add_argument('--granules', required=True, type=Path)
ap.add_argument('--questions', default='latency,load,crowd,job,start')
ap.add_argument('--rounds', type=int, default=100)
A = ap.parse_args()
TMP = Path(tempfile.mkdtemp(prefix='harmony-bench-'))


class Server:
    def __init__(self, data, *args):
        self.started = time.perf_counter()
        self.process = subprocess.Popen([A.bin_dir / 'harmony', 'serve', '--port', '0', '--data', data, *args],
                                        stdout=subprocess.PIPE, text=True, env={**os.environ, 'HARMONY_LOG': 'error'})
        for line in self.process.stdout:
            if m := re.search(r'http://127\.0\.0\.1:\d+', line):
                self.root = m.group()
                break
        self.ready = time.perf_counter() - self.started

    def peak_mib(self):
        text = Path(f'/proc/{self.process.pid}/status').read_text()
        return int(re.search(r'VmHWM:\s+(\d+)', text).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def add(data, name, *inputs):
    """Catalogues inputs under a name: that of their folder."""
    folder = TMP / 'granules' / name
    folder.mkdir(parents=True)
    for path in inputs:
        link_or_copy(path, folder / path.name)
    run = [A.bin_dir / 'harmony', 'catalog', 'add', '--data', data, folder]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)


def link_or_copy(path, to):
    try:
        os.link(path, to)
    except OSError:
        shutil.copy(path, to)


def large_granule():
    """Two variables of 5000 x 5000 values that hardly compress, in chunks of 500 x 500: 200 MB."""
    path = TMP / 'large.nc'
    random = numpy.random.default_rng(20)
    with Dataset(path, 'w') as file:
        file.Conventions = 'CF-1.8'
        for name, (low, high), units in (('lat', (-90, 90), 'degrees_north'), ('lon', (-180, 180), 'degrees_east')):
            file.createDimension(name, 5000)
            axis = file.createVariable(name, 'f8', (name,))
            axis.units, axis.standard_name = units, {'lat': 'latitude', 'lon': 'longitude'}[name]
            step = (high - low) / 5000
            axis[:] = low + step * (numpy.arange(5000) + 0.5)
        for name in ('wind', 'rain'):
            values = file.createVariable(name, 'f4', ('lat', 'lon'), zlib=True, complevel=1, chunksizes=(500, 500))
            values[:] = random.random((5000, 5000), 'f4')
    return path


def percentiles(values):
    values = sorted(values)
    return statistics.median(values), values[int(len(values) * 0.95)], values[int(len(values) * 0.99)]


def rangeset(server, name, query):
    return f'{server.root}/{name}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?{query}'


def latency():
    """One granule, a box: over HTTP with the download of the result, and with the command."""
    large = large_granule()
    megabytes = large.stat().st_size / 1e6
    cases = [('sample grid', A.granules / '2020_01_01_global.nc', (-30, 0, 10, 20)),
             (f'granule of {megabytes:.0f} MB', large, (-30, 0, 10, 20))]
    data = TMP / 'latency'
    for i, (_, path, _) in enumerate(cases):
        add(data, f'bench_{i}', path)
    server = Server(data)
    session = requests.Session()
    for i, (title, path, (w, s, e, n)) in enumerate(cases):
        rounds = A.rounds if i == 0 else max(20, A.rounds // 5)
        http, command = [], []
        for k in range(rounds + 3):
            # Another box each time: nothing may come from a cache of answers.
            east = e - k * 0.01
            t = time.perf_counter()
            answer = session.get(rangeset(server, f'bench_{i}', f'subset=lat({s}:{n})&subset=lon({w}:{east})'))
            http.append(time.perf_counter() - t)
            assert answer.status_code == 200 and answer.content[:4] == b'\x89HDF', answer.text[:300]
            t = time.perf_counter()
            subprocess.run([A.bin_dir / 'harmony-transform', '--quiet', '--overwrite', f'--bbox={w},{s},{east},{n}',
                            '-o', TMP / 'out.nc', path], check=True)
            command.append(time.perf_counter() - t)
        for name, values in (('HTTP', http[3:]), ('harmony-transform', command[3:])):
            p50, p95, _ = percentiles(values)
            print(f'{title}: {name}: p50 {p50 * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms')
    server.stop()


def load():
    """32 clients that ask for a box of a small granule, and for a job's status."""
    if not shutil.which('wrk'):
        print('load: wrk is not installed')
        return
    data = TMP / 'load'
    add(data, 'bench', A.granules / '2020_01_01_global.nc')
    server = Server(data)
    job = requests.get(rangeset(server, 'bench', 'forceAsync=true&subset=lat(0:10)')).json()['jobID']
    boxes = TMP / 'boxes.lua'
    # Another box each time: identical requests at the same time are computed once.
    boxes.write_text('local n = 0\nrequest = function()\n  n = n + 1\n'
                     '  return wrk.format("GET", wrk.path .. "?subset=lat(0:" .. 10 + n % 70000 / 1000 .. ")")\nend\n')
    targets = [('/versions', '/versions', []), ('/jobs/<id>', f'/jobs/{job}', []),
               ('bbox subset, synchronous, until the result can be fetched',
                rangeset(server, 'bench', '')[len(server.root):-1], ['-s', boxes])]
    for title, path, more in targets:
        out = subprocess.run(['wrk', '-t1', '-c32', '-d10s', '--latency', *more, server.root + path],
                             capture_output=True, text=True).stdout
        rate = re.search(r'Requests/sec:\s+([\d.]+)', out)
        p99 = re.search(r'99%\s+(\S+)', out)
        errors = re.search(r'Non-2xx or 3xx responses: (\d+)', out)
        print(f'32 clients, {title}: {rate and rate.group(1)} requests/s, p99 {p99 and p99.group(1)}, '
              f'errors {errors.group(1) if errors else 0}, peak {server.peak_mib():.0f} MiB')
    server.stop()


def crowd():
    """200 requests at once under a small memory: each is answered, or told when to come back."""
    data = TMP / 'crowd'
    add(data, 'crowd', A.granules / '2020_01_01_global.nc')
    server = Server(data, '--memory', '256MiB')
    path = 'outputCrs=EPSG:3857&width=2000&height=2000&subset=lat(-60:60)&subset=lon(-170:{})'
    answers, gate = [], threading.Barrier(200)

    def ask(i):
        gate.wait()
        t = time.perf_counter()
        answer = requests.get(rangeset(server, 'crowd', path.format(i * 0.5)), stream=True, timeout=600)
        size = sum(len(piece) for piece in answer.iter_content(1 << 16))
        answers.append((answer.status_code, answer.headers.get('Retry-After'), size, time.perf_counter() - t))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(200)]
    t = time.perf_counter()
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    seconds = time.perf_counter() - t
    good = [a for a in answers if a[0] == 200]
    told = [a for a in answers if a[0] == 503 and a[1]]
    assert len(good) + len(told) == 200, [a for a in answers if a not in good and a not in told][:3]
    print(f'200 at once, --memory 256MiB: {len(good)} answered, {len(told)} told to come back, {seconds:.1f} s, '
          f'peak {server.peak_mib():.0f} MiB')
    server.stop()


def job():
    """A job of 1,000 granules."""
    data, folder = TMP / 'job', TMP / 'granules' / 'thousand'
    folder.mkdir(parents=True)
    for i in range(1000):
        link_or_copy(A.granules / f'2020_01_0{1 + i % 3}_global.nc', folder / f'g{i:04}.nc')
    t = time.perf_counter()
    run = [A.bin_dir / 'harmony', 'catalog', 'add', '--data', data, folder]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    print(f'catalogue of 1,000 granules: {time.perf_counter() - t:.1f} s')
    server = Server(data)
    t = time.perf_counter()
    made = requests.get(rangeset(server, 'thousand', 'forceAsync=true&skipPreview=true&subset=lat(0:10)')).json()
    while (now := requests.get(f'{server.root}/jobs/{made["jobID"]}?limit=1').json())['status'] == 'running':
        time.sleep(0.05)
    seconds = time.perf_counter() - t
    assert now['status'] == 'successful', now
    print(f'job of 1,000 granules: {1000 / seconds:.0f} granules/s, peak {server.peak_mib():.0f} MiB')
    server.stop()


def start():
    """From start to serving with 100,000 granules catalogued, and a search among them."""
    data = TMP / 'start'
    add(data, 'many', A.granules / '2020_01_01_global.nc')
    multiply(data / 'harmony.db', 100_000)
    for title in ('cold', 'warm'):
        server = Server(data)
        t = time.perf_counter()
        hits = requests.get(f'{server.root}/search/granules.json', params={'short_name': 'many', 'page_size': 1})
        assert hits.headers['cmr-hits'] == '100000', hits.headers
        first = time.perf_counter() - t
        print(f'start with 100,000 granules ({title}): serving after {server.ready:.2f} s, first search {first:.2f} s, '
              f'{server.peak_mib():.0f} MiB')
        if title == 'cold':
            server.stop()
    times = []
    for i in range(50):
        t = time.perf_counter()
        answer = requests.get(f'{server.root}/search/granules.json', params={
            'short_name': 'many', 'bounding_box': f'{i - 60},{i - 30},{i - 50},{i - 20}',
            'temporal': '2020-03-01T00:00:00Z,2020-04-01T00:00:00Z', 'page_size': 10})
        times.append(time.perf_counter() - t)
        assert answer.status_code == 200, answer.text
    p50, p95, _ = percentiles(times)
    print(f'box and time among 100,000 ({answer.headers["cmr-hits"]} hits): p50 {p50 * 1000:.1f}, p95 {p95 * 1000:.1f} ms')
    server.stop()


def multiply(database, count):
    """Fills a catalogue of one granule up with others like it: boxes all over the Earth, an hour apart."""
    db = sqlite3.connect(database)
    columns = [c[1] for c in db.execute('PRAGMA table_info(catalog_granules)')]
    seed = dict(zip(columns, db.execute('SELECT * FROM catalog_granules').fetchone()))
    body = json.loads(db.execute('SELECT body FROM catalog_granule_bodies').fetchone()[0])
    rows, bodies = [], []
    for i in range(1, count):
        west, south = i * 7919 % 3400 / 10 - 180, i * 104729 % 1600 / 10 - 80
        start = seed['start'] + i * 3_600_000_000
        stamp = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(start / 1e6))
        row = {**seed, 'key': seed['key'] + i, 'id': f'G{2_000_000_000 + i}-LOCAL', 'name': f'g{i:06}.nc',
               'location': f'{seed["location"]}.{i}', 'start': start, 'end': start,
               'west': west, 'south': south, 'east': west + 20, 'north': south + 20}
        rows.append([row[c] for c in columns])
        own = {**body, 'id': row['id'], 'name': row['name'], 'location': row['location'],
               'bbox': [west, south, west + 20, south + 20], 'start': stamp, 'end': stamp}
        bodies.append((row['key'], json.dumps(own)))
    with db:
        db.executemany(f'INSERT INTO catalog_granules VALUES ({",".join("?" * len(columns))})', rows)
        db.executemany('INSERT INTO catalog_granule_bodies VALUES (?, ?)', bodies)
    # As a catalogue is that was not written a moment ago.
    db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    db.close()


for question in A.questions.split(','):
    {'latency': latency, 'load': load, 'crowd': crowd, 'job': job, 'start': start}[question]()
shutil.rmtree(TMP)
