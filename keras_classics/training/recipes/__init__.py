"""How each paper trained its network: one paper a file, every number with its section.

A recipe's file is read without Keras: it reaches the rooms of the library as attributes of
`keras_classics`, and Keras within its hooks.
"""

from keras_classics import names
from keras_classics.training.engine import recipe

RECIPES = {name: recipe(name) for name in names.RECIPES}
