"""Other forms of a step: the same values, made in another way, and attached from above.

A function or method marked with `@step` is written plainly, as the papers have it. That text is its definition, and it
runs wherever nothing else is known. Whoever knows another way to the same values attaches it with `@form_of`: a CUDA
kernel, float32 arithmetic for float16, work in place. A form is asked with the step's own arguments, and gives
NotImplemented where it does not apply.

>>> @step
... def double(x):
...     return x + x
>>> @form_of(double)
... def double_integer(x):
...     return x << 1 if isinstance(x, int) else NotImplemented
>>> double(21), double("ab"), plain_of(double)(21)
(42, 'abab', 42)

A step never imports its forms. `attach_forms` names the modules that hold them; they are imported when a step is taken
once their array library is there.
"""

import functools
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
Form = Callable[..., Any]

_steps: list[Any] = []
_waiting: dict[str, list[str]] = {}  # array library -> modules that attach forms for its arrays
_attaching = threading.RLock()


def step(plain: Function) -> Function:
    """Mark a function or method as one that may have other forms; `plain` is its definition."""
    forms: list[Form] = []

    @functools.wraps(plain)
    def take(*args: Any, **kwargs: Any) -> Any:
        for library in _waiting:
            if sys.modules.get(library) is not None:
                _attach_waiting()
                break
        for form in forms:
            result = form(*args, **kwargs)
            if result is not NotImplemented:
                return result
        return plain(*args, **kwargs)

    take.forms = forms  # type: ignore[attr-defined]
    _steps.append(take)
    return take  # type: ignore[return-value]


def form_of(of: Callable[..., Any], last: bool = False) -> Callable[[Function], Function]:
    """Attach another form to a step; `last` is asked after all others, whoever comes first."""

    def attach(form: Function) -> Function:
        forms_of(of).insert(len(forms_of(of)) if last else 0, form)
        return form

    return attach


def plain_of(of: Function) -> Function:
    """The definition of a step, without any other form of it."""
    return of.__wrapped__  # type: ignore[attr-defined]


def forms_of(of: Callable[..., Any]) -> list[Form]:
    """The forms that are attached to a step, in the order in which they are asked."""
    return of.forms  # type: ignore[attr-defined]


def steps() -> list[Callable[..., Any]]:
    """Every step that has been imported."""
    return list(_steps)


def attach_forms(library: str, *modules: str) -> None:
    """Let these modules attach their forms at the first step that is taken while this array library is imported."""
    _waiting.setdefault(library, []).extend(modules)


def _attach_waiting() -> None:
    with _attaching:
        for library, modules in list(_waiting.items()):
            if sys.modules.get(library) is not None:
                for module in modules:
                    importlib.import_module(module)
                _waiting.pop(library, None)
