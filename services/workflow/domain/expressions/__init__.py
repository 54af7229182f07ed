"""The expression language of workflows: JMESPath with exact numbers, a whitelist of functions, and a budget.

The scope: `event` (the data of what started the run), `inputs`, `steps.<id>` (`status`, `output`, `failure`),
`item` and `index` inside a for-each, `run` (`id`, `workflow`, `version`, `trigger`, `started_by`,
`started_at`), and `error` (`code`, `message`, `step`) inside on_failure and on_expiry.
"""

from services.workflow.domain.expressions.expression import Expression, compile_expression, evaluate, holds
from services.workflow.domain.expressions.templates import Template, compile_template, is_template, render

__all__ = [
    "Expression",
    "Template",
    "compile_expression",
    "compile_template",
    "evaluate",
    "holds",
    "is_template",
    "render",
]
