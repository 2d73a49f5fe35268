"""Prints what Quire depends on, so that an image can install that in a layer of its own."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
# What is of this repository comes with its source.
wanted = [line for line in project["dependencies"] if "{root:uri}" not in line]
sys.stdout.write("\n".join(wanted) + "\n")
