"""`python -m bookeo_pipelines` is the command `bookeo`."""

from bookeo_pipelines.cli.__main__ import main

if __name__ == "__main__":
    main()
