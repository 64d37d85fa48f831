"""Reading what notebooks show."""

import html.parser


class Boxes(html.parser.HTMLParser):
    """The states of the boxes and the text of a picture; every tag must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.states: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        if tag != "br":
            self.open.append(tag)
        self.states += [value for name, value in attrs if name == "data-state"]

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data
