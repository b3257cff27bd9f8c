"""Colours that stay apart for colour-blind readers; no meaning is carried by a colour alone.

The palette is that of Okabe and Ito ("Color Universal Design", 2008). Every coloured cell also says
its value in words or figures.
"""

from typing import Final

VERMILION: Final = "#D55E00"
ORANGE: Final = "#E69F00"
YELLOW: Final = "#F0E442"
SKY: Final = "#56B4E9"
BLUE: Final = "#0072B2"
PURPLE: Final = "#CC79A7"
GREY: Final = "#999999"

BAD, WARNING, GOOD, QUIET = VERMILION, ORANGE, BLUE, GREY

LEVELS: Final = (VERMILION, ORANGE, YELLOW, SKY, BLUE)
"""Of the maturity levels N0 to N4."""
