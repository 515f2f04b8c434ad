"""What words decide alone: the traps by name."""

import pytest

from app.verify.lexicon.tables import Lexicon
from app.verify.pair_model import open_tokenizer
from app.verify.verdicts import Regime, judge_words


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.of(open_tokenizer().get_vocab())


FORBIDDEN = [
    ("How is Messi better than Ronaldo?", "How is Ronaldo better than Messi?", "roles exchanged"),
    ("transfer 500 to savings", "transfer 5000 to savings", "other numbers"),
    ("transfer 500 to savings", "transfer five thousand to savings", "other numbers"),
    ("Flights from Paris to Rome", "Flights from Rome to Paris", "roles exchanged"),
    ("convert 5 km to miles", "convert 5 miles to km", "roles exchanged"),
    ("book a table for 2 at 7pm", "book a table for 7 at 2pm", "numbers in another order"),
    ("My account is locked, what do I do?", "My brother's account is locked, what do I do?", "somebody else's"),
    ("When does he get his money?", "When do I get my money?", "about somebody else"),
    ("Can I eat this with gluten?", "Can I eat this without gluten?", "negated"),
    ("Why do people like cats?", "Why do people not like cats?", "negated"),
    ("Why do people like cats?", "Why don't people like cats?", "negated"),
    ("How can I gain weight?", "How can I lose weight?", "opposites"),
    ("Which is the best laptop?", "Which is the worst laptop?", "opposites"),
    ("How do I get fit in 3 weeks?", "How do I get fit in 3 days?", "another unit or time"),
    ("How many inches are in a metre?", "How many feet are in a metre?", "another unit or time"),
    ("Are you open on Monday?", "Are you open on Sunday?", "another unit or time"),
    ("What is the capital of Austria?", "What is the capital of Australia?", "another name"),
    ("How do I unlock my iPhone?", "How do I unlock my Samsung?", "another name"),
    ("How can the US help?", "How can the us help?", "capitals make another word"),
    ("Is 5 > 3?", "Is 5 < 3?", "other symbols"),
    ("What is € 5 worth?", "What is $ 5 worth?", "another currency"),
    ("Who won in 2016?", "Who won?", "a number is gone or has come"),
    (
        "Wie kann ich mein Passwort ändern?",
        "Wie kann ich mein Passwort löschen?",
        "not English: only the same letters pass",
    ),
    ("¿Cómo cancelo mi cuenta?", "¿Cómo cancelo tu cuenta?", "not English: only the same letters pass"),
]


@pytest.mark.parametrize(("stored", "asked", "reason"), FORBIDDEN)
def test_traps_are_refused_with_their_reason(lexicon: Lexicon, stored: str, asked: str, reason: str) -> None:
    """Each trap, in both directions, by the rule that was made for it."""
    said = judge_words(stored, asked, lexicon)
    assert (said.same, said.reason) == (False, reason)
    assert judge_words(asked, stored, lexicon).same is False


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("How do I start World War Three?", "how do i start world war three"),
        ("Can I sell an abandoned car with no title?", "Can I sell an abnadoned car with no title?"),
        ("How much is it without access to my account?", "How much is it withuot access to my account?"),
        ("Is WiFi available in the train?", "Is WiFi availbale in the train?"),
        ("How can I go live in US?", "how can i go live in us?"),
        ("What is 5 and 7?", "what is 5 and 7"),
        ("Comment annuler ma commande ?", "comment annuler ma commande"),
        ("订单怎么取消?", "订单怎么取消"),
    ],
)
def test_harmless_edits_pass(lexicon: Lexicon, stored: str, asked: str) -> None:
    """Spelling, case and punctuation need no model, in any language."""
    assert judge_words(stored, asked, lexicon).same is True


@pytest.mark.parametrize(
    ("stored", "asked", "regime"),
    [
        ("What are some good books?", "What are a few good books?", Regime.SMALL),
        ("What is the best way to buy a house?", "What is the best way to buy a big house?", Regime.ADDED),
        ("How do people purchase a phone?", "How do people buy a phone?", Regime.REPLACED),
        ("How do I purchase a phone?", "How do I buy a phone?", Regime.OWN_QUESTION),
        ("Can people purchase a car in the US?", "Can people buy a car in the US?", Regime.REPLACED),
        ("My card seems to be broken.", "My card appears to be broken.", Regime.OWN_STATEMENT),
        ("Is tea or coffee healthier for children?", "Is coffee or tea healthier for children?", Regime.ORDER),
        ("The train leaves the old town.", "The train departs the old town.", Regime.STATEMENT),
    ],
)
def test_the_rest_is_left_to_the_model(lexicon: Lexicon, stored: str, asked: str, regime: Regime) -> None:
    """Where words cannot tell, the kind of difference names the calibration."""
    said = judge_words(stored, asked, lexicon)
    assert (said.same, said.regime) == (None, regime)


def test_form_and_from_are_two_words(lexicon: Lexicon) -> None:
    """A slip makes a string that is no word: two words are never one another's slip."""
    assert judge_words("Where is the form?", "Where is the from?", lexicon).same is not True
    assert judge_words("Is this cable safe?", "Is this table safe?", lexicon).same is not True


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("How do I install Ubuntu?", "How do I uninstall Ubuntu?"),
        ("What makes men attractive?", "What makes men unattractive?"),
        ("Is sulfate bad for hair?", "Is sulfite bad for hair?"),
        ("How is ethane made?", "How is ethene made?"),
        ("What causes hypothermia?", "What causes hyperthermia?"),
        ("Is prednisone safe?", "Is prednisolone safe?"),
        ("Is that moral?", "Is that amoral?"),
        ("What is abstractism?", "What is abstraction?"),
    ],
)
def test_words_with_a_prefix_or_a_sister_are_no_slips(lexicon: Lexicon, stored: str, asked: str) -> None:
    """A vocabulary of word pieces lacks many words: what it lacks is not taken for a slip lightly."""
    assert judge_words(stored, asked, lexicon).same is not True


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Is -5 °C cold?", "Is 5 °C cold?"),
        ("What is -5 plus 3?", "What is 5 plus 3?"),
        ("What is the area of .5 m?", "What is the area of 5 m?"),
        ("What changed in Django 4.2?", "What changed in Django 4.20?"),
        ("How do I delete ./build?", "How do I delete ../build?"),
        ("What does rm -rf /tmp/x do?", "What does rm -rf /tmp /x do?"),
        ("What is /etc/passwd for?", "What is /etc/passwd- for?"),
        ("What does a && b do in a shell?", "What does a & b do in a shell?"),
        ("What is [1,2] in Python?", "What is (1,2) in Python?"),
        ("Summarise https://example.com/a/b", "Summarise https://example.com/a-b"),
        ("Write to john.smith@example.com to cancel", "Write to johnsmith@example.com to cancel"),
        ("What does 👍 mean?", "What does 👎 mean?"),
        ("Which flag is 🇮🇪?", "Which flag is 🇮🇹?"),
        ("What does ls -r do?", "What does ls -R do?"),
        ("Is 8 MB a lot for an email?", "Is 8 Mb a lot for an email?"),
        ("Is CO poisonous?", "Is Co poisonous?"),
        ("How do I polish shoes?", "How do I Polish shoes?"),
        ("What does the variable userId hold?", "What does the variable userID hold?"),
        ("Convert 9 am EST to UTC", "Convert 9 am EDT to UTC"),
        ("Who bought lot A?", "Who sold lot A?"),
        ("Was macht man vor der Operation?", "Was macht man nach der Operation?"),
        ("Wie viel ist 3,5 mal 2?", "Wie viel ist 35 mal 2?"),
        ("मेरी बेटी क्या कर सकती है?", "मेरा बेटा क्या कर सकता है?"),
        ("ไม้ คืออะไร?", "ไม่ คืออะไร?"),
    ],
)
def test_marks_that_a_list_of_words_does_not_know_count(lexicon: Lexicon, stored: str, asked: str) -> None:
    """Signs, versions, paths, operators, addresses, pictures, capitals, other languages' marks."""
    assert judge_words(stored, asked, lexicon).same is False
    assert judge_words(asked, stored, lexicon).same is False


def test_behind_a_colon_stands_what_is_worked_on(lexicon: Lexicon) -> None:
    """There `please` may be content."""
    text = "Translate to German: open the door"
    assert judge_words(text, f"{text}, please", lexicon).same is not True


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("How is a pubic area shaved?", "How is a public area shaved?"),
        ("How do I get rid of acne?", "How do I get rid of cane?"),
        ("What is a debit?", "What is a debt?"),
        ("What is incest?", "What is invest?"),
        ("What is a router?", "What is a outer?"),
        ("What is caching?", "What is catching?"),
    ],
)
def test_rare_words_are_no_slips_of_common_ones(lexicon: Lexicon, stored: str, asked: str) -> None:
    """A vocabulary of word pieces lacks many words that there are."""
    assert judge_words(stored, asked, lexicon).same is not True
    assert judge_words(asked, stored, lexicon).same is not True


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Give me an example of recursion", "Give me examples of recursion"),
        ("What is the meaning of security?", "What is the meaning of securities?"),
        ("Which book is best to know Indian custom?", "Which book is best to know Indian customs?"),
    ],
)
def test_one_and_several_are_left_to_the_model(lexicon: Lexicon, stored: str, asked: str) -> None:
    """The ending of the plural may be grammar, or another word, or ask for a list."""
    assert judge_words(stored, asked, lexicon).same is None


@pytest.mark.parametrize(
    ("stored", "asked", "reason"),
    [
        ("What is 5!?", "What is 5?", "other literals"),
        ("What is n!", "What is n", "other literals"),
        ("Explain how yoga works.", "Explain how yoga works. Briefly.", "another manner"),
        ("What is yoga?", "What is yoga, in detail?", "another manner"),
        ("How do you spell color?", "How do you spell colour?", "spelling is asked"),
        ("Tell me about turkey", "Tell me about Turkey", "capitals make another word"),
        ("How do I cook a turkey?", "How do I cook a Turkey?", "capitals make another word"),
        ("is IT hard", "is it hard", "capitals make another word"),
        ("Is this IT?", "Is this it?", "capitals make another word"),
        ("Who won WW1?", "Who won WW2?", "other numbers"),
        ("Who won World War I?", "Who won the second world war?", "other numbers"),
    ],
)
def test_small_marks_that_ask_for_something_else(lexicon: Lexicon, stored: str, asked: str, reason: str) -> None:
    """In both directions."""
    assert judge_words(stored, asked, lexicon) == judge_words(asked, stored, lexicon)
    assert (judge_words(stored, asked, lexicon).same, judge_words(stored, asked, lexicon).reason) == (False, reason)


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Who won WW2?", "Who won World War II?"),
        ("who won ww ii", "Who won the Second World War?"),
        ("Explain photosynthesis", "Explain the photosynthesis."),
        ("Is Turkey big?", "is turkey big?"),
        ("Is this US law?", "is this us law?"),
        ("US law", "Us law"),
    ],
)
def test_other_writings_of_one_thing_pass(lexicon: Lexicon, stored: str, asked: str) -> None:
    """Names of wars; short requests are English; who writes all small means nothing by it."""
    assert judge_words(stored, asked, lexicon).same is True


@pytest.mark.parametrize(
    "text", ["Explica la fotosíntesis", "Define la fotosíntesis", "Describe el ciclo del nitrógeno"]
)
def test_requests_in_other_languages_stay_to_the_letter(lexicon: Lexicon, text: str) -> None:
    """Verbs that Spanish writes alike do not make a text English."""
    said = judge_words(text, text + " ahora", lexicon)
    assert said.same is False
