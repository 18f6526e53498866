#!/usr/bin/env python3
"""Draws what `tmux capture-pane -e -p` prints as an SVG picture.

Braille, blocks and lines are drawn as shapes, so that the picture looks the same whatever fonts a
browser has. Usage: terminal_svg.py COLUMNS ROWS TITLE < captured > picture.svg
"""
import re
import sys
import unicodedata
from xml.sax.saxutils import escape

CELL_WIDTH, CELL_HEIGHT, FONT_SIZE = 8.4, 18, 14
MARGIN, TITLE_BAR = 14, 30
BACKGROUND, FOREGROUND = "#14181f", "#d5dbe5"
BASIC = ["#14181f", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d5dbe5",
         "#5c6370", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff"]
SHADES = {"█": 1.0, "▓": 0.75, "▒": 0.5, "░": 0.35}
LEVELS = "▁▂▃▄▅▆▇█"
LINES = {"─": (0, 1, 1.2), "━": (0, 1, 3), "╸": (0, 0.5, 3), "╴": (0, 0.5, 1.2)}


def palette(index):
    if index < 16:
        return BASIC[index]
    if index >= 232:
        return "#" + f"{8 + 10 * (index - 232):02x}" * 3
    index -= 16
    steps = [0, 95, 135, 175, 215, 255]
    return "#%02x%02x%02x" % (steps[index // 36], steps[index // 6 % 6], steps[index % 6])


class Pen:
    def __init__(self):
        self.reset()

    def reset(self):
        self.color, self.bold, self.dim, self.reverse = None, False, False, False

    def apply(self, parameters):
        codes = [int(code or 0) for code in parameters.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code == 1:
                self.bold = True
            elif code == 2:
                self.dim = True
            elif code == 7:
                self.reverse = True
            elif code == 22:
                self.bold = self.dim = False
            elif code == 27:
                self.reverse = False
            elif code == 39:
                self.color = None
            elif code in (38, 48) and codes[:1] == [5]:
                if code == 38:
                    self.color = palette(codes[1])
                codes = codes[2:]
            elif 30 <= code <= 37:
                self.color = BASIC[code - 30]
            elif 90 <= code <= 97:
                self.color = BASIC[code - 82]

    def style(self):
        return self.color or FOREGROUND, self.bold, self.dim


def is_drawn(character):
    return 0x2800 <= ord(character) <= 0x28FF or any(character in kind for kind in (LINES, SHADES, LEVELS))


class Patterns:
    """Braille cells repeat a lot: each combination of dots and colour is a pattern that fills runs."""

    def __init__(self):
        self.ids = {}

    def of(self, code, color):
        return self.ids.setdefault((code, color), f"d{len(self.ids)}")

    def definitions(self):
        places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
        for (code, color), name in self.ids.items():
            dots = ""
            for bit, (column, row) in enumerate(places):
                if (code - 0x2800) >> bit & 1:
                    left = (column + 0.5) * CELL_WIDTH / 2 - 1.3
                    top = (row + 0.5) * CELL_HEIGHT / 4 - 1.3
                    dots += f"M{left:.1f} {top:.1f}h2.6v2.6h-2.6z"
            yield (f'<pattern id="{name}" x="{MARGIN}" y="{MARGIN + TITLE_BAR}" width="{CELL_WIDTH}" '
                   f'height="{CELL_HEIGHT}" patternUnits="userSpaceOnUse">'
                   f'<path fill="{color}" d="{dots}"/></pattern>')


def shape(character, count, x, y, color, patterns):
    """The SVG of a run of characters that are drawn rather than written."""
    code, width = ord(character), count * CELL_WIDTH
    if 0x2800 <= code <= 0x28FF:
        return (f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{CELL_HEIGHT}" '
                f'fill="url(#{patterns.of(code, color)})"/>')
    if character in LINES:
        start, end, thickness = LINES[character]
        return (f'<path stroke="{color}" stroke-width="{thickness}" d="M{x + start * CELL_WIDTH:.1f} '
                f'{y + CELL_HEIGHT / 2:.1f}h{width - (1 - end) * CELL_WIDTH:.1f}"/>')
    if character in SHADES:
        return (f'<rect x="{x:.1f}" y="{y + 3:.1f}" width="{width:.1f}" height="{CELL_HEIGHT - 6}" '
                f'fill="{color}" fill-opacity="{SHADES[character]}"/>')
    height = CELL_HEIGHT * (LEVELS.index(character) + 1) / 8
    return (f'<rect x="{x:.1f}" y="{y + CELL_HEIGHT - height:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" fill="{color}"/>')


def runs_of(line, pen):
    """(column, text, (color, bold, dim)) of pieces in one style; a drawn character stands with its likes."""
    column, runs = 0, []
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        sequence = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if sequence:
            pen.apply(sequence.group(1))
            continue
        for character in re.sub(r"\x1b[()][A-Z0-9]|[\x0e\x0f]", "", part):
            last = runs[-1] if runs else None
            same_kind = last and last[2] == pen.style() and (
                last[1][-1] == character if is_drawn(character) else not is_drawn(last[1][-1]))
            if same_kind:
                last[1] += character
            else:
                runs.append([column, character, pen.style()])
            column += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return runs


def draw_line(line, row, pen, patterns, out):
    top = TITLE_BAR + MARGIN + row * CELL_HEIGHT
    for column, text, (color, bold, dim) in runs_of(line, pen):
        if is_drawn(text[0]):
            out.append(shape(text[0], len(text), MARGIN + column * CELL_WIDTH, top, color, patterns))
            continue
        # Words stand at their columns whatever the font's widths are.
        for word in re.finditer(r"\S+(?: \S+)*", text):
            x = MARGIN + (column + word.start()) * CELL_WIDTH
            out.append(f'<text x="{x:.1f}" y="{top + 13.5:.1f}" fill="{color}"'
                       + (' font-weight="bold"' if bold else "") + (' fill-opacity="0.6"' if dim else "")
                       + f' textLength="{len(word.group()) * CELL_WIDTH:.1f}">{escape(word.group())}</text>')


def main():
    columns, rows, title = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    width = columns * CELL_WIDTH + 2 * MARGIN
    height = rows * CELL_HEIGHT + 2 * MARGIN + TITLE_BAR
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
           f'aria-label="{escape(title)}" font-family="\'DejaVu Sans Mono\', Menlo, Consolas, monospace" '
           f'font-size="{FONT_SIZE}" xml:space="preserve">',
           f'<rect width="100%" height="100%" rx="10" fill="{BACKGROUND}"/>',
           f'<text x="{width / 2:.0f}" y="21" fill="#7f8794" text-anchor="middle">{escape(title)}</text>']
    for index, color in enumerate(("#e06c75", "#e5c07b", "#98c379")):
        out.append(f'<circle cx="{20 + 20 * index}" cy="16" r="6" fill="{color}"/>')
    lines = sys.stdin.read().split("\n")[:rows]
    patterns = Patterns()
    pen = Pen()  # tmux carries colours over from line to line
    for row, line in enumerate(lines):
        draw_line(line, row, pen, patterns, out)
    out.append("<defs>" + "".join(patterns.definitions()) + "</defs></svg>")
    print("\n".join(out))


main()
