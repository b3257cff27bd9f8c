"""What tests start ends with them, however they end."""

import sys

from programs import Program, none_left

FOREVER = (sys.executable, "-c", "import signal; signal.pause()")


async def test_a_program_that_a_test_leaves_is_killed_and_an_earlier_one_is_not() -> None:
    of_all, of_one = Program(FOREVER, {}), Program(FOREVER, {})
    with none_left():
        await of_all.start()
        with none_left():
            await of_one.start()
        await of_one.ended()
        stays = of_all.running
    await of_all.ended()

    assert of_one.failed
    assert stays
    assert of_all.failed
