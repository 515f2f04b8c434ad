"""Words and what they exclude: opposites, units, days; and which strings are English words at all.

Files and hand-made lists come in, look-up tables go out. `wordnet_antonyms.txt` holds the antonyms of WordNet 3.1
(Princeton University, see LICENSE.wordnet beside it), one pair of single words a line, `wordnet_words.txt` words of it.
It never judges a prompt.
"""
