"""The table of Szegedy et al., CVPR 2015."""

from keras_classics.analysis.tables import PaperRow, Result, Table, Training, Winner

TABLES = {
    "googlenet": Table(
        (
            PaperRow(
                "conv1",
                (112, 112, 64),
                "Table 1",
                weights="2.7K",
                macs="34M",
                note="7x7x3x64 are 9.2K; 2.7K and 34M are those of a separable 7x7 of multiplier 8",
            ),
            PaperRow("pool1", (56, 56, 64), "Table 1"),
            PaperRow("conv2", (56, 56, 192), "Table 1", weights="112K", macs="360M"),
            PaperRow("pool2", (28, 28, 192), "Table 1"),
            PaperRow("inception_3a", (28, 28, 256), "Table 1", weights="159K", macs="128M"),
            PaperRow("inception_3b", (28, 28, 480), "Table 1", weights="380K", macs="304M"),
            PaperRow("pool3", (14, 14, 480), "Table 1"),
            PaperRow(
                "inception_4a",
                (14, 14, 512),
                "Table 1",
                weights="364K",
                macs="73M",
                note="the widths give 367K, and the ops it prints",
            ),
            PaperRow("inception_4b", (14, 14, 512), "Table 1", weights="437K", macs="88M"),
            PaperRow(
                "inception_4c",
                (14, 14, 512),
                "Table 1",
                weights="463K",
                macs="100M",
                note="the widths give 498K, and the ops it prints",
            ),
            PaperRow(
                "inception_4d",
                (14, 14, 528),
                "Table 1",
                weights="580K",
                macs="119M",
                note="the widths give 591K, and the ops it prints",
            ),
            PaperRow(
                "inception_4e",
                (14, 14, 832),
                "Table 1",
                weights="840K",
                macs="170M",
                note="the widths give 847K, and the ops it prints",
            ),
            PaperRow("pool4", (7, 7, 832), "Table 1"),
            PaperRow(
                "inception_5a",
                (7, 7, 832),
                "Table 1",
                weights="1072K",
                macs="54M",
                note="the widths give 1018K, 51M; 54M are those of a 5x5 reduction to 48, not 32",
            ),
            PaperRow(
                "inception_5b",
                (7, 7, 1024),
                "Table 1",
                weights="1388K",
                macs="71M",
                note="the widths give 1409K, and the ops it prints",
            ),
            PaperRow("avg_pool", (1024,), "Table 1"),
            PaperRow("predictions", (1000,), "Table 1", weights="1000K", macs="1M"),
            PaperRow("total", None, "section 1: the budget", macs="1.5 billion"),
        )
    )
}

VALIDATION = "ILSVRC-2014, validation"
# Number of networks, crops of an image, top-5 error.
TABLE_3 = [
    (1, "1 crop", 10.07),
    (1, "10 crops", 9.15),
    (1, "144 crops", 7.89),
    (7, "1 crop", 8.09),
    (7, "10 crops", 7.62),
    (7, "144 crops", 6.67),
]
RESULTS = (
    *(
        Result(
            f"GoogLeNet, {models} networks" if models > 1 else "GoogLeNet",
            VALIDATION,
            crops,
            None,
            error,
            "Table 3",
            "googlenet",
            models=models,
        )
        for models, crops, error in TABLE_3
    ),
    Result(
        "GoogLeNet, 7 networks",
        "ILSVRC-2014, test",
        "144 crops",
        None,
        6.67,
        "Table 2",
        "googlenet",
        models=7,
        note="the first of 2014",
    ),
    Result("VGG", "ILSVRC-2014, test", "", None, 7.32, "Table 2", note="the second of 2014"),
    Result("MSRA", "ILSVRC-2014, test", "", None, 7.35, "Table 2", note="the third of 2014"),
    Result("Clarifai", "ILSVRC-2013, test", "", None, 11.7, "Table 2", note="the first of 2013"),
    Result("Clarifai, with other data", "ILSVRC-2013, test", "", None, 11.2, "Table 2"),
    Result("SuperVision", "ILSVRC-2012, test", "", None, 16.4, "Table 2", note="the first of 2012"),
    Result("SuperVision, with other data", "ILSVRC-2012, test", "", None, 15.3, "Table 2"),
)
TRAININGS = {
    "googlenet": Training("DistBelief, CPUs alone", "estimate for a few GPUs: a week", "section 6")
}
WINNERS = (
    Winner(2013, "Clarifai", 11.7, "Table 2; the layers: He, slides of 2015", layers=8),
    Winner(2014, "GoogLeNet", 6.67, "Table 2", "googlenet"),
)
