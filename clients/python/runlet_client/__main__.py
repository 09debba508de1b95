"""The command line, as `python -m runlet_client`."""

from runlet_client.cli.main import console

if __name__ == "__main__":
    console()
