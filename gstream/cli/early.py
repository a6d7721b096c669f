"""Imported before all else: a Ctrl-C while modules are loaded ends gstream as it ends cat.

Python would show which import it interrupted. Nothing has been opened yet that has to be closed.
"""

import os
import signal
import sys

# Not where somebody else imports the command line: there Ctrl-C is theirs.
_IS_PROGRAM = os.path.basename(sys.argv[0]) in {"gstream", "__main__.py"}

if _IS_PROGRAM and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
