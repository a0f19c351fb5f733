"""``python -m vpcflow`` is the command ``vpcflow``."""

from vpcflow.cli.main import main

if __name__ == "__main__":
    main()
