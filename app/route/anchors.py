"""Written examples of what the benchmarks lack: everyday requests, and long open-ended tasks.

Exam questions fill the training data; people send other things. Of "Say hello" and "Prove that …" no table says how
weak models do, so this states an assumption: for the former a weak model is as good as a strong one, for the latter it
is good enough one time in ten, a strong one eight times. Templates written for this purpose, expanded in a fixed order;
the model card names them as assumed, and no metric counts them.
"""

from collections.abc import Iterator
from itertools import product

from app.route.everyday import EVERYDAY

EASY_WEAK, EASY_STRONG = 0.95, 0.96
HARD_WEAK, HARD_STRONG = 0.1, 0.8

COUNTRIES = ("Spain", "Japan", "Egypt", "Canada", "Norway", "Peru", "Kenya", "Italy")
WORDS = ("dog", "house", "beautiful", "quick", "water", "friend", "begin", "large")
LANGUAGES = ("Spanish", "German", "Italian", "French")
SENTENCES = ("I am running late.", "Please call me tomorrow.", "The meeting is on Monday.", "We like your idea.")
TOPICS = ("a cat", "rain", "a birthday", "coffee", "a friend who moved away", "a new job")
EASY = (
    ("What is the capital of {}?", COUNTRIES),
    ("Which language do people speak in {}?", COUNTRIES),
    ("On which continent is {}?", COUNTRIES[:5]),
    ("What does '{}' mean?", WORDS),
    ("Spell '{}' backwards.", WORDS[:3]),
    ("Give me two synonyms for {}", WORDS),
    ("What is the opposite of {}?", WORDS[3:8]),
    ("What is the plural of {}?", WORDS[:3]),
    ("Fix the grammar: he go to the {} yesterday", WORDS[:3]),
    ("Make this more formal: {}", SENTENCES),
    ("Make this shorter: {}", SENTENCES),
    ("Is this sentence positive or negative? {}", SENTENCES),
    ("Turn this into a question: {}", SENTENCES[1:]),
    ("Write a short greeting card about {}", TOPICS),
    ("Tell me a joke about {}", TOPICS),
    ("Suggest a title for a story about {}", TOPICS),
    ("Name three {}", ("animals", "vegetables", "colors", "rivers", "sports", "musical instruments")),
    (
        "How many {}?",
        ("hours are in a day", "months are in a year", "legs does a spider have", "cents are in a dollar"),
    ),
    ("What color is {}?", ("grass", "a banana", "snow", "a ripe tomato")),
    ("Who {}?", ("painted the Mona Lisa", "wrote Hamlet", "invented the telephone", "was the first man on the moon")),
    ("What is {}?", ("2 + 3", "10 minus 4", "5 times 6", "half of 18", "a dictionary", "the sun", "an apple")),
    (
        "{}",
        (
            "Hello!",
            "Good morning",
            "Thanks a lot",
            "How are you today?",
            "Bye",
            "ok thanks",
            "hi there",
            "Who are you?",
        ),
    ),
    ("When is {}?", ("Christmas", "New Year's Eve", "Valentine's Day")),
    ("what time does {} usually open", ("a bank", "the post office", "a supermarket")),
    ("remind me to {}", ("buy milk", "call mom at five", "water the plants")),
)
CLAIMS = (
    "the set of algebraic numbers is countable",
    "every finite integral domain is a field",
    "a continuous function on a compact metric space is uniformly continuous",
    "the sum of the reciprocals of the primes diverges",
    "every group of order p^2 is abelian",
    "no integers a, b, c > 0 satisfy a^4 + b^4 = c^2",
    "$\\sum_{k=1}^{n} k^3 = \\left(\\frac{n(n+1)}{2}\\right)^2$ for all $n \\geq 1$",
    "a bipartite graph has no odd cycle, and conversely",
    "the halting problem is undecidable",
    "any two norms on R^n are equivalent",
)
PROOFS = (
    "Prove that {}.",
    "Give a rigorous, step-by-step proof that {}, and say where each hypothesis is needed.",
    "Prove or disprove: {}. Generalize the statement as far as you can.",
    "Show that {}. Then explain why the converse or the obvious strengthening fails, with a counterexample.",
)
PARTS = (
    "a lock-free multi-producer queue",
    "a B+ tree with range scans and deletion",
    "a regular expression engine that compiles to a DFA",
    "a type checker for a small language with generics",
    "a write-ahead log with crash recovery",
    "a consistent-hashing load balancer that handles failing nodes",
    "a SQL query planner for joins",
    "a Raft consensus module with log compaction",
)
BUILDS = (
    "Implement {} in Rust. Handle every edge case, analyse time and space complexity, and write unit tests.",
    "Design and write {} in Python: explain the data structures, prove the invariants, and benchmark it.",
    "Refactor my code into {} without changing the behaviour; keep it thread-safe and explain each step.",
    "Write {} in C++17 with error handling, then discuss failure modes under concurrency and how you would test them.",
)
PROBLEMS = (
    "Evaluate the integral of {} from 0 to infinity in closed form, showing all steps.",
    "Find the asymptotic expansion of the integral of {} up to second order and bound the error term.",
    "Determine all real parameters a for which the series with terms {} converges, with justification.",
)
EXPRESSIONS = (
    "x^3/(e^x - 1)",
    "sin(ax)/(x(1+x^2))",
    "\\frac{\\ln x}{(1+x)^2}",
    "e^{-x^2} \\cos(ax)",
    "x^{a-1}/(1+x)^3",
)
COUNTS = (
    "In how many ways can {} be arranged so that no two equal ones are adjacent and the first differs from the last?",
    "{} are drawn at random without replacement; derive the exact distribution and variance of the number of runs.",
    "How many subsets of {} have a sum divisible by 5 and no two neighbours? Derive a recurrence and solve it.",
)
THINGS = ("12 beads of three colours", "the numbers 1 to 30", "10 married couples", "the letters of MISSISSIPPI")
SCIENCE = (
    "Derive {} from first principles, state every approximation, and give the leading correction.",
    "Starting from the Lagrangian or Hamiltonian, derive {} and discuss the limits in which the result breaks down.",
)
RESULTS = (
    "the energy levels of a perturbed harmonic oscillator",
    "the scattering cross-section of a screened Coulomb potential",
    "the partition function of the two-dimensional Ising model",
    "the rate law of an enzyme with two inhibitors",
)
HARD = ((PROOFS, CLAIMS), (BUILDS, PARTS), (PROBLEMS, EXPRESSIONS), (COUNTS, THINGS), (SCIENCE, RESULTS))


def easy_prompts() -> Iterator[str]:
    """Everyday requests."""
    yield from EVERYDAY
    for template, fillings in EASY:
        yield from (template.format(filling) for filling in fillings)
    yield from (f"Translate '{word}' to {language}" for word, language in product(WORDS, LANGUAGES))
    yield from (f"How do you say '{text}' in {language}?" for text, language in product(SENTENCES, LANGUAGES[:2]))


def hard_prompts() -> Iterator[str]:
    """Long open-ended tasks of mathematics, programming and science."""
    for templates, fillings in HARD:
        yield from (template.format(filling) for template, filling in product(templates, fillings))
