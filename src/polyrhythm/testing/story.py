"""Stories: tests of the core, one line a step, `command => events | effects | reply`.

A command is one of `story_verbs.VERBS`; it is decided against the story's state at the story's
virtual time. An expected event is `id Type field=value ...` (`~` for the id of a buffered one),
an effect is `Class field=value ...`, a reply is `field=value ...` or `refused Class "message"`.
Items are separated by `;`. All events and effects must be named; of their fields those that are
given are compared, and `none` says that a field is not set. A step that refuses must say so.
After each step the state must be the fold of the log so far, with the same next deadline, and a
snapshot of it must read back as the same: every story proves the fold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from google.protobuf.message import Message
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent

from polyrhythm.api import notes
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.base.limits import Limits
from polyrhythm.core import deadlines, tables
from polyrhythm.core.decision import Decision, NewRun
from polyrhythm.core.fold import fold_row
from polyrhythm.core.snapshot import decode_state, encode_state
from polyrhythm.core.state import RunState
from polyrhythm.testing.story_run import ORIGIN_NS, open_run
from polyrhythm.testing.story_text import flatten, quote, spell_words, split_at, split_words
from polyrhythm.testing.story_verbs import VERBS


class StoryError(AssertionError):
    """A step did not become what the story says."""


@dataclass(slots=True)
class Item:
    """One event, effect or reply: the words that name it and its fields."""

    head: tuple[str, ...]
    fields: dict[str, str]

    def __str__(self) -> str:
        return " ".join((*map(quote, self.head), spell_words(self.fields))).strip()


@dataclass(slots=True)
class Outcome:
    """What a step became."""

    events: list[Item] = field(default_factory=list)
    effects: list[Item] = field(default_factory=list)
    reply: Item | None = None

    def __str__(self) -> str:
        parts = ["; ".join(map(str, self.events)), "; ".join(map(str, self.effects))]
        parts.append(str(self.reply) if self.reply is not None else "")
        return " | ".join(parts).rstrip(" |")


class Story:
    """A run and its log. `tell` runs lines; `run` is open to any look, and to the test."""

    __slots__ = ("rows", "run", "transcript")

    def __init__(self, limits: Limits | None = None) -> None:
        self.run = open_run(limits)
        self.rows: list[tuple[bytes, bytes]] = []
        self.transcript: list[str] = []

    def tell(self, text: str) -> None:
        """Run the lines of a story. Blank lines and lines that start with # are skipped."""
        for line in map(str.strip, text.splitlines()):
            if line and not line.startswith("#"):
                command, _, expected = line.partition("=>")
                self._check(self.step(command), expected)

    def step(self, command: str) -> Outcome:
        """Run one command and return what it became."""
        verb, *words = split_words(command)
        outcome = Outcome()
        try:
            decisions = VERBS[verb](self.run, words)
        except PolyrhythmError as refusal:
            outcome.reply = _refusal(refusal)
        else:
            for decision in decisions:
                self._take(decision, outcome)
        return self._tell_of(command.strip(), outcome)

    def take(self, told: str, decision: Decision) -> Outcome:
        """Take a decision that was made elsewhere as a step of this story, called `told`."""
        outcome = Outcome()
        self._take(decision, outcome)
        return self._tell_of(told, outcome)

    def events(self) -> list[HistoryEvent]:
        """Return the run's history so far."""
        return list(History.FromString(b"".join(events for events, _ in self.rows)).events)

    def _tell_of(self, told: str, outcome: Outcome) -> Outcome:
        self.transcript.append(f"{told} => {outcome}")
        self._prove_fold()
        return outcome

    def _take(self, decision: Decision, outcome: Outcome) -> None:
        self.run.state = decision.state
        if decision.first_event_id == 1:
            # Another run of the chain has a log of its own.
            self.rows.clear()
        for effect in decision.effects:
            if isinstance(effect, NewRun):
                self.run.next_run = effect.decision
        frames, note_frames = b"".join(decision.event_frames), b"".join(decision.note_frames)
        if not decision.empty:
            self.rows.append((frames, note_frames))
            self.run.state.transitions += decision.counts
        for event in History.FromString(frames).events:
            outcome.events.append(_event_item(event, str(event.event_id)))
        for note in notes.NoteList.FromString(note_frames).notes:
            if note.HasField("buffered"):
                event = HistoryEvent.FromString(note.buffered.event)
                outcome.events.append(_event_item(event, "~"))
        outcome.effects += map(_effect_item, decision.effects)
        if isinstance(decision.reply, PolyrhythmError):
            outcome.reply = _refusal(decision.reply)
        elif isinstance(decision.reply, Message):
            outcome.reply = Item((), flatten(decision.reply, ORIGIN_NS))

    def _check(self, outcome: Outcome, expected: str) -> None:
        sections = [*split_at(split_words(expected), "|"), [], [], []][:3]
        events, effects, reply = (split_at(section, ";") for section in sections)
        problems = [
            *_differences("event", outcome.events, events),
            *_differences("effect", outcome.effects, effects),
        ]
        refused = outcome.reply is not None and outcome.reply.head[:1] == ("refused",)
        if reply or refused:
            given = [outcome.reply] if outcome.reply is not None else []
            problems += _differences("reply", given, reply)
        if problems:
            told = "\n".join(self.transcript)
            wanted = " ".join(expected.split())
            raise StoryError(f"{'; '.join(problems)}\nexpected: {wanted}\nthe story:\n{told}")

    def _prove_fold(self) -> None:
        folded = RunState()
        for events, note_frames in self.rows:
            fold_row(folded, events, note_frames)
        deadlines.rebuild(folded, self.run.context.now_ns)
        read_back = decode_state(encode_state(self.run.state))
        for name in (each.name for each in fields(RunState) if each.name != "deadlines"):
            live = getattr(self.run.state, name)
            assert getattr(folded, name) == live, f"{name}: fold differs from what was decided"
            assert getattr(read_back, name) == live, f"{name}: a snapshot does not read back"
        assert deadlines.next_due(folded) == deadlines.next_due(self.run.state), "next deadline"


def _event_item(event: HistoryEvent, number: str) -> Item:
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").title().replace("_", "")
    flat = flatten(getattr(event, tables.ATTRIBUTES[event.event_type]), ORIGIN_NS)
    flat["at"] = flatten(event, ORIGIN_NS)["event_time"]
    if event.HasField("user_metadata"):
        flat.update(flatten(event.user_metadata, ORIGIN_NS, "user_metadata."))
    return Item((number, name), flat)


def _effect_item(effect: object) -> Item:
    flat = {name: str(getattr(effect, name)) for name in getattr(effect, "__slots__", ())}
    return Item((type(effect).__name__,), flat)


def _refusal(refusal: PolyrhythmError) -> Item:
    return Item(("refused", type(refusal).__name__, refusal.message), {})


def _differences(what: str, items: list[Item], expected: list[list[str]]) -> list[str]:
    if len(items) != len(expected):
        return [f"{what}: {len(items)}, not {len(expected)}"]
    problems = []
    for item, words in zip(items, expected, strict=True):
        head = words[: len(item.head)]
        if head != list(item.head):
            problems.append(f"{what} {' '.join(item.head)}, not {' '.join(head)}")
        for word in words[len(item.head) :]:
            path, _, value = word.partition("=")
            actual = item.fields.get(path, "none")
            if actual != value:
                problems.append(f"{' '.join(item.head)} {path} is {actual}, not {value}")
    return problems
