"""`python -m bookeo` is the command `bookeo`, where that is installed, too."""

import subprocess
import sys

if __name__ == "__main__":
    # In a process of its own: it looks at the places it may trust before dlt is imported, as this package does.
    sys.exit(subprocess.call([sys.executable, "-m", "bookeo_pipelines", *sys.argv[1:]]))  # noqa: S603 - this very Python
