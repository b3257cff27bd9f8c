"""What Windows alone has: its services, its events, its rights on files. Nothing decides here.

Follows Microsoft's and pywin32's documentation; not yet run on Windows. The modules load anywhere.
"""
