"""Text, numbers, targets and deadlines as Vietnamese offices write them.

Pure functions from text to meaning. What a text can mean in two ways is never guessed: it comes back as a problem.
Reading files and applying rules do not belong here.
"""

from pipelines.vietnamese.deadlines import Deadline, month_end, parse_deadline
from pipelines.vietnamese.numbers import Number, format_number, parse_number
from pipelines.vietnamese.targets import Target, named_day, parse_target, split_targets
from pipelines.vietnamese.text import clean, code_key, fold, in_sentence, slug, without_marks

__all__ = [
    "Deadline",
    "Number",
    "Target",
    "clean",
    "code_key",
    "fold",
    "format_number",
    "in_sentence",
    "month_end",
    "named_day",
    "parse_deadline",
    "parse_number",
    "parse_target",
    "slug",
    "split_targets",
    "without_marks",
]
