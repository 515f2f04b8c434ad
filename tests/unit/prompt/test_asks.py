"""Questions about now and about the asker are told from those that everybody may share."""

import time

import pytest

from app.prompt.asks import EDGE_CHARS, READ_CHARS, Asks, read_asks

ABOUT_NOW = """
what time is it?
What's the time in Tokyo?
what is today's date
what day is it tomorrow
How is the weather in Paris?
will it rain this weekend
is it going to snow in Oslo tomorrow?
today's weather
What is the latest price of bitcoin?
how much is Apple stock worth
what's the exchange rate between dollars and yen
how much is 100 dollars in pesos
Who is winning the game right now?
this week's news
What are the latest headlines?
any news?
what's the current population of India
Is the store open now?
When is the next full moon?
how many days until Christmas
What's on TV tonight?
What happened yesterday in London?
How is traffic on the I-95?
Has the new iPhone been released yet?
who is the current president of France
What’s the score of the Lakers game
"""

ABOUT_ASKER = """
what's my balance?
What is my name?
where is my order
Where's my card?
what did I say before?
What did I ask you earlier?
show me my last invoice
my last invoice
Can you track my package?
how much money do I have in checking
how much did I spend on food
who am I?
where am I
when did I last pay my rent
do I have any meetings on Friday
Has my order been shipped?
what's on my calendar
status of my application
restaurants near me
Do you remember me?
How many vacation days do I have left?
Hi, could you tell me my account balance please
is my flight on time
"""

SHARED = """
How do I fix my iPhone?
my card hasn't arrived
I was charged twice today
Why did my payment fail?
How can I lose weight?
What is the best laptop in 2016?
who will win the election
What is the capital of France?
How do I reset my password?
I can't log in right now
How do I change my PIN?
I lost my card last night
Can I use my card abroad?
What should I do if my card is stolen?
What is your name?
What is the time complexity of quicksort?
How does the stock market work?
how long do I boil an egg
What does "carpe diem" mean?
Is honesty still the best policy in today's world?
How does the current flow through a resistor?
What is the difference between weathering and erosion?
How do I find my IP address on Windows?
What are my options when I lose my job?
What are the advantages of living in the moment?
Should I stay with my boyfriend?
What does a price index measure?
How can I improve my English?
My transfer is still pending
translate good morning into French
"""

ABROAD_NOW = """
Wie spät ist es?
Wie wird das Wetter heute?
Quelle heure est-il ?
Quel temps fait-il à Paris ?
¿Qué hora es?
¿Cuál es el precio actual del oro?
Che ore sono?
Que horas são?
Qual é a previsão do tempo para amanhã?
现在几点了?
今天的天气怎么样
今何時ですか
오늘 날씨 어때?
Сколько времени сейчас?
Hoe laat is het?
"""

ABROAD_ASKER = """
Wie hoch ist mein Kontostand?
Wo ist meine Bestellung?
Où est ma commande ?
Comment je m'appelle ?
¿Dónde está mi pedido?
¿Cómo me llamo?
Dov'è il mio ordine?
Come mi chiamo?
Onde está o meu pedido?
我的订单在哪里
我叫什么名字
Где мой заказ?
"""

ABROAD_SHARED = """
Wie lange kocht man ein Ei?
Was ist die Hauptstadt von Frankreich?
Comment faire du pain ?
¿Cuál es la capital de Francia?
Come si fa il pane?
Qual é a capital do Brasil?
法国的首都是哪里
Как испечь хлеб?
"""


def lines(text: str) -> list[str]:
    return text.strip().split("\n")


@pytest.mark.parametrize("text", lines(ABOUT_NOW) + lines(ABROAD_NOW))
def test_questions_about_now(text: str) -> None:
    """Tomorrow the answer is another."""
    assert read_asks(text).now


@pytest.mark.parametrize("text", lines(ABOUT_ASKER) + lines(ABROAD_ASKER))
def test_questions_about_the_asker(text: str) -> None:
    """For somebody else the answer is another."""
    assert read_asks(text).asker


@pytest.mark.parametrize("text", lines(SHARED) + lines(ABROAD_SHARED))
def test_questions_that_everybody_may_share(text: str) -> None:
    """ "My", "I" and "now" alone say nothing: how-to questions, tales of oneself, facts."""
    assert read_asks(text) == Asks()


@pytest.mark.parametrize("form", [str.upper, str.title, lambda text: f"Hello!\n{text}", lambda text: f"  {text} "])
def test_the_form_does_not_matter(form: object) -> None:
    """Case, greetings, blanks."""
    assert callable(form)
    assert read_asks(form("what time is it?")).now
    assert read_asks(form("where is my order?")).asker


def test_one_sentence_is_enough() -> None:
    """A tale before it changes nothing."""
    assert read_asks("I ordered a book last week. Where is my order?") == Asks(asker=True)
    assert read_asks("I plan a trip. What's the weather in Rome? Where is my ticket?") == Asks(True, True)


@pytest.mark.parametrize(
    "text",
    [
        "Today Jim sold five apples. How many apples did Ann sell if she sold twice as many?",
        "Emil is 19 years old now. When he is 24, how old will his brother be?",
        "A shop sold 40 TVs this week. A quarter of them were small. How many were large?",
    ],
)
def test_a_scene_is_no_question(text: str) -> None:
    """What day it is in a tale stands in the tale itself."""
    assert read_asks(text) == Asks()


def test_of_a_long_text_both_ends_are_read() -> None:
    """What is asked stands at the beginning or at the end; the material between may speak of anything."""
    filler = "word " * READ_CHARS
    assert read_asks(f"what time is it?\n{filler}").now
    assert read_asks(f"{filler}\nwhat time is it?").now
    assert not read_asks(f"summarize:{'x ' * EDGE_CHARS}. what time is it? {filler}").now


@pytest.mark.parametrize(
    "unit", ["how many ", "what is my ", "is it ", "money i ", "the next ", "dollars ", "my ", "a", " "]
)
def test_no_text_is_slow(unit: str) -> None:
    """No pattern is quadratic in what is read: a megabyte and the longest text that is read whole."""
    started = time.process_time()
    read_asks(unit * (1_000_000 // len(unit)))
    read_asks(unit * (READ_CHARS // len(unit)))
    assert time.process_time() - started < 0.5
