"""The FinOps questions of the benchmark, over `charges`, in words that DuckDB takes, too."""

QUESTIONS: dict[str, str] = {
    "cost by service": """
select ServiceName, sum(BilledCost) as billed, sum(EffectiveCost) as effective
from charges group by ServiceName order by effective desc""",
    "cost by day and service": """
select date_trunc('day', ChargePeriodStart) as day, ServiceName, sum(EffectiveCost) as cost
from charges group by 1, 2 order by 1, 3 desc""",
    "top accounts and services": """
select SubAccountId, ServiceName, sum(EffectiveCost) as cost
from charges group by 1, 2 order by cost desc limit 20""",
    "cost by team": """
select coalesce(Tags['team'], 'untagged') as team, sum(EffectiveCost) as cost
from charges group by 1 order by cost desc""",
    "untagged cost by account": """
select SubAccountId, sum(EffectiveCost) as cost, count(*) as charges
from charges where Tags['team'] is null and ChargeCategory = 'Usage'
group by SubAccountId order by cost desc""",
    "top resources of a service": """
select ResourceId, sum(EffectiveCost) as cost, sum(ConsumedQuantity) as hours
from charges where ServiceName = 'Amazon Elastic Compute Cloud' and ResourceId is not null
group by ResourceId order by cost desc, ResourceId limit 50""",
    "what commitments saved": """
select CommitmentDiscountType, CommitmentDiscountStatus, sum(ListCost) as list,
  sum(EffectiveCost) as effective, sum(ListCost - EffectiveCost) as saved
from charges where CommitmentDiscountId is not null group by 1, 2 order by 1, 2""",
    "on demand by instance type": """
select x_InstanceType, RegionId, sum(ConsumedQuantity) as hours, sum(EffectiveCost) as cost
from charges where PricingCategory = 'Standard' and x_InstanceType is not null
group by 1, 2 order by cost desc limit 25""",
    "unused commitments": """
select CommitmentDiscountId, sum(EffectiveCost) as wasted
from charges where CommitmentDiscountStatus = 'Unused' group by 1 order by wasted desc limit 20""",
    "data transfer": """
select x_UsageType, sum(ConsumedQuantity) as gb, sum(BilledCost) as cost
from charges where x_UsageType like '%DataTransfer%' or x_UsageType like '%NatGateway%'
group by 1 order by cost desc""",
    "one day": """
select ServiceName, RegionId, sum(EffectiveCost) as cost
from charges where ChargePeriodStart >= timestamp '2026-08-15 00:00:00'
  and ChargePeriodStart < timestamp '2026-08-16 00:00:00'
group by 1, 2 order by cost desc""",
    "day over day": """
with days as (
  select date_trunc('day', ChargePeriodStart) as day, ServiceName, sum(EffectiveCost) as cost
  from charges where ChargeCategory = 'Usage' group by 1, 2)
select day, ServiceName, cost, cost - lag(cost) over (partition by ServiceName order by day) as more
from days order by ServiceName, day""",
    "month to date": """
with days as (
  select date_trunc('day', ChargePeriodStart) as day, sum(EffectiveCost) as cost from charges group by 1)
select day, cost, sum(cost) over (order by day rows between unbounded preceding and current row) as so_far
from days order by day""",
    "three services of each account": """
with costs as (
  select SubAccountId, ServiceName, sum(EffectiveCost) as cost from charges group by 1, 2),
ranked as (
  select SubAccountId, ServiceName, cost,
    row_number() over (partition by SubAccountId order by cost desc, ServiceName) as place
  from costs)
select SubAccountId, ServiceName, cost from ranked where place <= 3 order by SubAccountId, place""",
    "above the average": """
with costs as (
  select ResourceId, ServiceName, sum(EffectiveCost) as cost
  from charges where ResourceId is not null group by 1, 2),
means as (select ServiceName, sum(cost) / count(*) as mean from costs group by 1)
select costs.ServiceName, count(*) as resources, sum(costs.cost) as cost
from costs join means on costs.ServiceName = means.ServiceName
where costs.cost - means.mean > 0.000001 group by 1 order by cost desc""",
    "resources per service": """
select ServiceName, count(distinct ResourceId) as resources, count(distinct SubAccountId) as accounts
from charges group by 1 order by resources desc, ServiceName""",
    "week against week": """
with weeks as (
  select ServiceName,
    sum(case when ChargePeriodStart >= timestamp '2026-08-15 00:00:00' then EffectiveCost end) as this_week,
    sum(case when ChargePeriodStart < timestamp '2026-08-15 00:00:00' then EffectiveCost end) as last_week
  from charges
  where ChargePeriodStart >= timestamp '2026-08-08 00:00:00'
    and ChargePeriodStart < timestamp '2026-08-22 00:00:00'
  group by 1)
select ServiceName, this_week, last_week, this_week - last_week as more
from weeks order by more desc nulls last""",
    "unit cost": """
select ServiceName, PricingUnit, sum(EffectiveCost) / nullif(sum(PricingQuantity), 0) as unit_cost
from charges where ChargeCategory = 'Usage' group by 1, 2 order by 1, 2""",
    "cost by category and hour": """
select ServiceCategory, extract(hour from ChargePeriodStart) as hour, sum(EffectiveCost) as cost
from charges where ChargeCategory = 'Usage' group by 1, 2 having sum(EffectiveCost) > 1 order by 1, 2""",
    "everything that is no usage": """
select ChargeCategory, ChargeClass, ChargeDescription, sum(BilledCost) as cost, count(*) as charges
from charges where ChargeCategory <> 'Usage' group by 1, 2, 3 order by cost desc limit 100""",
    "environments by service": """
select ServiceCategory, sum(EffectiveCost) filter (where Tags['env'] = 'prod') as prod,
  sum(EffectiveCost) filter (where Tags['env'] <> 'prod') as other, sum(EffectiveCost) as total
from charges group by 1 order by total desc""",
}
