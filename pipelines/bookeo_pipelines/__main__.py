"""`python -m bookeo_pipelines` is the command `bookeo`."""

from bookeo_pipelines.cli.app import main

if __name__ == "__main__":
    main()
