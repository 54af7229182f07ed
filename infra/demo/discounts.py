"""Discounts beside the enterprise's: each is in the net cost of what it is on, and a line of its own.

Sources: the AWS CUR data dictionary (lineItem/LineItemType, discount details), and AWS on bundled discounts
in reports. Which service has which is made up.
"""

import polars as pl

BUNDLED, PARTNER, PRIVATE = "BundledDiscount", "SppDiscount", "PrivateRateDiscount"
NAMES = {
    BUNDLED: "Bundled discount",
    PARTNER: "Solution Provider Program discount",
    PRIVATE: "Private rate discount",
}
POINTS = {BUNDLED: 10_000, PARTNER: 300, PRIVATE: 500}
"""Hundredths of a percent: a bundled discount waives all of it."""
COLUMNS = {
    BUNDLED: "discount_bundled_discount",
    PARTNER: "discount_spp_discount",
    PRIVATE: "discount_private_rate_discount",
}
"""In the reports, by Athena names."""
LINES = (*NAMES, "EdpDiscount")
"""The line item types of discounts."""


def off_kind() -> pl.Expr:
    """Of metered usage: gateways come with a firewall, storage has a private rate, balancers a partner's."""
    usage = pl.col("kind") == "Usage"
    gateway = pl.col("usage_type").str.contains("NatGateway-", literal=True)
    stored = (pl.col("product") == "AmazonS3") & (pl.col("family") == "Storage")
    return (
        pl.when(usage & gateway)
        .then(pl.lit(BUNDLED))
        .when(usage & stored)
        .then(pl.lit(PRIVATE))
        .when(usage & (pl.col("product") == "AWSELB"))
        .then(pl.lit(PARTNER))
        .otherwise(pl.lit(""))
    )


def off_points() -> pl.Expr:
    return pl.col("off_kind").replace_strict(POINTS, default=0, return_dtype=pl.Int64)
