from effort import COUNTS


def pytest_terminal_summary(terminalreporter):
    for name, number in sorted(COUNTS.items()):
        terminalreporter.write_line(f"exact: {number:,} {name}")
