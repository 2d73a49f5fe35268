"""The characters that synthetic pages are written in."""

import string

CHARACTERS = (
    "".join(chr(code) for code in range(32, 127))
    + "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœß"
    + "€£§°©®·¿¡«»–—’‘“”„…•×½²³ª"
)
LETTERS_AND_DIGITS = string.ascii_letters + string.digits

NUMBERS = {char: number for number, char in enumerate(CHARACTERS, 1)}
"""Of each character, as the auxiliary loss counts them; 0 is no character."""

BLANK = 0
COUNT = len(CHARACTERS) + 1
