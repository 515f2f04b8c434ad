"""The seven architectural sins, each priced on the traffic of a window.

`LedgerRecord`s come in, one pass, in any order; what is needed of each is noted in a private database of SQLite, which
keeps some megabytes in memory and the rest in a file that nobody else sees and that is gone afterwards. Out goes an
`Audit`: for each sin that stands what it costs by itself, what of that is certain, where, which requests show it, the
rule, and the change in configuration that ends it; and what ending all of them saves, each record priced again fix
after fix, so that the parts sum to the whole. A finding needs twenty requests and a hundredth of its feature's spend:
this room reports nothing that it cannot show, never contacts a model, and changes no configuration.
"""
