#!/usr/bin/env python3
"""Figures of the service: latency, throughput, a large job, a large catalogue. Needs `requests`; `wrk` where it is.

    service.py --bin-dir DIR --granules DIR [--large FILE] [--questions latency,load,job,start]

DIR has `harmony` and `harmony-transform`; the granules are `testdata/granules`. Nothing is asserted: figures go to
standard output as a table.
"""
import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import requests

ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument('--bin-dir', required=True, type=Path)
ap.add_argument('--granules', required=True, type=Path)
ap.add_argument('--large', type=Path, help='a granule of some 200 MB')
ap.add_argument('--questions', default='latency,load,job,start')
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


def add(data, short_name, *inputs):
    subprocess.run([A.bin_dir / 'harmony', 'catalog', 'add', '--data', data, '--short-name', short_name, *inputs],
                   check=True, stdout=subprocess.DEVNULL)


def percentiles(values):
    values = sorted(values)
    return statistics.median(values), values[int(len(values) * 0.95)], values[int(len(values) * 0.99)]


def rangeset(server, name, query):
    return f'{server.root}/{name}/ogc-api-coverages/1.0.0/collections/all/coverage/rangeset?{query}'


def latency():
    """One granule, a box: over HTTP with the download of the result, and with the command."""
    cases = [('sample grid', A.granules / '2020_01_01_global.nc', (-30, 0, 10, 20))]
    if A.large:
        cases.append(('large granule', A.large, (-30, 0, 10, 20)))
    data = TMP / 'latency'
    for i, (_, path, _) in enumerate(cases):
        add(data, f'bench_{i}', path)
    server = Server(data)
    session = requests.Session()
    for i, (title, path, (w, s, e, n)) in enumerate(cases):
        rounds = A.rounds if i == 0 else 20
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
    targets = [('/versions', '/versions'), ('/jobs/<id>', f'/jobs/{job}'),
               ('bbox subset, synchronous', rangeset(server, 'bench', 'subset=lat(0:10)')[len(server.root):])]
    for title, path in targets:
        out = subprocess.run(['wrk', '-t1', '-c32', '-d10s', '--latency', server.root + path],
                             capture_output=True, text=True).stdout
        rate = re.search(r'Requests/sec:\s+([\d.]+)', out)
        p99 = re.search(r'99%\s+(\S+)', out)
        errors = re.search(r'Non-2xx or 3xx responses: (\d+)', out)
        print(f'32 clients, {title}: {rate and rate.group(1)} requests/s, p99 {p99 and p99.group(1)}, '
              f'errors {errors.group(1) if errors else 0}, peak {server.peak_mib():.0f} MiB')
    server.stop()


def job():
    """A job of 1,000 granules."""
    data, folder = TMP / 'job', TMP / 'granules'
    folder.mkdir()
    for i in range(1000):
        os.link(A.granules / f'2020_01_0{1 + i % 3}_global.nc', folder / f'g{i:04}.nc') \
            if os.stat(A.granules).st_dev == os.stat(folder).st_dev else \
            shutil.copy(A.granules / f'2020_01_0{1 + i % 3}_global.nc', folder / f'g{i:04}.nc')
    t = time.perf_counter()
    add(data, 'bench', folder)
    print(f'catalogue of 1,000 granules: {time.perf_counter() - t:.1f} s')
    server = Server(data)
    t = time.perf_counter()
    made = requests.get(rangeset(server, 'bench', 'forceAsync=true&skipPreview=true&subset=lat(0:10)')).json()
    while (now := requests.get(f'{server.root}/jobs/{made["jobID"]}?limit=1').json())['status'] == 'running':
        time.sleep(0.05)
    seconds = time.perf_counter() - t
    print(f'job of 1,000 granules: {now["status"]}, {1000 / seconds:.0f} granules/s, peak {server.peak_mib():.0f} MiB')
    server.stop()


def start():
    """From start to serving with 100,000 granules catalogued, and a search among them."""
    data = TMP / 'start'
    subprocess.run([A.bin_dir / 'harmony', 'catalog', 'add', '--data', data, '--short-name', 'bench',
                    A.granules / '2020_01_01_global.nc'], check=True, stdout=subprocess.DEVNULL)
    multiply(data / 'harmony.db', 100_000)
    server = Server(data)
    print(f'start with 100,000 granules: {server.ready:.2f} s')
    times = []
    for i in range(50):
        t = time.perf_counter()
        answer = requests.get(f'{server.root}/search/granules.json', params={
            'short_name': 'bench', 'bounding_box': f'{i - 60},{i - 30},{i - 50},{i - 20}',
            'temporal': '2020-03-01T00:00:00Z,2020-04-01T00:00:00Z', 'page_size': 10})
        times.append(time.perf_counter() - t)
        assert answer.status_code == 200, answer.text
    p50, p95, _ = percentiles(times)
    print(f'box and time among 100,000 ({answer.headers["cmr-hits"]} hits): p50 {p50 * 1000:.1f}, p95 {p95 * 1000:.1f} ms')
    server.stop()


def multiply(database, count):
    raise SystemExit(f'fill {database} with {count} granules: not written yet')


for question in A.questions.split(','):
    {'latency': latency, 'load': load, 'job': job, 'start': start}[question]()
shutil.rmtree(TMP)
