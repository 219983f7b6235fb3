"""The programs that questions are also put to, where they are installed."""
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Tools:
    """Which peers this machine has."""

    def __init__(self, python, l2ss_python=None, concise_python=None):
        self.python, self.l2ss_python = python, l2ss_python or python
        self.concise_python = concise_python or python

    def has(self, program):
        return shutil.which(program) is not None

    def imports(self, module, python=None):
        probe = [python or self.python, '-c', f'import {module}']
        return subprocess.run(probe, capture_output=True).returncode == 0

    def script(self, name, *args, python=None):
        return [python or self.python, str(HERE / name), *map(str, args)]

    def available(self, peers):
        """Those of {name: (is installed, command)} that are installed; the others are named."""
        found = {}
        for name, (installed, command) in peers.items():
            if installed:
                found[name] = command
            else:
                print(f'  ({name} is not installed)')
        return found
