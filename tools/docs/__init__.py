"""The site of the documents, built without a network: `python -m tools.docs`, which is `make docs`.

`pages` gathers what is written, `commands` and `functions` make the reference from the parsers and the docstrings,
`notebook` makes a page of the tutorial, zensical builds, and `links` reads what was built: a link that leads nowhere,
or a page that asks another host for something, is an error.
"""
