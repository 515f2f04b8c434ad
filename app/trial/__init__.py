"""What every trial on a user's labelled file shares: lines in; a table, a page and curves out.

Files of JSON lines come in as a stream, numbered for errors; what goes out is text aligned in columns, shares with
exact bounds, HTML that needs nothing else, SVG, and files that appear whole or not at all. This room knows neither
cache nor router, judges nothing, contacts nobody, and imports matplotlib only when a picture is drawn.
"""
