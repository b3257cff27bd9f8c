"""An agent to be killed: collects numbered reports into its spool as fast as it can, and delivers.

Run with a data folder, in which it is enrolled, and the number of its last report.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from random import Random

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.kept_orders import Answers, KeptOrders
from reporting import a_report, a_snapshot
from vigie_agent import clock
from vigie_agent.domain.backoff import Backoff
from vigie_agent.domain.session import About
from vigie_agent.identity.files import IdentityFiles
from vigie_agent.identity.protection import FileModes
from vigie_agent.link.grpc_enrolment import GrpcEnrolment
from vigie_agent.link.grpc_session import GrpcLink
from vigie_agent.services.deliver import Deliver
from vigie_agent.services.renew import Renew
from vigie_agent.spool.sqlite import SqliteSpool


async def collect_and_deliver(folder: Path, last: int) -> None:
    keys = IdentityFiles(folder / "identity", FileModes())
    spool = SqliteSpool(folder / "spool.db", max_bytes=16 * 1024 * 1024)
    link = GrpcLink()
    deliver = Deliver(
        keys=keys,
        spool=spool,
        link=link,
        renew=Renew(keys, link, GrpcEnrolment()),
        orders=KeptOrders(),
        answer=Answers(),
        about=lambda: About("0.1.0", "embedded", "3.50", "linux", clock.boot_id()),
        now=clock.moment,
        backoff=Backoff(timedelta(milliseconds=50), timedelta(milliseconds=200)),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(deliver.run(asyncio.Event()), name="deliver")
        while spool.highest_seq < last:
            number = spool.highest_seq + 1
            noise = Random(number).randbytes(600).hex()
            spool.append(a_report(a_snapshot("usb_storage", str(number), noise)))
            deliver.wake()
            await asyncio.sleep(0.002)  # the pace of collection, not a wait for anything


if __name__ == "__main__":
    asyncio.run(collect_and_deliver(Path(sys.argv[1]), int(sys.argv[2])))
