"""A line item of AWS's reports -> `charges` (FOCUS 1.2): one rule per column, as SQL over Athena
names.

How to read it: each rule gives the column of `charges`, the expression that makes it, and where it comes
from. A column that a report does not have reads as NULL. Sources: "CUR" is the AWS Cost and Usage Report data
dictionary, "FOCUS" the specification, 1.2. The rules are in a module by topic, in the order below; `phrases`
are the SQL that several of them share, `helpers` the few things that one row's SQL cannot say. The helpers
`original_tags` and `cost_categories` are each report's own: a column per tag in the legacy one, maps in
CUR 2.0.

AWS writes what a commitment lost into the row of its fee. FOCUS has two rows for it: the purchase, whose
EffectiveCost is 0, and the unused part, which is usage that nobody made (EffectiveCost-C-005-C,
DiscountHandling-A-017-C to -019-C). So a fee that lost something comes twice, the second with `unused_part`.
"""

from services.cost_center.domain.providers._aws.charge_rules.accounts import ACCOUNTS
from services.cost_center.domain.providers._aws.charge_rules.charge import CHARGE
from services.cost_center.domain.providers._aws.charge_rules.commitments import COMMITMENTS
from services.cost_center.domain.providers._aws.charge_rules.costs import COSTS
from services.cost_center.domain.providers._aws.charge_rules.extensions import EXTENSIONS
from services.cost_center.domain.providers._aws.charge_rules.helpers import HELPERS, maps
from services.cost_center.domain.providers._aws.charge_rules.pricing import PRICING
from services.cost_center.domain.providers._aws.charge_rules.services import SERVICE

__all__ = ["HELPERS", "RULES", "maps"]

RULES = (*COSTS, *ACCOUNTS, *CHARGE, *COMMITMENTS, *PRICING, *SERVICE, *EXTENSIONS)
