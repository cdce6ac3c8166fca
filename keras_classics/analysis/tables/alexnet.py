"""The table of Krizhevsky, Sutskever & Hinton, NIPS 2012."""

from keras_classics.analysis.tables import PaperRow, Result, Table, Training, Winner

TABLES = {
    "alexnet": Table(
        (
            PaperRow(
                "conv1",
                (55, 55, 96),
                "figure 2",
                units=253_440,
                note="55 x 55 x 96 are 290,400; the caption's number is 55 x 48 x 96",
            ),
            PaperRow("conv2", (27, 27, 256), "figure 2", units=186_624),
            PaperRow("conv3", (13, 13, 384), "figure 2", units=64_896),
            PaperRow("conv4", (13, 13, 384), "figure 2", units=64_896),
            PaperRow("conv5", (13, 13, 256), "figure 2", units=43_264),
            PaperRow("fc6", (4096,), "figure 2", units=4_096),
            PaperRow("fc7", (4096,), "figure 2", units=4_096),
            PaperRow("predictions", (1000,), "figure 2", units=1_000),
            PaperRow(
                "total", None, "abstract; its 650,000 neurons are 659,272", parameters="60 million"
            ),
        )
    ),
    "alexnet_one_gpu": Table(
        (
            PaperRow("conv1", (55, 55, 48), "footnote 2"),
            PaperRow("conv2", (27, 27, 128), "footnote 2"),
            PaperRow("conv3", (13, 13, 192), "footnote 2"),
            PaperRow("conv4", (13, 13, 192), "footnote 2"),
            PaperRow("conv5", (13, 13, 256), "footnote 2"),
            PaperRow("fc6", (4096,), "footnote 2"),
            PaperRow("fc7", (4096,), "footnote 2"),
            PaperRow("predictions", (1000,), "section 3.5"),
            PaperRow(
                "total",
                None,
                'footnote 2: "approximately the same number of parameters"',
                parameters="60 million",
            ),
        ),
        "the net of one GPU",
    ),
}

ILSVRC_2010 = "ILSVRC-2010, test"
VALIDATION, TEST = "ILSVRC-2012, validation", "ILSVRC-2012, test"
PRETRAINED = "pre-trained on the 22,000 classes of fall 2011, a sixth convolution"


def _without(part, section, top1, top5=None):
    """What a part takes away from the error, where the paper prints no error."""
    more = f"{top1} % top-1" + (f" and {top5} % top-5" if top5 else "")
    return Result(
        f"without {part}",
        ILSVRC_2010,
        "10 crops",
        None,
        None,
        section,
        note=f"{more} more than with",
    )


RESULTS = (
    Result("1 CNN", VALIDATION, "10 crops", 40.7, 18.2, "Table 2", "alexnet"),
    Result("5 CNNs", VALIDATION, "10 crops", 38.1, 16.4, "Table 2", "alexnet", models=5),
    Result("5 CNNs", TEST, "10 crops", None, 16.4, "Table 2", "alexnet", models=5),
    Result("1 CNN*", VALIDATION, "10 crops", 39.0, 16.6, "Table 2", note=PRETRAINED),
    Result("7 CNNs*", VALIDATION, "10 crops", 36.7, 15.4, "Table 2", models=7),
    Result(
        "7 CNNs*",
        TEST,
        "10 crops",
        None,
        15.3,
        "Table 2",
        models=7,
        note="two of the seven as 1 CNN*",
    ),
    Result(
        "SIFT and Fisher vectors", TEST, "", None, 26.2, "Table 2", note="the second best entry"
    ),
    Result("the CNN", ILSVRC_2010, "10 crops", 37.5, 17.0, "Table 1", "alexnet"),
    Result("the CNN", ILSVRC_2010, "center crop", 39.0, 18.3, "footnote 5", "alexnet"),
    Result(
        "sparse coding", ILSVRC_2010, "", 47.1, 28.2, "Table 1", note="the best of the competition"
    ),
    Result("SIFT and Fisher vectors", ILSVRC_2010, "", 45.7, 25.7, "Table 1"),
    Result(
        "the CNN, a sixth convolution",
        "ImageNet, fall 2009",
        "10 crops",
        67.4,
        40.9,
        "section 6",
        note="10,184 classes",
    ),
    _without("the second GPU", "section 3.2", "1.7", "1.2"),
    _without("local response normalization", "section 3.3", "1.4", "1.2"),
    _without("overlapping pooling", "section 3.4", "0.4", "0.3"),
    _without("colours shifted in training", "section 4.1", "over 1"),
    _without("one of the middle convolutions", "section 7", "about 2"),
    Result("four layers", "CIFAR-10, test", "", 13.0, None, "section 3.3", "cuda_convnet_13pct"),
    Result(
        "four layers, with normalization",
        "CIFAR-10, test",
        "",
        11.0,
        None,
        "section 3.3",
        "cuda_convnet_11pct",
    ),
)
TRAININGS = {"alexnet": Training("2 GTX 580 of 3 GB", "5 to 6 days", "section 5")}
# He's slides of "Deep residual learning" (2015), and page 44 of lecture 6 of Stanford's CS231n
# (2025), draw the winners of ILSVRC; the first two are shallow there.
SLIDES = "He, slides of 2015"
WINNERS = (
    Winner(2010, "Lin et al.", 28.2, "section 6"),
    Winner(2011, "Sanchez & Perronnin", 25.8, SLIDES),
    Winner(2012, "AlexNet", 16.4, "Table 2", "alexnet"),
)
