"""Prompts everybody can judge, written for this test: none was trained on."""

EASY = (
    "What is the capital of France?",
    "Say hello",
    "Translate 'cat' to French",
    "How many days are in a week?",
    "What is the opposite of hot?",
    "Spell the word necessary",
    "Thank you!",
    "List three fruits",
    "What color is the sky on a clear day?",
    "Who wrote Romeo and Juliet?",
    "Give me a synonym for happy",
    "What time zone is London in?",
    "Rewrite this politely: send me the file",
    "What does the word 'brief' mean?",
    "Name a mammal that lives in the sea",
    "hi, how are you?",
    "Suggest a name for my new puppy",
    "What is the past tense of run?",
    "Turn this into a question: You like tea.",
    "Write a one-line birthday wish for my sister",
)

HARD = (
    (
        "Prove that there are infinitely many primes congruent to 3 modulo 4, and explain why the same "
        "argument fails for 1 modulo 4."
    ),
    (
        "Let $f: [0,1] \\to \\mathbb{R}$ be continuous with $\\int_0^1 x^n f(x)\\,dx = 0$ for every "
        "non-negative integer $n$. Prove that $f$ is identically zero, justifying each step."
    ),
    (
        "Implement a thread-safe LRU cache in C++ with per-entry expiry, O(1) get and put, and lock striping; "
        "analyse its complexity and write unit tests for the concurrent cases."
    ),
    "Find all integer solutions (x, y) of x^3 - 2y^3 = 1 with a complete proof that there are no others.",
    (
        "Design a distributed rate limiter that stays correct under clock skew and network partitions, give "
        "the algorithm in pseudocode, and prove the bound on how many requests it can over-admit."
    ),
    "Evaluate \\int_0^\\infty \\frac{\\ln(1+x^2)}{x^2(1+x^2)} dx in closed form, showing all steps.",
    (
        "How many 8-digit numbers have digits that are non-decreasing from left to right and whose digit sum "
        "is divisible by 7? Show the derivation."
    ),
    (
        "Write a Python program that parses arithmetic expressions with user-defined functions and operator "
        "precedence, compiles them to stack-machine bytecode, and runs the bytecode; include error positions "
        "and tests."
    ),
    (
        "A particle of mass m moves in the potential V(x) = a x^4 - b x^2. Derive the WKB tunnelling splitting "
        "of the two lowest levels to leading order."
    ),
    "Let G be a finite group of order 2n with n odd. Prove that G has a subgroup of index 2.",
    (
        "Derive the gradient of the softmax cross-entropy loss through a layer normalization step and give the "
        "numerically stable backward pass for all inputs."
    ),
    (
        "Five people sit in a row. Anna is not at either end. Ben sits directly left of Carl. Dora is two "
        "seats from Emil. Carl is not next to Anna. Emil is somewhere to the right of Ben. List every possible "
        "seating and justify that there are no more."
    ),
    (
        "Prove or disprove: every sequence of continuous functions converging pointwise on [0,1] converges "
        "uniformly on some subinterval."
    ),
    (
        "Given a directed graph with edge weights that may be negative, write an algorithm to find the "
        "shortest walk from s to t using exactly k edges for all k up to n, prove it correct and derive its "
        "complexity."
    ),
    (
        "A box contains 6 red, 5 blue and 4 green balls. Balls are drawn without replacement until two colours "
        "are exhausted. What is the expected number of draws? Give an exact fraction."
    ),
    "Solve the recurrence T(n) = 2T(n/2) + n/log n exactly up to constant factors and prove both bounds.",
    (
        "Let p be an odd prime. Determine the number of solutions to x^2 + y^2 + z^2 = 1 over the field with p "
        "elements and prove your formula."
    ),
    (
        "Refactor this recursive parser into an iterative one that never overflows the stack, handles left "
        "recursion and keeps source locations:\n\ndef parse(tokens, i):\n    if tokens[i] == '(':\n        "
        "node, i = parse(tokens, i + 1)\n        while tokens[i] != ')':\n            child, i = parse(tokens, "
        "i)\n            node = (node, child)\n        return node, i + 1\n    return tokens[i], i + 1"
    ),
    (
        "The eigenvalues of a real symmetric 4x4 matrix A are 1, 2, 3 and 4. Find the maximum of det(A + D) "
        "over all diagonal matrices D with trace 0 and entries bounded by 1, with proof."
    ),
    (
        "Using only the axioms of ZF, show that the axiom of choice is equivalent to Zorn's lemma; write out "
        "both directions in full."
    ),
)
