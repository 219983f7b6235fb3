#!/usr/bin/env python3
"""Writes the README's tables of operations and formats after what the program lists.

    scripts/readme-tables.py target/debug/harmony-transform
"""
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / 'README.md'


def listed(option):
    return subprocess.run([sys.argv[1], option], capture_output=True, text=True, check=True).stdout.splitlines()


def replace(text, marker, lines):
    body = '\n'.join(lines)
    pattern = rf'(<!-- {marker} -->\n).*?(\n<!-- /{marker} -->)'
    return re.sub(pattern, lambda m: m.group(1) + body + m.group(2), text, flags=re.S)


def main():
    operations = ['| operation | what it does |', '|---|---|']
    for line in listed('--list-operations'):
        name, what = line.split(None, 1)
        operations.append(f'| `{name}` | {what} |')
    formats = ['| format | | what |', '|---|---|---|']
    for line in listed('--list-formats'):
        name, rest = line.split(None, 1)
        verbs = next(v for v in ('read, write', 'read', 'write') if rest.startswith(v))
        formats.append(f'| `{name}` | {verbs} | {rest[len(verbs):].strip()} |')
    text = README.read_text()
    text = replace(text, 'operations', operations)
    README.write_text(replace(text, 'formats', formats))


if __name__ == '__main__':
    main()
