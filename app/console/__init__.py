"""The console: the page on which an admin sees where the money goes.

In comes nothing but this package's own `static` folder, out go its files as they are, each with its content type and a
tag of its bytes. The page asks `/admin` with the key that its reader types, as any admin's client does: this room knows
no key, no tenant and no number, and never builds HTML of data.
"""
