-- A table and two subqueries, joined by commas, and an estimate out of all three.
with estimate as (
SELECT
    (compute.cost + storage.cost + SUM(line_item_unblended_cost)) - (1.3 * compute.cost + 0.25 * storage.cost) as savings,
    all_usage.line_item_usage_account_id as accounts, SUM(line_item_unblended_cost) as usage_cost, compute.cost as compute_cost, storage.cost as storage_cost, all_usage.month, all_usage.year
FROM
    cur
    all_usage,
    -- storage
    (SELECT line_item_usage_account_id, SUM(line_item_unblended_cost) as cost, month, year
    FROM cur
    WHERE line_item_usage_type LIKE '%TimedStorage%' AND line_item_usage_amount != 0.0
    GROUP BY line_item_usage_account_id, month, year) storage,
    -- compute
    (SELECT line_item_usage_account_id, "sum"((CASE WHEN ("line_item_line_item_type" = 'SavingsPlanCoveredUsage') THEN "savings_plan_savings_plan_effective_cost" ELSE "line_item_unblended_cost" END)) cost, month, year
    FROM cur
    WHERE (line_item_resource_id LIKE '%i-%' OR line_item_resource_id LIKE '%db:%') AND line_item_usage_amount != 0.0
    GROUP BY line_item_usage_account_id, month, year) compute
WHERE storage.line_item_usage_account_id = compute.line_item_usage_account_id
    AND storage.line_item_usage_account_id = all_usage.line_item_usage_account_id
    AND storage.month = compute.month AND storage.year = compute.year AND storage.month = all_usage.month AND storage.year = all_usage.year
    AND line_item_line_item_type IN ('DiscountedUsage', 'Usage')
GROUP BY all_usage.line_item_usage_account_id, storage.cost, compute.cost, storage.cost, all_usage.month, all_usage.year
ORDER BY savings DESC
)
SELECT SUM(savings) as potential_savings, accounts, usage_cost, compute_cost, storage_cost, month, year
FROM estimate
WHERE savings > 0 -- only what can be saved
GROUP BY accounts, usage_cost, compute_cost, storage_cost, month, year
ORDER BY potential_savings DESC
