"""Compares next times. Left out, because the rules differ: both day fields restricted (Cronos: AND, crontab: OR) and ranges
that wrap; those are in the unit tests of shared/jobs/src/cron, each with its source."""

import datetime as dt
import random
import subprocess
import sys
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim

COUNT = 8
SEED = 20260301
pick = random.Random(SEED)

FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 6)}


def item(first, last):
    # Ranges of one value are read as "all" by croniter, as an error by others.
    low = pick.randint(first, last - 1)
    high = pick.randint(low + 1, last)
    return pick.choice([str(low), f"{low}-{high}", f"{low}-{high}/{pick.randint(1, last)}", f"*/{pick.randint(1, last)}"])


def field(name, star=0.35):
    first, last = FIELDS[name]
    if pick.random() < star:
        return "*"
    items = [item(first, last) for _ in range(pick.choice([1, 1, 1, 2, 3]))]
    # Cronos' grammar has `*` and its step alone only.
    return items[0] if items[0][0] == "*" else ",".join(i for i in items if i[0] != "*")


def expression():
    day, weekday = field("day"), field("weekday")
    if pick.random() < 0.5:
        day = pick.choice(["*", "*", "L"])
    if day != "*":
        weekday = "*"
    elif pick.random() < 0.3:
        weekday = pick.choice([f"{pick.randint(0, 6)}#{pick.randint(1, 5)}", "MON-FRI", "sun,sat"])
    month = pick.choice([field("month"), "*", "jan,jul"])
    return " ".join([field("minute"), field("hour"), day, month, weekday])


def by_croniter(cron, start):
    times = croniter(cron, start, max_years_between_matches=30)
    return [int(times.get_next(float)) for _ in range(COUNT)]


def by_cronsim(cron, start, zone):
    times = CronSim(cron, dt.datetime.fromtimestamp(start, ZoneInfo(zone)))
    return [int(next(times).timestamp()) for _ in range(COUNT)]


def main():
    cases = []
    begin = int(dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc).timestamp())
    while len(cases) < 3000:
        cron, start = expression(), begin + pick.randrange(0, 4 * 365 * 86400)
        name, ask = pick.choice([("croniter", by_croniter), ("cronsim", lambda c, s: by_cronsim(c, s, "UTC"))])
        try:
            cases.append((name, cron, "UTC", start, ask(cron, start)))
        except Exception:  # what never comes, or what that library does not read
            continue
    # Fixed times of day in zones, started within three days of a clock change: Debian's rules (cronsim's) are Cronos' here.
    turns = {"America/New_York": [(2026, 3, 8), (2026, 11, 1)], "Europe/Berlin": [(2026, 3, 29), (2026, 10, 25)],
             "Australia/Sydney": [(2026, 4, 5), (2026, 10, 4)], "America/Santiago": [(2026, 4, 5), (2026, 9, 6)]}
    for zone, days in turns.items():
        for day in days:
            for _ in range(60):
                start = int(dt.datetime(*day, tzinfo=ZoneInfo(zone)).timestamp()) + pick.randrange(-3 * 86400, 86400, 60)
                cron = f"{pick.randint(0, 59)} {pick.randint(0, 4)} * * *"
                cases.append(("cronsim", cron, zone, start, by_cronsim(cron, start, zone)))
    lines = "".join(f"{cron}\t{zone}\t{start}\t{COUNT}\n" for _, cron, zone, start, _ in cases)
    ours = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(ours) == len(cases), (len(ours), len(cases))
    differ = 0
    for (name, cron, zone, start, theirs), line in zip(cases, ours):
        if [int(time) for time in line.split()] != theirs:
            differ += 1
            if differ <= 10:
                print(f"{cron!r} in {zone} after {start}: {name} says {theirs}, we say {line}", file=sys.stderr)
    print(f"{len(cases)} expressions compared, {differ} differ")
    sys.exit(1 if differ else 0)


main()
