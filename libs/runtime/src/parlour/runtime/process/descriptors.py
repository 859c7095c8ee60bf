"""The process's limit of open files and sockets."""

import resource

MAX_DESCRIPTORS = 131_072
"""Enough for one process; some systems allow a thousand million, for which nobody should allocate tables."""


def raise_descriptor_limit() -> int:
    """Raises this process's soft limit to its hard limit, at most `MAX_DESCRIPTORS`, and returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
