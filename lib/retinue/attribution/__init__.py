"""Which touch earned the sale, and what each ad truly returns."""
