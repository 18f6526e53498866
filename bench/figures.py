"""What a benchmark measured: printed as it comes and, with --json FILE, kept as bench/results/ has it.

A file holds {"title", "peers": [PROGRAM...], "tables": [{"title", "columns": [{"head", "digits"}], "rows": [[...]]}],
"goals": [{"what", "measured", "goal", "met"}], "remarks": [TEXT...]}; a column without digits is text, a value that
could not be measured is null. bench/figures.h writes the same. `./dev bench` adds when and where it was ("run").
"""
import json
import pathlib
import shutil
import sys
import time

MISSING = "-"


class Table:
    def __init__(self, title, columns):
        self.title, self.columns, self.rows = title, columns, []
        self.widths = [max(len(head), 10) for head, _ in columns]
        self.has_head = False

    def line(self, cells):
        padded = [cell.rjust(width) if digits is not None else cell.ljust(width)
                  for cell, width, (_, digits) in zip(cells, self.widths, self.columns)]
        print("  " + "  ".join(padded).rstrip(), flush=True)

    def row(self, *values):
        assert len(values) == len(self.columns), (self.title, values)
        values = [None if value is None else value if digits is None else round(float(value), max(digits, 0))
                  for value, (_, digits) in zip(values, self.columns)]
        cells = [MISSING if value is None else value if digits is None else f"{value:,.{digits}f}"
                 for value, (_, digits) in zip(values, self.columns)]
        if not self.has_head:
            # The first row tells how wide a text is; a longer one later only moves its own line.
            for at, (_, digits) in enumerate(self.columns):
                if digits is None:
                    self.widths[at] = max(self.widths[at], 38 if at == 0 else len(cells[at]))
            print(f"\n{self.title}")
            self.line([head for head, _ in self.columns])
            self.has_head = True
        self.rows.append(values)
        self.line(cells)

    def data(self):
        return {"title": self.title, "columns": [{"head": head, "digits": digits} for head, digits in self.columns],
                "rows": self.rows}


class Figures:
    """Takes --json FILE out of the program's arguments."""

    def __init__(self, title):
        self.title, self.tables, self.goals, self.remarks, self.peers, self.path = title, [], [], [], [], None
        if "--json" in sys.argv:
            at = sys.argv.index("--json")
            if at + 1 == len(sys.argv):
                sys.exit("--json: the file is missing")
            self.path = pathlib.Path(sys.argv[at + 1])
            del sys.argv[at:at + 2]

    def table(self, title, *columns):
        """Columns are (head, digits behind the point) or, of text, (head, None)."""
        self.tables.append(Table(title, columns))
        return self.tables[-1]

    def include(self, path):
        """The tables and goals of a program that keeps its figures in the same way; it has printed them."""
        kept = json.loads(pathlib.Path(path).read_text())
        self.goals += kept["goals"]
        for data in kept["tables"]:
            table = self.table(data["title"], *((column["head"], column["digits"]) for column in data["columns"]))
            table.rows = data["rows"]

    def goal(self, what, measured, goal, met):
        self.goals.append({"what": what, "measured": str(measured), "goal": str(goal), "met": bool(met)})

    def remark(self, text):
        print(text, flush=True)
        if text not in self.remarks:
            self.remarks.append(text)

    def peer(self, program, package=None):
        """Whether a program to compare with is there; what is not is said."""
        if shutil.which(program) is None:
            self.remark(f"{program} is not installed: apt install {package or program}")
            return False
        if program not in self.peers:
            self.peers.append(program)
        return True

    def finish(self):
        """Prints the goals and keeps all; whether every goal was met."""
        if self.goals:
            width = max(len(goal["what"]) for goal in self.goals)
            print("\ngoals")
        for goal in self.goals:
            print(f"  {goal['what']:<{width}}  {goal['measured']}; goal {goal['goal']}: "
                  f"{'met' if goal['met'] else 'missed'}")
        if self.path:
            tables = [table.data() for table in self.tables if table.rows]
            self.path.write_text(json.dumps({"title": self.title, "peers": self.peers, "tables": tables,
                                             "goals": self.goals, "remarks": self.remarks}, indent=1) + "\n")
        return all(goal["met"] for goal in self.goals)


class KeptRows:
    """The rows of --keep FILE, found by some of their keys; without a FILE nothing is kept."""

    def __init__(self, file, *keys):
        self.file, self.keys, self.rows = file, keys, {}
        if file and file.exists():
            for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
                self.rows[tuple(row[key] for key in keys)] = row

    def get(self, *values):
        return self.rows.get(values)

    def add(self, row):
        if self.file:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

class KeptPairs:
    """Neighbouring measurements of two programs, with --keep FILE and --most SECONDS of the program's arguments: those that
    FILE holds are not made again, and none begins after so much time."""

    def __init__(self):
        self.until = time.monotonic() + float(self.option("--most") or "inf")
        file = self.option("--keep")
        self.kept = KeptRows(pathlib.Path(file) if file else None, "row", "number")

    @staticmethod
    def option(name):
        if name not in sys.argv:
            return None
        at = sys.argv.index(name)
        if at + 1 == len(sys.argv):
            sys.exit(f"{name}: a value is missing")
        value = sys.argv[at + 1]
        del sys.argv[at:at + 2]
        return value

    def of(self, row, count, ours, theirs):
        """Nothing where time is up: the next run goes on there."""
        pairs = []
        for number in range(count):
            pair = self.kept.get(row, number)
            if not pair:
                if time.monotonic() > self.until:
                    print(f"  {row}: {number} of {count} pairs, the next run goes on", flush=True)
                    return None
                pair = {"row": row, "number": number, "ours": ours(), "theirs": theirs()}
                self.kept.add(pair)
            pairs.append((pair["ours"], pair["theirs"]))
        return pairs
