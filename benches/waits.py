"""What one wait costs by how many sockets are watched: runs waits.c's program, prints a table, draws a plot.

Not here: the measuring itself (`waits.c`). The plot needs matplotlib; without it there is only the table.
"""

import subprocess
import sys
from collections import defaultdict
from statistics import median

WAYS = {"select": "select(2)", "poll": "poll(2)", "epoll": "epoll_wait", "anysock_select": "anysock_select", "anysock_poller": "anysock poller"}
# Whose cost each of ours is compared with, in the same round.
RIVALS = {"anysock_select": "poll", "anysock_poller": "epoll"}


def measure(program):
    """Nanoseconds of every round, by case, number of sockets and way."""
    output = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
    costs = defaultdict(list)
    for line in output.splitlines():
        case, sockets, way, cost = line.split("\t")
        costs[case, int(sockets), way].append(float(cost))
    return costs


def table(costs, row, head):
    head("wait for TCP sockets", "rival ns", "anysock ns", "min", "median", "max")
    for (case, sockets, way), ours in costs.items():
        rivals = costs.get((case, sockets, RIVALS.get(way)))
        if rivals is None:
            continue
        ratios = [rival / own for rival, own in zip(rivals, ours)]
        name = f"{case}, {sockets:,}: {way} ({RIVALS[way]})"
        cells = (f"{ratio:,.3f}" if ratio < 10 else f"{ratio:,.0f}" for ratio in (min(ratios), median(ratios), max(ratios)))
        row(name, f"{median(rivals):,.0f}", f"{median(ours):,.0f}", *cells)


def plot(costs, path, machine):
    """Cost against number, with one socket ready, both axes logarithmic."""
    try:
        import matplotlib
    except ImportError:
        print("\nNo plot is drawn: there is no matplotlib.", file=sys.stderr)
        return
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "anysock"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    for way, label in WAYS.items():
        points = sorted((sockets, median(cost)) for (case, sockets, name), cost in costs.items() if (case, name) == ("one ready", way))
        ours = way in RIVALS
        axes.plot(*zip(*points), marker="o", linewidth=2.5 if ours else 1.2, linestyle="-" if ours else "--", label=label)
    axes.set(xscale="log", yscale="log", xlabel="TCP sockets watched, one of them ready", ylabel="nanoseconds for one wait")
    axes.set_title(f"What one wait costs\n{machine}", fontsize=10)
    axes.grid(which="major", alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    print(f"\nThe plot is in {path}.")
