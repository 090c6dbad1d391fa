"""The story runner finds what differs, whatever kind of difference it is."""

import pytest

from polyrhythm.testing.story import Story, StoryError

BEGINS = "1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled attempt=1"


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("start => 1 WorkflowExecutionStarted | WorkflowTaskOffer", "event: 2, not 1"),
        (f"start => {BEGINS}", "effect: 1, not 0"),
        (f"start => {BEGINS} | ActivityOffer", "effect WorkflowTaskOffer, not ActivityOffer"),
        (f"start => {BEGINS} | WorkflowTaskOffer queue=p", "WorkflowTaskOffer queue is q, not p"),
        (f"start => {BEGINS} identity=x | WorkflowTaskOffer", "identity is none, not x"),
        (f"start => {BEGINS} attempt=none | WorkflowTaskOffer", "attempt is 1, not none"),
        (f"start => {BEGINS} | WorkflowTaskOffer | run_id=run-2", "run_id is run-1, not run-2"),
        (f"start => {BEGINS} | WorkflowTaskOffer | refused NotFound x", "refused is none, not "),
        ("start time_skipping_config={} =>", "reply: 1, not 0"),
        ("start time_skipping_config={} => | | refused Unimplemented no", "time_skipping_config "),
    ],
)
def test_a_difference_is_told(line, finding):
    with pytest.raises(StoryError, match=r"\A[^\n]*" + finding):
        Story().tell(line)


def test_a_state_that_is_not_the_fold_of_its_log_is_told():
    story = Story()
    story.tell(f"start => {BEGINS} | WorkflowTaskOffer")
    story.run.state.signal_count += 1
    with pytest.raises(AssertionError, match="signal_count: fold differs"):
        story.step("wait 1s")


def test_lines_may_be_comments_or_blank_and_break_at_a_backslash():
    story = Story()
    story.tell("""
        # A run begins.

        start => 1 WorkflowExecutionStarted; 2 WorkflowTaskScheduled \
            | WorkflowTaskOffer
    """)
    assert [event.event_id for event in story.events()] == [1, 2]
    assert len(story.transcript) == 1
