"""`python -m bookeo` is the command `bookeo`, where that is installed, too."""

import os
import subprocess
import sys

if __name__ == "__main__":
    # Anew: it looks at the places it may trust before dlt is imported, as this package does.
    command = [sys.executable, "-m", "bookeo_pipelines", *sys.argv[1:]]
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 - this very Python, which signals then reach
    sys.exit(subprocess.call(command))  # noqa: S603 - likewise
