"""The winners of the ImageNet challenge (ILSVRC) by year: what a lecture draws of them."""

from typing import NamedTuple


class Winner(NamedTuple):
    """An entry of one year.

    Args:
        year: Year of the challenge.
        team: Who or what it was.
        top5: Its error of the five best classes in the test, in percent, without other data.
        source: Where it is printed.
        network: Name of the network, as in `keras_classics.names`, or `None`.
        layers: Its layers with weights, where no network here tells them.
    """

    year: int
    team: str
    top5: float
    source: str
    network: str | None = None
    layers: int | None = None


# He's slides of "Deep residual learning" (2015), and page 44 of lecture 6 of Stanford's CS231n
# (2025), draw these winners; the years 2010 and 2011 are "shallow" there, and 2013 has 8 layers.
SLIDES = "He, slides of 2015"
WINNERS = (
    Winner(2010, "Lin et al.", 28.2, "Krizhevsky et al., 2012, section 6"),
    Winner(2011, "Sanchez & Perronnin", 25.8, SLIDES),
    Winner(2012, "AlexNet", 16.4, "Krizhevsky et al., 2012, Table 2", "alexnet"),
    Winner(2013, "Clarifai", 11.7, "Szegedy et al., 2015, Table 2; 8 layers: " + SLIDES, layers=8),
    Winner(2014, "VGG", 7.3, "Simonyan & Zisserman, 2015, Table 7", "vgg19"),
    Winner(2014, "GoogLeNet", 6.67, "Szegedy et al., 2015, Table 2", "googlenet"),
    Winner(2015, "ResNet", 3.57, "He et al., 2016, Table 5", "resnet152"),
)
