"""Settings of the functions that connect accounts and pull from them."""

from shared.config import Settings


class ConnectionSettings(Settings):
    """The HTTP function, as far as it serves connections.

    `trusted_account` is the account that Onyx runs in, `trusted_roles` a pattern of the ARNs of the roles
    that may come: both go into the template.
    """

    connection_table: str
    outbox_table: str
    landing_bucket: str
    page_token_secret_arn: str
    trusted_account: str
    trusted_roles: str


class PullSettings(Settings):
    """The scheduled pull."""

    bill_table: str
    connection_table: str
    outbox_table: str
    landing_bucket: str
