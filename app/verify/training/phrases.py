"""What edits put around a prompt or in the place of its phrases: closed lists, hand-made."""

OPENINGS = (
    "Please tell me: ",
    "Can you tell me, ",
    "Hello, quick question. ",
    "Hi, ",
    "Hi there! ",
    "Hey, ",
    "Please, ",
    "Could you please explain: ",
    "I was wondering, ",
    "Quick question: ",
    "Could you tell me ",
    "I'd like to know: ",
    "Good morning. ",
    "Excuse me, ",
    "I have a question. ",
    "Do you know ",
    "Can you help me? ",
    "Just curious: ",
    "Sorry to bother you, but ",
    "Hello! ",
    "Question: ",
    "ok so ",
    "Dear all, ",
    "Would you mind telling me: ",
)
CLOSINGS = (
    " Thanks!",
    " Thank you.",
    " Please help.",
    " Thanks in advance.",
    " Cheers",
    " Please.",
    " Thx",
    " Kind regards",
    " Thank you so much!",
    " Any help is appreciated.",
    " I appreciate it.",
    " Please advise.",
    " TIA",
    " Many thanks!",
)
HOW_QUESTIONS = (
    "How do I",
    "How can I",
    "How do you",
    "How can you",
    "How does one",
    "How can one",
    "How should I",
    "How to",
    "What is the best way to",
)
"""Beginnings that are exchanged."""
HOW = (
    *HOW_QUESTIONS,
    "What are some ways to",
    "What's the way to",
    "How do we",
    "How would I",
    "How could I",
    "How might I",
    "What should I do to",
    "What is a good way to",
    "How do people",
    "Is there a way to",
)
"""What they are exchanged for."""
DISTRACTIONS = (
    "{n} also has {k} {x} at home.",
    "The shop was built {k} years ago.",
    "{n}'s favorite color is blue.",
    "{n} is {k} years old.",
    "It was a sunny day with a temperature of {k} degrees.",
    "{n} has {k} cousins who live nearby.",
    "Last year, {n} visited {k} countries.",
    "{n}'s neighbor owns {k} {x}, which are not for sale.",
    "{n} listened to {k} songs on the way.",
    "The building next door has {k} floors.",
    "{n} read {k} pages of a book in the evening.",
    "A friend of {n} plays the piano and has {k} {x}.",
    "In the meantime, {n} took {k} photos of the view.",
    "{n} drank {k} glasses of water that day.",
)
"""Sentences that leave the sum of a word problem as it is: `n` a name, `k` a number, `x` a thing."""
OPERATIONS = (
    "Then {n} loses {k} of them.",
    "After that, {n} gets {k} more from a friend.",
    "Later, {k} more are added.",
    "However, {k} of them turn out to be broken.",
    "{n} also has to pay a fee of ${k}.",
    "There is also a discount of {k}%.",
    "{n} then gives {k} of them away.",
    "The next day, the number doubles.",
    "A tax of {k}% is added to the total.",
    "Unfortunately, {k} of them are lost.",
    "{n} decides to use {k} fewer.",
    "Then half of them are removed.",
    "Later {n} buys {k} more {x} at the same price.",
    "{n} already had {k} {x} before.",
)
"""Sentences that change it."""
THINGS = ("marbles", "books", "apples", "pencils", "stickers", "shoes", "toys", "coins", "flowers", "cards")
UNKNOWNS = ("some", "a certain number of", "several", "many", "a few", "an unknown number of")
"""What hides a number."""
OWNERS = ("brother's", "friend's", "wife's", "neighbor's", "boss's", "dog's", "company's", "mother's", "ex's")
COMPARISONS = (
    "Is {a} better than {b}?",
    "How do I move from {a} to {b}?",
    "How do I convert {a} to {b}?",
    "Why did {a} leave {b}?",
    "Why does {a} hate {b}?",
    "How can {a} beat {b}?",
    "Who won when {a} played at {b}?",
    "How is {a} different from {b}, and is {a} better?",
    "Will {a} attack {b}?",
    "Can I use {a} without {b}?",
    "How much bigger is {a} than {b}?",
    "Should I switch from {a} to {b}?",
    "How do I import data from {a} into {b}?",
    "Which came first, did {a} inspire {b}?",
    "What does {a} think of {b}?",
)
"""Questions that ask something else when the names change places."""
REWRITES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        r"^What is the difference between (.+?)\??$",
        (
            "How do you tell the difference between {0}?",
            "What's the difference between {0}?",
            "What are the differences between {0}?",
            "How are {0} different?",
            "Difference between {0}?",
        ),
    ),
    (
        r"^What are some (.+?)\??$",
        ("What are a few {0}?", "What are several {0}?", "Can you name some {0}?", "What are {0}?", "Name some {0}."),
    ),
    (
        r"^What (?:is|are) the best (.+?)\??$",
        (
            "Which is the best {0}?",
            "Which are the best {0}?",
            "What would be the best {0}?",
            "Can you recommend the best {0}?",
        ),
    ),
    (r"^Why (?:is|are) (.+?)\??$", ("Why is it that {0}?", "What makes {0}?")),
    (
        r"^What is (?:an? |the )?([\w ]+?)\??$",
        (
            "What's {0}?",
            "Define {0}.",
            "What does {0} mean?",
            "What do you mean by {0}?",
            "Can you explain {0}?",
        ),
    ),
    (
        r"^Where can I (.+?)\??$",
        (
            "Where could I {0}?",
            "Where can you {0}?",
            "Where can one {0}?",
            "Where do I {0}?",
            "Where should I go to {0}?",
        ),
    ),
    (
        r"^Is it possible to (.+?)\??$",
        ("Can I {0}?", "Can you {0}?", "Is it possible that I {0}?", "Is there any way to {0}?"),
    ),
    (r"^Can I (.+?)\??$", ("Is it possible to {0}?", "Could I {0}?", "May I {0}?", "Am I able to {0}?")),
    (r"^What should I do (.+?)\??$", ("What can I do {0}?", "What do I do {0}?", "What must I do {0}?")),
    (r"^Does anyone know (.+?)\??$", ("Who knows {0}?", "Do you know {0}?")),
)
"""Questions, as patterns, and other ways to ask them."""
