"""Runs one scenario: its name and the stage (JSON) are the arguments."""

import json
import sys

from vpcflow.lab.traffic import scenario
from vpcflow.lab.traffic.stage import Stage

if __name__ == "__main__":
    with Stage(json.loads(sys.argv[2])) as stage:
        scenario(sys.argv[1]).run(stage)
