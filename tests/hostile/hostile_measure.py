"""Run a command and tell on a file descriptor what it took: exit code, CPU seconds, peak memory.

A process of its own, small when it forks: Linux counts the memory of whoever forked towards the
peak of what was forked, so a large test process cannot ask for the peak of its own children.
"""

import json
import os
import sys

child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
told = {
    "code": os.waitstatus_to_exitcode(status),
    "cpu_seconds": usage.ru_utime + usage.ru_stime,
    "peak_bytes": usage.ru_maxrss * 1024,
}
os.write(int(sys.argv[1]), json.dumps(told).encode())
