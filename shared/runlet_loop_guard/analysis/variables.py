"""What a program ever gives its variables."""

from collections import defaultdict

from runlet_loop_guard.syntax import Apply, Assign, Call, Const, Group, Name, Node


class Variables:
    """Values by name, wherever in the program; None stands for one nobody knows."""

    def __init__(self) -> None:
        self._given: dict[str, list[Node | None]] = defaultdict(list)

    def note(self, node: Assign) -> None:
        """Takes down what an assignment gives its targets."""
        if node.operator is not None:
            return
        parts = node.value.parts if isinstance(node.value, Group) else ()
        values = parts if len(parts) == len(node.targets) > 1 else [node.value] * len(node.targets)
        for target, value in zip(node.targets, values, strict=True):
            if isinstance(target, Name):
                self._given[target.id].append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def is_imported(self, name: str) -> bool:
        """Whether a name is only ever bound by imports, or by something nobody knows."""
        values = self._given.get(name, ())
        return bool(values) and all(value is None for value in values)

    def redefines(self, name: str) -> bool:
        """Whether the program gives the first part of a call's name a value of its own."""
        values = self._given.get(name.partition(".")[0], ())
        return any(value is not None for value in values)

    def is_solid(self, name: str) -> bool:
        """Whether a variable certainly holds something, so that it can be asked for parts."""
        values = self._given.get(name, ())
        return bool(values) and all(_is_something(value) for value in values)

    def holds_only_lists(self, name: str, *, empty: bool = True) -> bool:
        """Whether all a variable is ever given are list literals, `empty` ones among them."""
        values = [_content(value) for value in self._given.get(name, ())]
        return bool(values) and all(
            isinstance(value, Apply) and value.operator == "[]" and (empty or bool(value.operands))
            for value in values
        )

    def may_be_null(self, name: str) -> bool:
        """Whether the program somewhere sets a variable to nothing."""
        values = (_content(value) for value in self._given.get(name, ()))
        return any(isinstance(value, Const) and value.value is None for value in values)

    def holds_text(self, name: str) -> bool:
        """Whether a variable is somewhere given a text."""
        return any(is_text(value) for value in self._given.get(name, ()))


def _content(value: Node | None) -> Node | None:
    while isinstance(value, Group) and len(value.parts) == 1:
        value = value.parts[0]
    return value


def _is_something(value: Node | None) -> bool:
    content = _content(value)
    if isinstance(content, Const):
        return content.value is not None
    created = isinstance(content, Call) and content.name.startswith("new ")
    return created or isinstance(content, Apply | Group)


def is_text(node: Node | None) -> bool:
    """Whether an expression is certainly a text."""
    if isinstance(node, Const):
        return isinstance(node.value, str)
    return isinstance(node, Apply) and node.operator == '""'
