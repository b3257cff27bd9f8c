"""Backup files: how they are locked, what is in them, how they are put back in their place.

A backup is a tar of three members at most, so that `tar` and `age` open it without Vigie:

- `README.txt` says how.
- `key.age`, in a backup under a passphrase: a key of this backup alone, encrypted with it.
- `data.tar.gz.age`: everything else, encrypted to that key or to the recipients that were named.

Nothing is written in clear, and nothing is read into memory whole.
"""
