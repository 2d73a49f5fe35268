"""Small documents made by code, with what is printed on them."""
