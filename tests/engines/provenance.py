"""Record the provenance that lesson 05 shows where the engine has none: `python -m tests.engines.provenance`."""

import json
import os
from datetime import date

from helpers.engine import connect
from helpers.lesson.building import cache_buster
from helpers.lesson.shipping import provenance, recorded_in
from tests.engines import daemon, stock
from tests.engines.kinds import find

APP, DOCKERFILE = "secret", "Dockerfile.argument"
BASES = ("debian:bookworm-slim", "gcr.io/distroless/base-debian12")


def main() -> None:
    plain = connect()
    with daemon.running(find("docker-sid-containerd"), print) as one:
        newer = stock.at(one.host)
        stock.hand_on(plain, newer, BASES)
        os.environ["DOCKER_HOST"] = one.host
        made = provenance(APP, DOCKERFILE, {"TOKEN": f"s3cret-{cache_buster()}"})
        record = {"engine": newer.describe().partition(", found by")[0], "date": date.today().isoformat(), "args": dict(made.args),
                  "statements": dict(made.statements)}
    recorded_in(APP, DOCKERFILE).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
