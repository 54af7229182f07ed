"""What AWS's own reports share: the columns of a CUR line item, and its rules. No provider by itself."""
