#!/usr/bin/env python3
"""Run the bench questions: ours beside its peers, interleaved, as ratios of medians with peak memory.

    run.py --bin PROGRAM --data DIR [--only NAME ...] [--rounds 5] [--python PY] [--l2ss-python PY] [--json FILE]

A question is a module in this folder with QUESTION (text), DATA (file in the data folder), `ours(data)` (arguments),
`peers(tools)` ({name: function of input and output that gives a command}) and `check(data, outputs)` (raises when an
output is wrong). It may have SUFFIX (of outputs), `prepare(data, tools)` (makes the data file), `ours_command(bin, data,
out)` (when ours is not the plain program), and VARIANTS: names that are then a further first argument of the functions.
"""
import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def questions():
    return sorted(p.stem for p in HERE.glob('*.py') if p.stem not in ('run', 'warp_kernel'))


def load(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def timed(command):
    """Wall seconds and peak resident MiB of one process."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            text = errors.read().decode(errors='replace').strip()[-400:]
            raise RuntimeError(f'{" ".join(map(str, command))}: exit {process.returncode}: {text}')
    return wall, usage.ru_maxrss / 1024


def check(name, variant, data, outputs):
    """Runs a question's check in a process of its own: what a child inherits would count as its peak memory."""
    arguments = [name, variant or '', str(data), json.dumps({k: str(v) for k, v in outputs.items()})]
    done = subprocess.run([sys.executable, str(HERE / 'run.py'), '--check', *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'{name}: an output is wrong:\n{done.stderr.strip()[-800:]}')


def size_of(path):
    if path.is_dir():
        return sum(f.stat().st_size for f in path.rglob('*') if f.is_file())
    return path.stat().st_size if path.exists() else 0


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class Variant:
    """A question with its variant filled in."""

    def __init__(self, module, variant):
        self.module, self.variant = module, variant
        self.given = [variant] if variant else []

    def __getattr__(self, name):
        value = getattr(self.module, name)
        if name in ('ours', 'ours_command', 'peers', 'check') and self.given:
            return lambda *args: value(*self.given, *args)
        return value


def run(name, variant, a, tools):
    question = Variant(load(name), variant)
    data = Path(a.data) / question.DATA if not Path(question.DATA).is_absolute() else Path(question.DATA)
    if not data.exists() and hasattr(question.module, 'prepare') and data.parent.exists():
        question.prepare(data, tools)
    if not data.exists():
        print(f'{name}: skipped, {data} is missing (harmony-testdata bench DIR makes it)')
        return None
    with tempfile.TemporaryDirectory(prefix='bench-') as scratch:
        suffix = getattr(question.module, 'SUFFIX', '.nc')
        out = {'ours': Path(scratch) / f'ours{suffix}'}
        if hasattr(question.module, 'ours_command'):
            commands = {'ours': question.ours_command(a.bin, data, out['ours'])}
        else:
            commands = {'ours': [a.bin, '--quiet', '--overwrite', '--output', out['ours'], *question.ours(data)]}
        for peer, make in question.peers(tools).items():
            out[peer] = Path(scratch) / f'{peer}{suffix}'
            commands[peer] = make(data, out[peer])
        walls, peaks, failed = {k: [] for k in commands}, {k: 0 for k in commands}, {}
        for _ in range(a.rounds):
            for who, command in commands.items():
                if who in failed:
                    continue
                remove(out[who])
                try:
                    wall, peak = timed(command)
                except RuntimeError as error:
                    if who == 'ours':
                        raise
                    failed[who] = str(error)
                    continue
                walls[who].append(wall)
                peaks[who] = max(peaks[who], peak)
        check(name, variant, data, {k: v for k, v in out.items() if k not in failed})
        sizes = {k: size_of(v) for k, v in out.items() if k not in failed}
        size = sizes['ours']
    median = {k: statistics.median(v) for k, v in walls.items() if v}
    title = f'{name} {variant}' if variant else name
    print(f'\n{title}: {question.QUESTION}')
    print(f'  {"ours":22}{median["ours"] * 1e3:9.1f} ms  {peaks["ours"]:6.0f} MiB  output {size / 1e6:.1f} MB')
    result = {'ours_ms': median['ours'] * 1e3, 'ours_mib': peaks['ours'], 'ratios': {}}
    for who, value in median.items():
        if who != 'ours':
            ratio = value / median['ours']
            result['ratios'][who] = ratio
            bytes_ = f'  output {sizes[who] / 1e6:.1f} MB' if sizes[who] else ''
            print(f'  {who:22}{value * 1e3:9.1f} ms  {peaks[who]:6.0f} MiB  x{ratio:.2f}{bytes_}')
    for who, text in failed.items():
        print(f'  {who:22}failed: {text}')
    limits = getattr(question, 'LIMITS', {})
    if 'seconds' in limits:
        print(f'  limit {limits["seconds"]} s: {"kept" if median["ours"] < limits["seconds"] else "BROKEN"}')
    if 'mib' in limits:
        print(f'  limit {limits["mib"]} MiB: {"kept" if peaks["ours"] < limits["mib"] else "BROKEN"}')
    return result


def main():
    if sys.argv[1:2] == ['--check']:
        name, variant, data, outputs = sys.argv[2:]
        question = Variant(load(name), variant)
        return question.check(data, {k: Path(v) for k, v in json.loads(outputs).items()})
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--bin', required=True)
    ap.add_argument('--data', default='bench-data')
    ap.add_argument('--only', nargs='*')
    ap.add_argument('--rounds', type=int, default=5)
    ap.add_argument('--python', default=sys.executable)
    ap.add_argument('--l2ss-python', default=None)
    ap.add_argument('--concise-python', default=None)
    ap.add_argument('--json')
    a = ap.parse_args()
    from peers import Tools
    tools = Tools(a.python, a.l2ss_python, a.concise_python)
    print(f'{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {a.rounds} rounds, files in page cache')
    results = {}
    for name in a.only or questions():
        name, _, chosen = name.partition(':')
        for variant in [chosen] if chosen else getattr(load(name), 'VARIANTS', [None]):
            results[f'{name}:{variant}' if variant else name] = run(name, variant, a, tools)
    if a.json:
        Path(a.json).write_text(json.dumps(results, indent=1))


if __name__ == '__main__':
    main()
