"""The tables and JSON files that stages pass to each other: columns, reader, writer and checks, each in one module."""
