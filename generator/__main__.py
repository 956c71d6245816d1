"""``gatecast`` and ``python -m gatecast``: the command line, interruptible while it is imported."""

import json
import sys

INTERRUPTED = 130


def main() -> int:
    """Run the command line; an interruption is one sentence from the first moment on."""
    try:
        # Imported here, because that takes long enough to be interrupted.
        from .cli import main as run
        return run()
    except KeyboardInterrupt:
        if "--json" in sys.argv:
            print(json.dumps({"error": "interrupted"}))
        print("gatecast: interrupted", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
