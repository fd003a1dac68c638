"""SIGINT (Ctrl-C) and SIGTERM: the command ends within seconds, whatever it is doing, and says so in one sentence.

A signal is an exception in the main thread, so that files are closed and temporary ones removed. Where the main thread
does not come to it, because it waits for a database, another thread or an import, a thread of this module ends the
process. That loses nothing: a load may be killed at any moment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

SENTENCE = "Interrupted; what was loaded stays loaded, and the next load goes on from there."
SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_SECONDS = 3.0
"""How long the command may take to close what is open."""
LAST_WORDS_SECONDS = 1.0
"""How long it may then take to say that it was interrupted: whoever reads its output may not be reading."""


class Interrupted(SystemExit):
    """A signal has come. Libraries let it pass, as it is no error, and nothing shows a traceback of it.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


class _Interrupts:
    """What is known of signals in this process."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.listening = False
        self._begun = False
        self._raised = False
        self._said = threading.Event()
        self._speaking = threading.Lock()
        self._say: Callable[[str], None] = _write
        self._at_start: Callable[[int], None] = lambda _: None
        self._telling: list[Callable[[], None]] = []

    def listen(self, at_start: Callable[[int], None]) -> None:
        """Take the signals over. Until `begin` is called they end the process at once.

        Args:
            at_start: Told of a signal that does, before anything is said.
        """
        self.listening, self._at_start = True, at_start
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        threading.Thread(target=self._watch, args=(reading,), name="bookeo-signals", daemon=True).start()
        # Told by Python at once, also while the main thread is in a library's own code, where no handler can run.
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        # Also where Ctrl-C was to be ignored, as in a script's background: who sends a signal means it. And the first
        # process of a container hears of no signal without a handler.
        for number in SIGNALS:
            signal.signal(number, self._receive)
        shown = sys.unraisablehook
        sys.unraisablehook = lambda error: None if self.number is not None else shown(error)

    def begin(self, say: Callable[[str], None]) -> None:
        """Let the command close what it opens, from here on.

        Args:
            say: Prints a sentence for the user.
        """
        self._say, self._begun = say, True

    def let_go(self) -> None:
        """Leave the signals to Python's own handler, for a server that ends by them as it should."""
        self.listening = False
        for number in SIGNALS:
            signal.signal(number, signal.default_int_handler)

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Have something told, once, if the block is interrupted, also if it never comes to its end.

        Args:
            tell: Tells it.

        Yields:
            Nothing.
        """
        self._telling.append(tell)
        try:
            yield
        except BaseException as error:
            if self.number is not None or isinstance(error, KeyboardInterrupt):
                self._tell(tell)
            raise
        finally:
            with contextlib.suppress(ValueError):
                self._telling.remove(tell)

    def last_words(self) -> None:
        """Tell and say what is still to be told and said."""
        with self._speaking:
            for tell in reversed(self._telling.copy()):
                self._tell(tell)
            if not self._said.is_set():
                self._said.set()
                with contextlib.suppress(Exception):
                    self._say(SENTENCE)

    def _tell(self, tell: Callable[[], None]) -> None:
        with contextlib.suppress(ValueError):
            self._telling.remove(tell)
            with contextlib.suppress(Exception):
                tell()

    def _receive(self, number: int, _: Any) -> None:
        self.number = self.number or number
        if not self._begun:
            self._at_start(number)
            _write(SENTENCE)
            os._exit(128 + number)
        if self._raised:  # once more: whoever sends it does not want to wait
            self._end(self.number)
        self._raised = True
        raise Interrupted(number)

    def _watch(self, pipe: int) -> None:
        while True:
            number = os.read(pipe, 1)[0]
            if number in SIGNALS and self.listening:
                self.number = self.number or number
                threading.Event().wait(GRACE_SECONDS)
                if self.listening:
                    self._end(self.number)

    def _end(self, number: int) -> NoReturn:
        speaker = threading.Thread(target=self.last_words, daemon=True)
        speaker.start()
        speaker.join(LAST_WORDS_SECONDS)
        os._exit(128 + number)


def interrupted_as_json(number: int | None, account: str | None = None) -> dict[str, Any]:
    """Say that a command was interrupted before it had anything to show, for programs.

    Args:
        number: The signal; None: SIGINT.
        account: The account that was named, if any.

    Returns:
        An object of plain JSON values, without a failure: nothing is to be mended.
    """
    return {
        "account": account,
        "outcome": "interrupted",
        "failure": None,
        "error": SENTENCE,
        "exit_code": 128 + (number or signal.SIGINT),
    }


def _write(sentence: str) -> None:
    """Write to standard error without anything that may not be imported yet."""
    with contextlib.suppress(OSError):
        os.write(2, f"{sentence}\n".encode())


interrupts = _Interrupts()
"""The one of this process."""
