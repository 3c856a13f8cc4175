"""The campaign of bad inputs: a table of commands that must each end in one line, and the process that runs them.

A row is a command line that a user could type, the files it finds, and words that its one line of error must hold:

    Row("a manifest that is a folder", f"{ANALYZE} --corpus folder.csv", says="folder.csv", files={"folder.csv/x": ""})

It runs through the installed console script in a process forked from one that has imported torch and s3prl already,
in a folder of its own, with its own HOME and TMPDIR and limits of time and memory (`forkserver`). `test_rows` holds it
to the promise: exit status 2, one line ``s3prl-convexprune: error: ...`` with every word of `says` in it, no
traceback, no hang, and nothing made, changed or left behind.

To add rows: put them into the list ``ROWS`` of the file of the room they are about (`rows_<room>.py`, or a new file of
that name, which is found by itself). A word of the command that begins with ``@`` is a file of the shared material
(`material` lists it), which no command may change; every other path is relative to the row's own folder, where `files`
puts things: text, bytes, or a function that is called with the path to make and the folder of the material. Where a
command rightly succeeds, with a warning for instance, give ``status=0`` and what stderr must say; where it rightly
leaves something, name it in `leaves`. ``pytest tests/campaign -k "words of the id"`` runs a row alone.
"""
