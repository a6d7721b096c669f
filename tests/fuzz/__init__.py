"""Any bytes, in any chunks: every run ends in success or in a documented failure,
and the chunks change nothing.

`python -m tests.fuzz --seconds 60 [--seed N] [--target NAME]`

`inputs` makes the bytes; `targets`, `files` and `connections` say what must hold of them; `search`
looks for bytes of which it does not and makes them small; `found` keeps what was found.
"""
