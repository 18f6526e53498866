#!/usr/bin/env python3
"""docs/pin says what the headers of the instrumentation API say. Ends with "N passed, N failed, N skipped"."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

result = subprocess.run([sys.executable, ROOT / "tools" / "make_pin_docs", "--check"], capture_output=True, text=True,
                        check=False)
print(result.stdout + result.stderr, end="")
print("1 passed, 0 failed, 0 skipped" if result.returncode == 0 else "0 passed, 1 failed, 0 skipped")
sys.exit(result.returncode != 0)
