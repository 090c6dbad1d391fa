"""How runs hang together: chains, parents with their children, resets.

Looked at when all rows of a step are read, since what one commit does to several runs is spread
over their logs. A successor starts once and when its predecessor says; a parent hears of the end
that its child's chain has come to; what a close policy asks for has been done once nothing is owed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from temporalio.api.enums.v1 import ContinueAsNewInitiator, ParentClosePolicy

from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.promises import Book
from polyrhythm.testing.auditor.reading_messages import CHILD_ENDS
from polyrhythm.testing.auditor.view import ChildView, RunView

_RETRY = ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_RETRY
_CANCEL = ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL


@dataclass(slots=True)
class Families:
    """All runs by what they are to each other."""

    book: Book
    ledger: Ledger
    successors: dict[str, str] = field(default_factory=dict)
    bereaving: list[RunView] = field(default_factory=list)
    reporting: list[RunView] = field(default_factory=list)

    def created(self, view: RunView) -> None:
        """Take in a new run."""
        parent_id, initiated_id = view.parent[1:]
        if view.base_run_id:
            return
        if view.continued_from:
            before = self.successors.get(view.continued_from)
            require(not before, "chain", f"{view.name} and {before} follow one run")
            self.successors[view.continued_from] = view.run_id
        elif parent_id:
            self.ledger.arrive(view.run_id, (parent_id, initiated_id))

    def check(self, changed: list[RunView], gone: set[str], lossy: bool) -> None:
        """Check the runs that a step has changed; `gone` are those it has deleted, `lossy`: it has
        deleted some that nobody knew yet."""
        for view in changed:
            new = len(view.rows) == 1 and not view.base_run_id
            if new and view.continued_from and view.continued_from not in gone:
                self._check_successor(view)
            if view.new_run_id and not lossy:
                known = self.book.by_run.get(view.new_run_id)
                follows = known is not None and known.continued_from == view.run_id
                require(follows, "chain", f"{view.name}: {view.new_run_id} does not follow")
            if view.reset_to and not lossy:
                made = self.book.by_run.get(view.reset_to)
                own = made is not None and made.base_run_id == view.run_id
                require(own, "fork", f"{view.name}: was not reset to {view.reset_to}")
            for told in view.heard:
                self._check_end(view, *told)
            view.heard.clear()
            if view.bereaved:
                self.bereaving.append(view)
            ended = view.close_type and not view.new_run_id and not view.replaced
            if ended and view.parent[1] and not view.reported:
                view.reported = True
                self.reporting.append(view)
        self._check_policies()
        # A child may have ended before the reset that took it over from its parent's past.
        taken_over = {view.run_id for view in changed if len(view.rows) == 1 and view.base_run_id}
        self._check_reports(bool(gone) or lossy, taken_over)

    def cut_off(self, view: RunView) -> bool:
        """Whether a run made by a reset may wait for ever for a child that another run of its past
        has started: its end was told on another way of resets, or on one that is deleted."""
        chains = [self.book.by_run.get(child.run_id) for child in view.children.values()]
        ended = [first for first in chains if first is not None and self._is_over(first)]
        others = bool(view.base_run_id) and any(each.parent[1] != view.run_id for each in ended)
        return others or any(self._was_replaced(first) for first in ended)

    def _was_replaced(self, first: RunView) -> bool:
        # Whom a reset terminates tells nobody, and the new run may be of another chain.
        runs = self.book.runs(first.workflow_id)
        return any(each.replaced for each in runs if each.first_run_id == first.run_id)

    def _is_over(self, first: RunView) -> bool:
        runs = self.book.runs(first.workflow_id)
        return not any(each.open for each in runs if each.first_run_id == first.run_id)

    def _check_policies(self) -> None:
        waiting = []
        for view in self.bereaving:
            if view.owed and not view.deleted:
                waiting.append(view)
                continue
            if not view.going:
                for child in view.bereaved.values():
                    self._check_policy(view, child)
            view.bereaved.clear()
        self.bereaving = waiting

    def _check_reports(self, lossy: bool, taken_over: set[str]) -> None:
        waiting = []
        for view in self.reporting:
            if view.owed and not view.deleted:
                waiting.append(view)
            elif not view.deleted and not lossy:
                parent = self._follow(view.parent[1])
                told = (
                    parent is None
                    or parent.run_id in taken_over
                    or all(child.run_id != view.first_run_id for child in parent.children.values())
                )
                name = parent.name if parent is not None else ""
                require(told, "family", f"{name} was not told of the end of {view.name}")
        self.reporting = waiting

    def _follow(self, run_id: str) -> RunView | None:
        """Return the open run that a run was reset to, on and on, or that it is itself."""
        view = self.book.by_run.get(run_id)
        while view is not None and not view.open:
            if view.deleted or not view.reset_to:
                return None
            view = self.book.by_run.get(view.reset_to)
        return view

    def _check_successor(self, view: RunView) -> None:
        before = self.book.by_run.get(view.continued_from)
        named = before is not None and before.new_run_id == view.run_id
        require(named, "chain", f"{view.name} follows {view.continued_from}, which does not say so")
        assert before is not None
        place = (view.workflow_id, view.first_run_id, view.parent)
        same = place == (before.workflow_id, before.first_run_id, before.parent)
        require(same, "chain", f"{view.name} and {before.name} are not of one chain")
        attempt = before.chain_attempt + 1 if view.initiator == _RETRY else 1
        counted = view.chain_attempt == attempt
        require(counted, "chain", f"{view.name}: attempt {view.chain_attempt}, not {attempt}")
        wait_ns = before.wait_ns
        policy = before.retry_policy
        if view.initiator == _RETRY:
            assert policy is not None
            maximum = policy.maximum_attempts
            few = not maximum or attempt <= maximum
            require(few, "chain", f"{view.name}: attempt {attempt} of {maximum}")
            wait_ns = int(
                policy.initial_interval.ToNanoseconds()
                * policy.backoff_coefficient ** (before.chain_attempt - 1)
            )
            wait_ns = min(wait_ns, policy.maximum_interval.ToNanoseconds() or wait_ns)
        early = view.first_due_ns < before.close_ns + wait_ns
        require(not early, "early", f"{view.name}: due {view.first_due_ns}, waits {wait_ns}")

    def _check_end(self, view: RunView, event_type: int, first_id: str, last_id: str) -> None:
        last = self.book.by_run.get(last_id)
        if last is None or (last.deleted and not last.close_type):
            # What it did in the step that deleted it is in no log.
            return
        as_told = last.close_type == CHILD_ENDS[event_type] and last.first_run_id == first_id
        require(
            as_told and not last.new_run_id,
            "family",
            f"{view.name}: told {event_type} of {last.name}, closed by {last.close_type}",
        )

    def _check_policy(self, view: RunView, child: ChildView) -> None:
        chain = [
            each
            for each in self.book.runs(child.workflow_id)
            if child.run_id and each.first_run_id == child.run_id and not each.deleted
        ]
        own = all(each.parent[1] == view.run_id for each in chain)
        if not own or any(each.base_run_id for each in chain):
            # The child of the run that this one was made from by a reset: it has another parent.
            # Or a reset of the child goes on, whatever became of the run that was made from.
            return
        still = [each.name for each in chain if each.open]
        asked = child.close_policy == _CANCEL and any(each.cancel_requested for each in chain)
        require(
            not still or asked,
            "close policy",
            f"{view.name} closed, and {still} with policy {child.close_policy} goes on",
        )
