"""The explorer: one text through one model, as a page that needs nothing but a browser, and as pictures.

    text, model -> `gather.py` (tokens.py, values.py, predictions.py) -> data -> `page.py` and template/ -> HTML

`pictures.py` draws attention and the logit lens with matplotlib. What the page shows is described in docs/explorer.md.
"""

from minibert.explorer.page import Page, explore
from minibert.explorer.pictures import plot_attention, plot_logit_lens

__all__ = ["Page", "explore", "plot_attention", "plot_logit_lens"]
