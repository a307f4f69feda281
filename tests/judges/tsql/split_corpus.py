"""Writes each batch of local-sql's conformance corpus into a file of its own: below `accepted`, or below `refused` if its
whole outcome is a syntax error. The format of the corpus is described in its README."""

import pathlib
import re
import sys

# With what its own grammar knows beside them: a value in the place of a condition, ORDER BY in a subquery.
SYNTAX_ERRORS = {"102", "105", "113", "156", "1033", "4145"}
OUTCOME = re.compile(r"--([:=!]|[in] |ok$)")

corpus, target = map(pathlib.Path, sys.argv[1:])


def write(case, number, batch, outcome):
    numbers = [re.match(r"--! (\d+)", line) for line in outcome]
    refused = len(numbers) == 1 and numbers[0] and numbers[0][1] in SYNTAX_ERRORS and not inner_text(batch)
    folder = target / ("refused" if refused else "accepted")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{case}.{number}.sql").write_text("\n".join(batch) + "\n")


def inner_text(batch):
    """A mistake in a text that the batch executes is not one of the batch."""
    return any(re.match(r"EXEC \(", line) for line in batch)


for path in sorted(corpus.glob("*.sql")):
    case, number, batch, outcome = None, 0, [], []
    for line in [*path.read_text().splitlines(), "--# end"]:
        begins = line.startswith("--# ")
        if batch and outcome and (begins or not OUTCOME.match(line)):
            write(case, number, batch, outcome)
            number, batch, outcome = number + 1, [], []
        if begins:
            case, number = line[4:], 0
        elif case and OUTCOME.match(line):
            outcome.append(line)
        elif case and (batch or line):
            batch.append(line)
