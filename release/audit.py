"""Asks an advisory service about every version that constraints.txt pins.

python release/audit.py                      fails where a version is vulnerable, or could not be asked about
python release/audit.py --where-reachable    fails for the first only, and says what was not audited
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
KNOWN = "jinja2==2.4.1"
"""Has been known to be vulnerable for years. A service that finds nothing here would find nothing anywhere."""
VULNERABLE, NOT_AUDITED = 1, 3
"""Exit codes."""

Answers = list[dict[str, Any]]


class NoAnswer(Exception):
    """A service could not be asked, or does not know what everybody knows."""


def asked(requirements: Path, options: Sequence[str]) -> Answers:
    """Asks about the versions in a file.

    Args:
        requirements: The file.
        options: Which service, in the words of pip-audit.

    Returns:
        One answer for each package: `vulns`, or a `skip_reason`.

    Raises:
        NoAnswer: If the service cannot be asked.
    """
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--format=json",
        "--progress-spinner=off",
        "--no-deps",
        "--disable-pip",
    ]
    done = subprocess.run(  # noqa: S603 - nothing here comes from outside
        [*command, *options, "--requirement", str(requirements)], capture_output=True, text=True, check=False
    )
    try:
        answers: Answers = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip() or "no answer").splitlines()[-1]
        raise NoAnswer(last.partition(":")[0]) from None
    return answers


def rings(options: Sequence[str], ask: Callable[[Path, Sequence[str]], Answers]) -> None:
    """Makes sure that a service knows of vulnerabilities at all.

    Args:
        options: Which service.
        ask: What asks it.

    Raises:
        NoAnswer: If it does not. Some copies of a package index answer, but know of none.
    """
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder) / "known.txt"
        one.write_text(KNOWN + "\n")
        if not any(answer.get("vulns") for answer in ask(one, options)):
            raise NoAnswer(f"knows nothing against {KNOWN}")


def main(arguments: list[str], ask: Callable[[Path, Sequence[str]], Answers] = asked) -> int:
    """Audits, and says how it went in lines that begin with `audited`, `not audited` or `vulnerable`.

    Args:
        arguments: The command line's.
        ask: What asks a service.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--where-reachable", action="store_true", help="that no service can be reached is no failure")
    parser.add_argument("--osv-url", help="a service of your own that answers as OSV does")
    parser.add_argument("--requirements", type=Path, default=CONSTRAINTS)
    given = parser.parse_args(arguments)
    services = [["--vulnerability-service=osv"], ["--vulnerability-service=pypi"]]
    if given.osv_url:
        services = [[*services[0], f"--osv-url={given.osv_url}"]]
    missing = 0 if given.where_reachable else NOT_AUDITED
    reasons = []
    for options in services:
        try:
            rings(options, ask)
            answers = ask(given.requirements, options)
        except NoAnswer as error:
            reasons.append(f"{options[0].partition('=')[2]}: {error}")
        else:
            return _verdict(answers, missing)
    sys.stdout.write(f"not audited: no advisory service answers here ({'; '.join(reasons)})\n")
    return missing


def _verdict(answers: Answers, missing: int) -> int:
    code = 0
    skipped = [answer for answer in answers if "skip_reason" in answer]
    if skipped:
        sys.stdout.write(
            f"not audited: {', '.join(answer['name'] for answer in skipped)}: the service does not know them\n"
        )
        code = missing
    for answer in answers:
        for found in answer.get("vulns", ()):
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            sys.stdout.write(f"vulnerable: {answer['name']} {answer['version']}: {found['id']}, fixed in {fixed}\n")
            code = VULNERABLE
    sys.stdout.write(f"audited: {len(answers) - len(skipped)} of {len(answers)} packages\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
