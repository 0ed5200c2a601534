"""``phasescope table``: an operation's table, held-out answers left blank, as power2022 draws it."""

from phasescope.cli.arguments import Parser
from phasescope.tasks.parse import parse_task
from phasescope.tasks.split import parse_split
from phasescope.tasks.table_text import BLANK, format_table, operation_table


def run(words: list[str]) -> int:
    """Print the table, and under it what a dot stands for if there is one."""
    parser = Parser("table", "Print an operation's table; a dot where the answer is held out or missing.")
    parser.add_argument("task", metavar="TASK", help="such as 'a+b mod 11' or 'a*b in S3'")
    parser.add_argument("--split", default="all", metavar="SPLIT", help="such as nanda2023:0:0.3 (else all)")
    parser.add_argument("--most", type=int, default=20, help="rows and columns to print (default: 20)")
    options = parser.parse(words)
    task = parse_task(options.task).build()
    split = parse_split(options.split).split(task)
    table = operation_table(task, split)
    print(format_table(table, most=options.most))
    if (table[: options.most, : options.most] == BLANK).any():
        reasons = ["the answer is held out"] if len(split.test) else []
        if len(task.pairs) < table.size:
            reasons.append("the operation has none")
        print(f". where {' or '.join(reasons)}")
    return 0
