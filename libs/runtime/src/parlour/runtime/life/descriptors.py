"""How many files and sockets a process may have open."""

import resource

DESCRIPTORS_MOST = 131_072
"""More is of no use to one process, and some systems name a hard limit of a thousand million."""


def raise_descriptor_limit() -> int:
    """Raises the limit of this process as far as it may; gives the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_MOST if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS_MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return DESCRIPTORS_MOST if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
