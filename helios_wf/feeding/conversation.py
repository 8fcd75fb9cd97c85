"""The talk with one process of a resident tool, from hello to its end."""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from helios_wf.errors import JobError
from helios_wf.feeding import protocol
from helios_wf.feeding.hand import Hand
from helios_wf.feeding.in_work import InWork
from helios_wf.feeding.protocol import broken
from helios_wf.feeding.settling import Settling
from helios_wf.feeding.started import Started
from helios_wf.model import EventRange
from helios_wf.states import Cause

MOST_ASKED = 1000
"""Ranges that a tool is given ahead at most, however many it asks for."""

LOOKS_S = (0.001, 0.05)
"""How often a folder is looked at: the oftener the shorter it is since the tool said something."""

REMEMBERED = 1000


@dataclass(frozen=True)
class Patience:
    """How long a resident tool may take for what no range's time limit covers, in seconds.

    ``ready_s`` holds until it is ready, and for its silence while it has no range and asks for none;
    ``bye_s`` from the last range to its end; ``closed_s`` for a tool that cannot say anything any more.
    """

    ready_s: float = 600.0
    bye_s: float = 60.0
    closed_s: float = 2.0


class Limit(NamedTuple):
    """A moment at which patience ends, and why; ``one`` is the range whose time is up."""

    at: float
    error: JobError | None
    one: EventRange | None = None


class Conversation:
    """What has been said, what the tool holds, and what may come next.

    ``alone`` are the ids of ranges of which one ended an earlier process: each is given to the tool alone.
    """

    def __init__(
        self, tool: Started, hand: Hand, settling: Settling, patience: Patience, alone: set[str]
    ) -> None:
        self.is_ready = False
        self.has_ended_in_order = False
        self.overdue: EventRange | None = None
        """the range whose time limit has passed"""
        self.in_work = InWork(tool, hand)
        self._tool, self._channel, self._hand, self._settling = tool, tool.channel, hand, settling
        self._patience, self._alone = patience, alone
        self._limit_s = tool.invocation.time_limit_s
        self._asked = 0
        self._said_no_more = self._said_bye = False
        self._moved_at = self._closed_at = time.monotonic()
        self._look_s = LOOKS_S[0]
        self._answered: deque[str] = deque(maxlen=REMEMBERED)

    def run(self) -> None:
        """Talks until the tool's process has ended.

        Raises:
            JobError: it must end now: it broke the exchange, a limit passed, the disk is full, or a request.
        """
        tool, directory = self._tool.process.pid, self._tool.folders.out
        self._channel.send(protocol.Hello(self._settling.handle, directory))
        ended = os.pidfd_open(tool)
        try:
            while not self._turn(ended):
                pass
        finally:
            os.close(ended)
        self.has_ended_in_order = self.in_work.is_empty and (self._said_no_more or self._said_bye)

    def _turn(self, ended: int) -> bool:
        """Waits for something to happen, and does what follows; returns whether the tool has ended."""
        happened = self._wait(ended)
        if self._hand.fd in happened and self._hand.hear():
            raise JobError(Cause.CANCELLED, "it was cancelled")
        if self._channel.writes in happened:
            self._channel.push()
        went_on = self._may_have_spoken(happened) and self._listen(self._channel.receive)
        if ended in happened:
            self._listen(self._channel.last_words)
            return True
        self._give()
        if not went_on and self._is_over():
            return True
        self._hand.tell_if_due()
        return False

    def _wait(self, ended: int) -> set[int | None]:
        poll = select.poll()
        for fd in (ended, self._channel.reads, self._hand.fd):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        if self._channel.writes is not None:
            poll.register(self._channel.writes, select.POLLOUT)
        return {fd for fd, _ in poll.poll(self._wait_ms())}

    def _wait_ms(self) -> float | None:
        now = time.monotonic()
        waits = [limit.at - now for limit in self._limits()]
        if (due_s := self._hand.due_s()) is not None:
            waits.append(due_s)
        if self._channel.reads is None and not self._channel.is_closed:
            waits.append(self._look_s)
        # poll cuts to whole milliseconds: a limit must have passed when it returns
        return max(0.0, min(waits)) * 1000 + 1 if waits else None

    def _may_have_spoken(self, happened: set[int | None]) -> bool:
        if self._channel.is_closed:
            return False
        return self._channel.reads is None or self._channel.reads in happened

    def _listen(self, receive: Callable[[], list[bytes]]) -> bool:
        """Does what the tool's lines say, and returns whether any range was settled.

        Then the answer of the next may be waiting already, and it must not be found overdue.
        """
        self.in_work.about_to_read()
        before, spoke = self._settling.count, False
        for line in receive():
            answer = protocol.read(line)
            if answer is None:
                self._channel.log(line + b"\n")
            else:
                spoke = True
                self._obey(answer)
        if not self._channel.is_closed:
            self._closed_at = time.monotonic()
        self._look_s = LOOKS_S[0] if spoke else min(2 * self._look_s, LOOKS_S[1])
        if self._settling.count == before:
            return False
        self._moved_at = time.monotonic()
        return True

    def _obey(self, answer: protocol.Answer) -> None:
        if isinstance(answer, protocol.Ready):
            if not self.is_ready:
                self._moved_at = time.monotonic()
            self.is_ready, self.in_work.capacity = True, answer.capacity
        elif isinstance(answer, protocol.Bye):
            self._take_bye()
        elif not self.is_ready:
            raise broken("it asked or answered before it said that it was ready")
        elif isinstance(answer, protocol.Get):
            self._asked = min(self._asked + answer.n, MOST_ASKED)
        else:
            self._of_range(answer)

    def _take_bye(self) -> None:
        self._said_bye = True
        if not self.in_work.is_empty:
            raise broken("it said bye while it held event ranges")

    def _of_range(self, answer: protocol.OfRange) -> None:
        one = self.in_work.find(answer.range)
        if one is None:
            # a second answer changes nothing: the first one counts
            if answer.range not in self._answered:
                raise broken(f"it answered for the range {answer.range!r}, which it does not hold")
        elif isinstance(answer, protocol.Progress):
            self._hand.progress(one, min(answer.processed, one.stop - one.first))
        else:
            self._answered.append(one.id)
            work = self.in_work.end(one)
            self._settling.answered(work, answer)

    def _give(self) -> None:
        """Gives the tool ranges that it has asked for, or says that there are no more."""
        if not self.is_ready or self._said_no_more or self._said_bye:
            return
        given = []
        while self._asked and self._may_give() and (one := self._hand.take_now()) is not None:
            self.in_work.add(one)
            given.append(self._settling.folders.make(one))
            self._asked -= 1
        if given:
            self.in_work.begin()
            self._channel.send(protocol.Ranges(given))
        elif self._asked and self._hand.is_last:
            self._said_no_more, self._moved_at = True, time.monotonic()
            self._channel.send(protocol.NoMore())

    def _may_give(self) -> bool:
        is_alone = self._hand.next_id in self._alone or self.in_work.holds(self._alone)
        return self.in_work.is_empty or not is_alone

    def _is_over(self) -> bool:
        """Returns whether the tool has had all the time that it gets after its last range.

        Raises:
            JobError: another limit has passed.
        """
        now = time.monotonic()
        passed = [limit for limit in self._limits() if limit.at <= now]
        if not passed:
            return False
        self.overdue = passed[0].one
        if passed[0].error is not None:
            raise passed[0].error
        return True

    def _limits(self) -> Iterator[Limit]:
        patience = self._patience
        if self._channel.is_closed:
            text = "it closed its standard output, but went on"
            yield Limit(self._closed_at + patience.closed_s, broken(text))
        if not self.is_ready:
            text = f"it was not ready after {patience.ready_s:g} s"
            yield Limit(self._moved_at + patience.ready_s, JobError(Cause.NOT_READY, text))
        elif not self.in_work.is_empty:
            if self._limit_s:
                text = f"it ran longer than its time limit of {self._limit_s:g} s"
                for one, begun_at in self.in_work.begun():
                    yield Limit(begun_at + self._limit_s, JobError(Cause.TIME_LIMIT, text), one)
        elif self._said_no_more or self._said_bye:
            yield Limit(self._moved_at + patience.bye_s, None)
        elif not self._asked:
            text = f"it asked for no event range for {patience.ready_s:g} s"
            yield Limit(self._moved_at + patience.ready_s, broken(text))
