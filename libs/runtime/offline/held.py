"""Conditions that cannot come true because nothing fills the facts in them. Read as SQL text."""

from collections.abc import Set as AbstractSet

from sqlglot import exp

# What is known as soon as one of its parts is.
_ANY = (exp.Or, exp.Coalesce, exp.Greatest, exp.Least)


def lacking(node: exp.Expr, unknown: AbstractSet[str]) -> frozenset[str]:
    """The facts for want of which a condition is never true; none: it can be.

    Null makes a comparison null and AND carries it on; OR, COALESCE, GREATEST and LEAST need one known part.
    IS NULL and IS NOT TRUE are true of what is not known.
    """
    if isinstance(node, exp.Column):
        return frozenset({node.name.lower()} & unknown)
    if _true_of_nothing(node):
        return frozenset()
    parts = [lacking(child, unknown) for child in node.iter_expressions()]
    if isinstance(node, _ANY) and not all(parts):
        return frozenset()
    return frozenset().union(*parts)


def _true_of_nothing(node: exp.Expr) -> bool:
    """IS NULL or IS NOT TRUE. Versions of the parser put the NOT around the IS or into it."""
    asked = node.this if isinstance(node, exp.Not) else node
    if not isinstance(asked, exp.Is):
        return False
    negated = bool(asked.args.get("negate")) or isinstance(asked.parent, exp.Not)
    return negated != isinstance(asked.expression, exp.Null)
