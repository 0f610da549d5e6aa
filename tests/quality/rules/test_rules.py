"""Rules on pairs: each hits what its title says, and passes over what only looks like it."""

from __future__ import annotations

import pytest

from curator.quality import rules
from schemas.record import Message, Origin, Record
from tests.conftest import make_record

LONG = "It began in the valley, went over the hills and through the woods, and nobody knew where it would end. " * 3


def hit_by(record: Record) -> set[str]:
    answers = rules.check(record, rules.every_rule())
    assert answers.failed == ()
    assert answers == rules.check(record, [rule._replace(hint=None) for rule in rules.every_rule()])
    return {hit.rule for hit in answers.hits}


@pytest.mark.parametrize(
    ("rule", "instruction", "response"),
    [
        ("placeholder-response", "Write a poem about the sea.", "N/A"),
        ("placeholder-response", "Write a poem about the sea.", "<noinput>"),
        ("placeholder-response", "Write a poem about the sea.", "..."),
        ("gap-in-response", "Tell me about the firm.", "It was founded by [insert name] in Oslo."),
        ("gap-in-response", "Sort the list.", "def sort(values):\n    pass  # TODO"),
        ("boilerplate-refusal", "How do I sharpen a knife?", "I\u2019m sorry, but I can't help with that."),
        ("boilerplate-refusal", "Book a flight.", "Unfortunately, I am not able to book flights."),
        ("speaks-as-model", "Which colour do you like?", "A\u017f an AI language model, I have no taste."),
        ("speaks-as-model", "Which colour do you like?", "As an AI language model, I have no taste. Blue is liked."),
        ("code-absent", "Write a Python function that adds two numbers.", "Adding two numbers is easy in Python."),
        ("unbalanced-fence", "Show me a loop.", "```python\nfor n in range(3):\n    print(n)\n"),
        ("copied-prompt", "What is the tallest tree in the world?", "What is the tallest tree in the world?"),
        ("cut-off-response", "Tell me a story.", LONG + "In the morning they went on along the road to the"),
        (
            "other-language",
            "Explain to me how a clock that has a pendulum keeps the time so well.",
            "Una pendola oscilla sempre nello stesso tempo, e per questo le lancette avanzano in modo regolare.",
        ),
        ("merged-instructions", "Name a fruit.\n18. Instruction: Name a colour.", "Apple."),
        ("merged-instructions", "Name a fruit.", "Apple.\n\nInstruction: Name a colour.\nOutput: Red."),
        ("absent-attachment", "Describe the image below in one sentence.", "A dog runs over a field."),
        ("absent-attachment", "Summarise the attached document.", "It speaks of trade."),
        ("special-token", "Say hello.", "Hello!<|im_end|>"),
        ("special-token", "Say hello.", "Hello!\n### Instruction: Say goodbye."),
        ("invented-turn", "Say hello.", "Hello!\nUser: How are you?\nAssistant: Fine.\nUser: Good."),
        ("control-character", "Say hello.", "Hel\x07lo!"),
        ("control-character", "Say hello.", "Hel\ufffdlo!"),
        ("wrong-encoding", "Say it in French.", "C\u00c3\u00a9line est l\u00c3 \u00e2\u20ac\u2122."),
        ("personal-data", "Who knows?", "Ask ada.lovelace@engines.co.uk about it."),
    ],
)  # fmt: skip
def test_what_the_title_says_is_hit(rule: str, instruction: str, response: str) -> None:
    assert rule in hit_by(make_record(instruction, response))


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("What is red?", "A colour."),
        ("Which of these is a fruit: stone, iron? Answer None if there is none.", "None"),
        ("Which operator adds?", "+"),
        ("Is this spam, yes or no?", "No"),
        ("Write an HTML page.", "<p>Lorem ipsum</p>"),
        ("How are you?", "I can't wait to see the sea again."),
        ("Write a story about a function at the royal court.", "The king danced."),
        ("Explain what a Python function is.", "A name for some steps."),
        ("Write a Python function that adds two numbers.", "def add(a, b):\n    return a + b"),
        ("Show me a loop.", "```python\nfor n in range(3):\n    print(n)\n```"),
        ("Tell me a story.", LONG + "The end"),
        ("Translate into Italian: The clock keeps the time so well that nobody asks.", LONG),
        ("How many photos did Toby take in the photo shoot?", "Let x be the number: 84 - 68 = 16. It is 16."),
        ("Write a dialogue.", "User: How are you?\nAssistant: Fine.\nUser: Good."),
        ("How do I strike text through in HTML?", "Write <s>text</s>."),
        ("Add 28980 - 18480 and 1/2*30.", "28,980 - 18,480 = 10,500; 300+150 = <<300+150=450>>450 on 2020/09/21."),
        ("What is my address?", "127.0.0.1 or 192.168.0.1, and you@example.com."),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_passed_over(instruction: str, response: str) -> None:
    assert hit_by(make_record(instruction, response)) == set()


def talk(*turns: tuple[str, str]) -> Record:
    messages = tuple(Message(role=role, content=text) for role, text in turns)  # type: ignore[arg-type]
    return Record(messages=messages, origin=Origin(source="made.jsonl"))


@pytest.mark.parametrize(
    "turns",
    [
        [("user", "a"), ("user", "b"), ("assistant", "c")],
        [("assistant", "a"), ("user", "b"), ("assistant", "c")],
        [("user", "a"), ("assistant", "b"), ("assistant", "c")],
        [("user", "a"), ("system", "b"), ("assistant", "c")],
        [("user", "a"), ("assistant", "b"), ("user", "c")],
    ],
)
def test_turns_that_chat_templates_refuse_are_hit(turns: list[tuple[str, str]]) -> None:
    assert "role-order" in hit_by(talk(*turns))
    assert "role-order" not in hit_by(
        talk(("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))
    )


def test_a_system_prompt_that_is_told_is_hit() -> None:
    secret = "You are Ruby, the assistant of Acme. Never mention prices of others."
    assert hit_by(talk(("system", secret), ("user", "Hi"), ("assistant", f"My orders: {secret}"))) == {"leaked-prompt"}


def test_only_responses_that_are_learnt_are_asked_about() -> None:
    first = ("assistant", "I'm sorry, but I can't help with that.")
    assert hit_by(talk(("user", "a"), first, ("user", "b"), ("assistant", "Of course: c."))) == set()


def test_a_rule_that_raises_is_reported_and_the_others_are_asked() -> None:
    def broken(_record: Record) -> list[rules.Span]:
        raise ZeroDivisionError("division by zero")

    asked = (rules.Rule("mine", "Mine.", rules.Level.ERROR, broken), *rules.rules_named(["speaks-as-model"]))
    answers = rules.check(make_record("Hi", "As an AI, I greet you."), asked)
    assert answers.failed == (("mine", "ZeroDivisionError: division by zero"),)
    assert [(hit.rule, hit.place, hit.quote) for hit in answers.hits] == [
        ("speaks-as-model", "messages.1", "As an AI, I greet you.")
    ]


def test_a_name_that_no_rule_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no rule code-missing\. Do you mean code-absent"):
        rules.rules_named(["code-missing"])


def test_no_pattern_goes_back_and_forth_over_a_long_text() -> None:
    """Ends: a pattern that tried every way to divide these would not."""
    for text in (" " * 50_000, "1 " * 25_000, "a" * 50_000, "-" * 50_000, "I " * 25_000, "[" * 50_000, "a@" * 25_000):
        rules.check(make_record(text, text), rules.SHIPPED)


def test_a_hint_that_is_not_a_pattern_is_refused_by_its_words() -> None:
    broken = rules.Rule("mine", "Mine.", rules.Level.ERROR, lambda _record: (), hint="(")
    with pytest.raises(ValueError, match=r"hint '\(' is not an RE2 pattern"):
        rules.check(make_record(), [broken])


def test_rules_without_hints_and_no_rules_at_all_are_asked() -> None:
    assert rules.check(make_record(), []) == rules.Answers((), ())
    mine = rules.Rule("mine", "Mine.", rules.Level.ERROR, lambda _record: [rules.Span(None, "all")])
    assert rules.check(make_record(), [mine]).hits == (rules.Hit("mine", "record", "all"),)
