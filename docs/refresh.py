"""Writes the parts of the documents that follow from the code, and those that programs print.

python docs/refresh.py                   settings, tables, commands, personal columns, the data dictionary, licences
python docs/refresh.py --models          also what Dagster must know of the dbt project's models
python docs/refresh.py --demo            also what a demonstration prints, and its picture
python docs/refresh.py --dashboard       also the pictures of the dashboard, with Debian's Chromium
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "release"))

import dashboard_pictures
import demonstration
import models
from fragments import FRAGMENTS, with_fragment

import licences
from bookeo_pipelines.docs.dictionary import write_documents

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "demo.svg"


def main() -> None:
    """Rewrites the documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", action="store_true")
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--dashboard", action="store_true")
    given = parser.parse_args()
    parts = {place: make() for place, make in FRAGMENTS.items()}
    if given.demo:
        lines = demonstration.shortened(demonstration.run())
        text = demonstration.plain("\n".join(lines))
        parts["README.md", "demo"] = f"```console\n$ make demo\n{text}\n```"
        PICTURE.write_text(demonstration.picture(demonstration.second_half(lines)))
    if given.dashboard:
        dashboard_pictures.take(PICTURE.parent)
    for (document, name), text in parts.items():
        path = ROOT / document
        path.write_text(with_fragment(path.read_text(), name, text))
        sys.stdout.write(f"{document}: {name}\n")
    if given.models:
        models.MODELS.write_text(models.models())
    for made in write_documents(ROOT / "docs"):
        sys.stdout.write(f"{made.relative_to(ROOT)}\n")
    licences.write()


if __name__ == "__main__":
    main()
