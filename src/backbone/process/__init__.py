"""
What happens to telemetry between the wire and the tables, as the SQL of materialized views.

Each signal flows wire → ``*_in`` → tables: the first view unpacks the wire's shape into flat rows of a ``Null`` table, the
next ones write them. Policy stands between the two, in the second.
"""
