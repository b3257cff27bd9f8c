"""When topics are collected, whatever the clocks and the machine's sleep do."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vigie_agent.domain.moments import Moment
from vigie_agent.domain.schedule import MIN_GAP, Schedule, splay

HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)
MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class Machine:
    """A device with its two clocks, which collects what is due as soon as it is."""

    intervals: dict[str, timedelta] = field(default_factory=lambda: {"firewall": HOUR})
    wall: datetime = MORNING
    boot: timedelta = timedelta(days=1)
    collections: list[tuple[str, Moment]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.schedule = Schedule("device-1")
        self.schedule.follow(self.intervals, self.now)

    @property
    def now(self) -> Moment:
        return Moment(self.wall, self.boot)

    def collect_due(self) -> None:
        for topic in self.schedule.due(self.now):
            self.collections.append((topic, self.now))
            self.schedule.collected(topic, self.now)

    def live(self, span: timedelta, *, step: timedelta = timedelta(minutes=1)) -> None:
        """Runs for `span`, looking at the schedule each `step`."""
        for _ in range(span // step):
            self.wall += step
            self.boot += step
            self.collect_due()

    def times(self, topic: str) -> list[timedelta]:
        return [moment.boot for collected, moment in self.collections if collected == topic]


def test_a_new_topic_is_due_at_once() -> None:
    machine = Machine()

    due = machine.schedule.due(machine.now)

    assert due == ("firewall",)


def test_a_topic_keeps_its_place_in_the_hour() -> None:
    machine = Machine()

    machine.live(timedelta(days=1))

    times = [moment.wall for _, moment in machine.collections][1:]
    assert len(times) in {23, 24}
    assert len({(time.minute, time.second) for time in times}) == 1


def test_a_restarted_agent_finds_the_same_place_again() -> None:
    first, second = Machine(), Machine(wall=MORNING + timedelta(minutes=7))

    first.live(timedelta(hours=6))
    second.live(timedelta(hours=6))

    assert first.collections[-1][1].wall.minute == second.collections[-1][1].wall.minute


def test_devices_and_topics_are_spread_over_the_interval() -> None:
    places = {
        splay(f"device-{n}", topic, HOUR) // timedelta(minutes=6)
        for n in range(200)
        for topic in "ab"
    }

    assert places == set(range(10))


def test_a_machine_that_slept_for_three_days_collects_each_topic_once() -> None:
    machine = Machine({"firewall": HOUR, "usb": timedelta(minutes=15)})
    machine.live(timedelta(hours=2))
    machine.collections.clear()

    machine.wall += timedelta(days=3)
    machine.boot += timedelta(days=3)
    machine.live(timedelta(minutes=5))

    assert sorted(topic for topic, _ in machine.collections) == ["firewall", "usb"]


def test_sleep_that_the_boot_clock_does_not_count_is_seen_on_the_wall_clock() -> None:
    machine = Machine()
    machine.live(timedelta(hours=2))
    machine.collections.clear()

    machine.wall += timedelta(days=3)
    machine.live(MIN_GAP)

    assert len(machine.collections) == 1


def test_a_clock_set_one_year_forward_makes_one_collection_and_then_goes_on_hourly() -> None:
    machine = Machine()
    machine.live(timedelta(hours=2))
    machine.collections.clear()

    machine.wall += YEAR
    machine.live(timedelta(hours=10))

    assert 9 <= len(machine.collections) <= 12


def test_a_clock_set_one_year_back_does_not_stop_the_collection() -> None:
    machine = Machine()
    machine.live(timedelta(hours=2))
    machine.collections.clear()

    machine.wall -= YEAR
    machine.live(timedelta(hours=10))

    assert 9 <= len(machine.collections) <= 11


def test_a_clock_at_the_end_of_time_does_not_stop_the_collection() -> None:
    machine = Machine(wall=datetime.max.replace(tzinfo=UTC) - timedelta(minutes=3))

    machine.live(timedelta(minutes=2))
    machine.wall = MORNING
    machine.live(timedelta(hours=3))

    assert len(machine.collections) >= 3


def test_a_shorter_interval_comes_into_force_without_waiting_for_the_long_one() -> None:
    machine = Machine({"firewall": timedelta(days=7)})
    machine.collect_due()

    machine.schedule.follow({"firewall": timedelta(minutes=10)}, machine.now)
    machine.live(timedelta(minutes=20))

    assert len(machine.collections) >= 2


def test_a_disabled_topic_is_never_due_again() -> None:
    machine = Machine({"firewall": HOUR, "usb": HOUR})

    machine.schedule.follow({"usb": HOUR}, machine.now)
    machine.live(timedelta(hours=3))

    assert {topic for topic, _ in machine.collections} == {"usb"}


def test_a_topic_that_could_not_be_collected_is_tried_again_soon() -> None:
    machine = Machine()

    machine.schedule.retry("firewall", machine.now, after=timedelta(minutes=2))

    assert machine.schedule.due(machine.now) == ()
    assert machine.schedule.wait(machine.now) == timedelta(minutes=2)


def test_an_empty_schedule_waits_for_nothing() -> None:
    assert Machine({}).schedule.wait(Machine().now) is None


def test_the_topic_that_waited_longest_comes_first() -> None:
    machine = Machine({"a": HOUR, "b": timedelta(minutes=20), "c": HOUR})
    machine.collect_due()
    waits = machine.schedule.waits(machine.now)

    machine.wall += timedelta(days=1)
    machine.boot += timedelta(days=1)

    assert list(machine.schedule.due(machine.now)) == sorted(waits, key=waits.__getitem__)


_JUMPS = st.lists(
    st.tuples(
        st.timedeltas(timedelta(minutes=1), timedelta(hours=5)),
        st.sampled_from([-YEAR, -HOUR, timedelta(), timedelta(seconds=-3), HOUR, YEAR]),
    ),
    max_size=8,
)


@given(jumps=_JUMPS, interval=st.timedeltas(timedelta(minutes=2), timedelta(days=2)))
def test_no_jump_of_the_clock_makes_a_storm_or_a_silence(
    jumps: list[tuple[timedelta, timedelta]], interval: timedelta
) -> None:
    machine = Machine({"firewall": interval})

    for span, jump in jumps:
        machine.live(span)
        machine.wall += jump
    machine.live(timedelta(hours=1))

    times = machine.times("firewall")
    step = timedelta(minutes=1)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    silences = [*gaps, machine.boot - times[-1]]
    assert all(gap >= min(MIN_GAP, interval / 2) for gap in gaps)
    assert all(silence <= 1.5 * interval + step for silence in silences)


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_waiting_as_long_as_the_schedule_says_makes_a_topic_due(ago: timedelta) -> None:
    machine = Machine(wall=MORNING - ago)
    machine.collect_due()
    wait = machine.schedule.wait(machine.now)
    assert wait is not None

    machine.wall += wait
    machine.boot += wait

    assert machine.schedule.due(machine.now) == ("firewall",)
