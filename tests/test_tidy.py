"""The house style as tests: a rule that can be checked is checked, for every file alike.

Scope: the hand-written Python that git tracks, or would track if added, under src, tests,
examples, bench and tools. `tests/corpus` is copied material under its own licence and therefore
outside the scope. There is no list of exemptions: a rule that cannot be kept is changed for all.
The rules are in tests/tidy; tests/test_tidy_rules.py shows what each of them catches.
"""

from collections.abc import Callable, Iterator

import pytest

from tidy import shape, state, words
from tidy.source import Finding, Source, all_sources, git

Rule = Callable[[Source], Iterator[Finding]]


def check(rule: Rule) -> None:
    """Fail with every place that breaks a rule, and with the rule itself."""
    found = [finding for source in all_sources() for finding in rule(source)]
    if found:
        sentence = (rule.__doc__ or "").splitlines()[0]
        pytest.fail("\n".join([sentence, *map(str, found)]), pytrace=False)


def test_the_walker_sees_the_library_and_the_tests():
    paths = {source.path for source in all_sources()}
    assert {"src/polyrhythm/__init__.py", "tests/test_tidy.py"} <= paths


def test_function_bodies_are_short():
    check(shape.long_bodies)


def test_files_are_short():
    check(shape.long_files)


def test_functions_take_few_parameters():
    check(shape.many_parameters)


def test_lines_are_at_most_100_columns():
    check(shape.long_lines)


def test_no_hand_made_sync_and_async_twins():
    check(shape.twins)


def test_no_imports_inside_functions():
    check(shape.local_imports)


def test_the_core_is_pure():
    check(shape.impure_core)


def test_only_the_vocabulary_of_temporalio_is_imported():
    check(shape.foreign_sdk)


def test_nothing_is_unpickled_or_evaluated():
    check(shape.unsafe_code)


def test_names_say_something():
    check(words.empty_names)


def test_modules_say_what_they_own():
    check(words.module_docstrings)


def test_what_is_public_is_documented():
    check(words.public_docstrings)


def test_no_bare_except():
    check(words.bare_excepts)


def test_work_left_for_later_names_its_issue():
    check(words.loose_ends)


def test_no_banner_comments():
    check(words.banners)


def test_classes_compose():
    check(state.inheritance)


def test_no_metaclasses():
    check(state.metaclasses)


def test_modules_hold_no_mutable_state():
    check(state.module_state)


def test_stores_are_asked_for_capabilities():
    check(state.store_names)


def test_tests_do_not_sleep():
    check(state.sleeps)


def test_dataclasses_have_slots():
    check(state.unslotted)


def test_no_file_points_outside_the_repository():
    # Put together here, so that this line is not itself a finding.
    outside = ".." + "/shared"
    found = git("grep", "--untracked", "-nIF", "-e", outside)
    assert not found, f"tracked files refer to {outside}:\n{found}"
