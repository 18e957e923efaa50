"""Pickle opcodes -> inert values: a stack, a memo, and a table of the calls that are known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lucidsonic.errors import UnsafeFileError
from lucidsonic.zoo.arrays import fill_array
from lucidsonic.zoo.opcodes import Cursor, Op, read_ops
from lucidsonic.zoo.records import ArrayRecord, Name, NumberType, Record

MAX_KEYS = 20_000  # in one dict or set
MAX_KEY_INTEGER = 1 << 53

Call = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a pickle may ask for. Everything else is refused by name.

    Attributes:
        calls: global -> our function that stands for calling it.
        make: global -> an inert value that stands for a new object of it, or None.
        known: whether a global may be named at all.
        persistent: what a persistent id means, None where there may be none.
        max_ops: opcodes at most.
    """

    calls: Mapping[str, Call]
    make: Callable[[str], Any]
    known: Callable[[str], bool]
    persistent: Call | None = None
    max_ops: int = 400_000


class _Mark:
    """Where a group of values starts on the stack."""


@dataclass(slots=True)
class Machine:
    """The state while one pickle is read.

    Attributes:
        rules: what the pickle may ask for.
        cursor: where the pickle lies.
        globals: every global that it named, in order, once.
    """

    rules: Rules
    cursor: Cursor
    globals: dict[str, None] = field(default_factory=dict[str, None])
    stack: list[Any] = field(default_factory=list[Any])
    memo: dict[int, Any] = field(default_factory=dict[int, Any])

    def run(self) -> Any:
        """Read one pickle and give its value.

        Raises:
            UnsafeFileError: it is damaged, or asks for something that `rules` do not allow.
        """
        for op in read_ops(self.cursor, allowed=_HANDLERS, limit=self.rules.max_ops):
            _HANDLERS[op.name](self, op)
        return self.pop()

    def refuse(self, what: str) -> UnsafeFileError:
        """The error for something that is well-formed and not allowed."""
        return UnsafeFileError(
            f"{self.cursor.source} {what}.",
            hint="Nothing in it was run. Only load it with its author's own tools if you "
            "trust it like a program; models/README.md says how to hand over safetensors.",
        )

    def pop(self) -> Any:
        if not self.stack or isinstance(self.stack[-1], _Mark):
            raise self.cursor.broken("a value is missing")
        return self.stack.pop()

    def pop_group(self) -> list[Any]:
        """The values since the last mark, without it."""
        for index in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[index], _Mark):
                group = self.stack[index + 1 :]
                del self.stack[index:]
                return group
        raise self.cursor.broken("a group does not begin")

    def top(self, kind: type) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise self.cursor.broken(f"there is no {kind.__name__} to fill")
        return self.stack[-1]


def _push(machine: Machine, op: Op) -> None:
    machine.stack.append(op.argument)


def _constant(value: Any) -> Call:
    return lambda machine, op: machine.stack.append(value)


def _empty(kind: type) -> Call:
    return lambda machine, op: machine.stack.append(kind())


def _mark(machine: Machine, op: Op) -> None:
    machine.stack.append(_Mark())


def _nothing(machine: Machine, op: Op) -> None:
    pass


def _pop(machine: Machine, op: Op) -> None:
    if not machine.stack:
        raise machine.cursor.broken("a value is missing")
    machine.stack.pop()


def _pop_mark(machine: Machine, op: Op) -> None:
    machine.pop_group()


def _put(machine: Machine, op: Op) -> None:
    value = machine.pop()
    machine.stack.append(value)
    machine.memo[len(machine.memo) if op.argument is None else int(op.argument)] = value


def _get(machine: Machine, op: Op) -> None:
    index = int(op.argument)
    if index not in machine.memo:
        raise machine.cursor.broken(f"it looks back at value {index}, which is not there")
    machine.stack.append(machine.memo[index])


def _tuple(count: int) -> Call:
    def build(machine: Machine, op: Op) -> None:
        values = [machine.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(values)))

    return build


def _tuple_group(machine: Machine, op: Op) -> None:
    group = machine.pop_group()
    machine.stack.append(tuple(group))


def _append(machine: Machine, op: Op) -> None:
    value = machine.pop()
    machine.top(list).append(value)


def _appends(machine: Machine, op: Op) -> None:
    group = machine.pop_group()
    machine.top(list).extend(group)


def _set_item(machine: Machine, op: Op) -> None:
    value, key = machine.pop(), machine.pop()
    _fill(machine, [key, value])


def _set_items(machine: Machine, op: Op) -> None:
    _fill(machine, machine.pop_group())


def _fill(machine: Machine, pairs: list[Any]) -> None:
    target = machine.top(dict)
    if len(pairs) % 2:
        raise machine.cursor.broken("a key has no value")
    if len(target) + len(pairs) // 2 > MAX_KEYS:
        raise machine.refuse(f"holds a table of more than {MAX_KEYS:,} entries")
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        target[_plain_key(machine, key)] = value


def _add_items(machine: Machine, op: Op) -> None:
    group = machine.pop_group()
    if len(group) > MAX_KEYS:
        raise machine.refuse(f"holds a set of more than {MAX_KEYS:,} entries")
    machine.top(set).update(_plain_key(machine, key) for key in group)


def _plain_key(machine: Machine, key: Any) -> str | int | bytes:
    if isinstance(key, str | bytes) or (isinstance(key, int) and abs(key) < MAX_KEY_INTEGER):
        return key
    raise machine.refuse(f"uses a {type(key).__name__} as a key, which no network does")


def _global(machine: Machine, op: Op) -> None:
    _named(machine, *op.argument)


def _stack_global(machine: Machine, op: Op) -> None:
    name, module = machine.pop(), machine.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise machine.cursor.broken("a name is not a text")
    _named(machine, module, name)


def _named(machine: Machine, module: str, name: str) -> None:
    path = f"{module}.{name}"
    machine.globals[path] = None
    if not machine.rules.known(path):
        shown = path if len(path) <= 80 and path.isprintable() else f"{path[:80]!a}..."
        raise machine.refuse(f"wants to use '{shown}', which is not part of any known network")
    machine.stack.append(Name(path))


def _reduce(machine: Machine, op: Op) -> None:
    arguments, target = machine.pop(), machine.pop()
    if not isinstance(target, Name) or not isinstance(arguments, tuple):
        raise machine.cursor.broken("a call names nothing to call")
    call = machine.rules.calls.get(target.path)
    if call is None:
        raise machine.refuse(f"wants to call '{target.path}', which is not a call we know")
    try:
        machine.stack.append(call(*arguments))
    except (TypeError, ValueError) as error:  # wrong count or kind of arguments
        raise machine.refuse(f"calls '{target.path}' in a way that no network does") from error


def _new_object(machine: Machine, op: Op) -> None:
    arguments, target = machine.pop(), machine.pop()
    if not isinstance(target, Name) or arguments != ():
        raise machine.refuse("makes an object with arguments, which no network does")
    made = machine.rules.make(target.path)
    if made is None:
        raise machine.refuse(f"wants to make a '{target.path}', which is not a class we know")
    machine.stack.append(made)


def _build(machine: Machine, op: Op) -> None:
    state = machine.pop()
    target = machine.pop()
    setter = _SETTERS.get(type(target))
    if setter is None:
        raise machine.refuse(f"sets the state of a {type(target).__name__}")
    try:
        setter(target, state)
    except (TypeError, ValueError) as error:
        raise machine.refuse("sets the state of an object in an unknown way") from error
    machine.stack.append(target)


def _set_record(record: Record, state: Any) -> None:
    if not isinstance(state, dict) or record.state is not None:
        raise TypeError
    record.state = state


def _set_dict(target: dict[Any, Any], state: Any) -> None:
    """Attributes of an OrderedDict (torch keeps version numbers there) are not needed."""
    if not isinstance(state, dict):
        raise TypeError


def _set_dtype(dtype: NumberType, state: Any) -> None:
    _version, order, *composite = state
    if order not in {"<", ">", "|", "="} or any(part is not None for part in composite[:3]):
        raise ValueError
    dtype.order = ">" if order == ">" else "<"


def _set_array(array: ArrayRecord, state: Any) -> None:
    _version, shape, dtype, fortran, data = state
    fill_array(array, shape=shape, dtype=dtype, fortran=bool(fortran), data=data)


def _persistent(machine: Machine, op: Op) -> None:
    identity = machine.pop()
    if machine.rules.persistent is None:
        raise machine.refuse("refers to objects outside itself (a persistent id)")
    machine.stack.append(machine.rules.persistent(identity))


_SETTERS: dict[type, Callable[[Any, Any], None]] = {
    Record: _set_record,
    dict: _set_dict,
    NumberType: _set_dtype,
    ArrayRecord: _set_array,
}
_HANDLERS: dict[str, Call] = {
    **dict.fromkeys(["PROTO", "FRAME", "STOP"], _nothing),
    **dict.fromkeys(
        [
            *("INT", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
            *("BINSTRING", "SHORT_BINSTRING"),
            *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
            *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        ],
        _push,
    ),
    **dict.fromkeys(["BINPUT", "LONG_BINPUT", "MEMOIZE"], _put),
    **dict.fromkeys(["BINGET", "LONG_BINGET"], _get),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_DICT": _empty(dict),
    "EMPTY_LIST": _empty(list),
    "EMPTY_SET": _empty(set),
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "TUPLE": _tuple_group,
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "ADDITEMS": _add_items,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "NEWOBJ": _new_object,
    "BUILD": _build,
    "BINPERSID": _persistent,
}
