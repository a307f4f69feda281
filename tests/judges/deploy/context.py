"""Copies what .dockerignore leaves of a folder, as Docker's own client decides: context.py FOLDER COPY"""

import pathlib
import shutil
import sys

from docker.utils.build import exclude_paths

folder, copy = map(pathlib.Path, sys.argv[1:])
lines = (folder / ".dockerignore").read_text().splitlines()
patterns = [line for line in lines if line and not line.startswith("#")]
for name in exclude_paths(str(folder), patterns):
    source = folder / name
    if source.is_file():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
