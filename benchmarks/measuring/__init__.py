"""Contenders are run one after another against the same answers; what each made is checked before its cost counts."""
