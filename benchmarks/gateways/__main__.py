"""The gateways by themselves.

python -m benchmarks.gateways            # as in a quick run of everything
python -m benchmarks.gateways --full
"""

from __future__ import annotations

import argparse
import json

from .comparison import measured


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateways", description=__doc__)
    parser.add_argument("--full", action="store_true", help="as for a release")
    parser.add_argument("--json", action="store_true", help="as data")
    args = parser.parse_args()
    results = measured(quick=not args.full)
    if args.json:
        print(json.dumps(results))
        return
    for measure, values in results.items():
        told = "  ".join(f"{name} {value:,.2f}" for name, value in values.items())
        print(f"{measure.removeprefix('gateway_'):<28} {told}")


if __name__ == "__main__":
    main()
