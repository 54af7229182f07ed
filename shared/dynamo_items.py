"""Plain dicts to DynamoDB's typed attributes and back, exactly.

Values are str, int, Decimal, bool, None, list and dict. A float is refused: it cannot hold money and
DynamoDB would store its rounded text. A number has at most 38 significant digits, which is DynamoDB's
own limit; money can need more after a product or a sum, so **money in rows is canonical text**
(`shared.money.money_text`), never a number attribute.
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

MAX_DIGITS = 38
_LARGEST_EXPONENT = 125
_SMALLEST_EXPONENT = -130
_PLAIN = Context(prec=MAX_DIGITS)

Item = dict[str, Any]


def to_attributes(item: Mapping[str, Any]) -> "dict[str, AttributeValueTypeDef]":
    """`item` as DynamoDB attributes. Raises TypeError or ValueError that names the attribute."""
    return {name: to_attribute(value, name) for name, value in item.items()}


def to_attribute(value: Any, where: str = "value") -> "AttributeValueTypeDef":
    """One value as a DynamoDB attribute; `where` names it in errors."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int() | Decimal():
            return {"N": _number_text(Decimal(value), where)}
        case Mapping():
            return {
                "M": {_key(key, where): to_attribute(each, f"{where}.{key}") for key, each in value.items()}
            }
        case list() | tuple():
            return {"L": [to_attribute(each, f"{where}[{at}]") for at, each in enumerate(value)]}
        case float():
            raise TypeError(f"{where} is a float: store money as text, other numbers as int or Decimal")
        case _:
            raise TypeError(
                f"{where} is a {type(value).__name__}: a row holds text, numbers, lists and dicts"
            )


def from_attributes(attributes: "Mapping[str, AttributeValueTypeDef | Any]") -> Item:
    """The plain dict of DynamoDB attributes; a number without decimals is an int, any other a Decimal."""
    return {name: from_attribute(value) for name, value in attributes.items()}


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """The plain value of one DynamoDB attribute."""
    (kind, value), *_ = attribute.items()
    match kind:
        case "NULL":
            return None
        case "S" | "BOOL":
            return value
        case "N":
            number = Decimal(value)
            return int(number) if number == number.to_integral_value() else number
        case "L":
            return [from_attribute(each) for each in value]
        case "M":
            return from_attributes(value)
        case _:
            raise TypeError(f"attribute type {kind} is not used in rows")


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{where} has a key that is no text: {key!r}")
    return key


def _number_text(number: Decimal, where: str) -> str:
    if not number.is_finite():
        raise ValueError(f"{where} is not finite: {number}")
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if len(digits) > MAX_DIGITS:
        raise ValueError(
            f"{where} has {len(digits)} significant digits; DynamoDB holds {MAX_DIGITS}: store it as text"
        )
    if number and not _SMALLEST_EXPONENT <= number.adjusted() <= _LARGEST_EXPONENT:
        raise ValueError(f"{where} is out of DynamoDB's range: {number:e}")
    exact = _PLAIN.normalize(number)
    # Written out where that is short: a reader of `ttl` need not know of exponents.
    return format(exact, "f") if abs(exact.adjusted()) <= MAX_DIGITS else str(exact)
