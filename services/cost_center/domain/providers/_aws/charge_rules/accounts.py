"""Whose line item it is, and who bills and provides it."""

from services.cost_center.domain.charges import Rule

ACCOUNTS = (
    Rule("BillingAccountId", "bill_payer_account_id", "FOCUS BillingAccountId; CUR bill/PayerAccountId"),
    Rule("BillingAccountName", "bill_payer_account_name", "FOCUS BillingAccountName; CUR 2.0 only"),
    Rule("BillingAccountType", "'Management Account'", "FOCUS BillingAccountType; AWS Organizations term"),
    Rule("SubAccountId", "line_item_usage_account_id", "FOCUS SubAccountId; CUR lineItem/UsageAccountId"),
    Rule("SubAccountName", "line_item_usage_account_name", "FOCUS SubAccountName; CUR 2.0 only"),
    Rule(
        "SubAccountType",
        """
        CASE
          WHEN line_item_usage_account_id IS NULL THEN NULL
          WHEN line_item_usage_account_id = bill_payer_account_id THEN 'Management Account'
          ELSE 'Member Account'
        END
        """,
        "FOCUS SubAccountType; AWS Organizations terms",
    ),
    Rule(
        "InvoiceId",
        "bill_invoice_id",
        "FOCUS InvoiceId; CUR bill/InvoiceId, empty until the invoice is issued",
    ),
    Rule(
        "InvoiceIssuerName",
        "COALESCE(bill_invoicing_entity, line_item_legal_entity, 'Amazon Web Services, Inc.')",
        "FOCUS InvoiceIssuer; CUR bill/InvoicingEntity",
    ),
    Rule("ProviderName", "'AWS'", "FOCUS Provider"),
    Rule(
        "PublisherName",
        "COALESCE(line_item_legal_entity, 'AWS')",
        "FOCUS Publisher; CUR lineItem/LegalEntity",
    ),
    Rule("HostProviderName", "'AWS'", "FOCUS 1.3 HostProviderName"),
    Rule(
        "ServiceProviderName",
        "CASE WHEN bill_billing_entity = 'AWS Marketplace' THEN line_item_legal_entity ELSE 'AWS' END",
        "FOCUS 1.3 ServiceProviderName; CUR bill/BillingEntity",
    ),
)
