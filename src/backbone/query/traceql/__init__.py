"""TraceQL: the language, and its evaluation over the table of spans."""
