"""What stands between braces in a manifest: tags, expressions, conditions. A pure library.

    substitute({"args": ["{{inputs.parameters.x}}"]}, {"inputs.parameters.x": "1"})
    evaluate("asInt(steps.a.outputs.result) > 3", {"steps.a.outputs.result": "4"})
    evaluate_when("heads == heads")

Scopes are flat: whole keys to texts; None is an output that is absent.
"""

from polyrhythm.dialects.argo.expressions.problems import ExpressionError
from polyrhythm.dialects.argo.expressions.tags import evaluate, substitute
from polyrhythm.dialects.argo.expressions.when import evaluate_when

__all__ = ["ExpressionError", "evaluate", "evaluate_when", "substitute"]
