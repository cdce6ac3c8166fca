"""The tables of Dosovitskiy et al., ICLR 2021, and of the papers that added smaller sizes."""

from keras_classics.analysis.tables import PaperRow, Result, Table, Training

# Layers, hidden size D, MLP size and heads, as Dosovitskiy et al., Table 1. Ti and S are those of
# Touvron et al., Table 1, whose MLP is four times as wide as D.
SIZES = {
    "Ti": (12, 192, 768, 3),
    "S": (12, 384, 1536, 6),
    "B": (12, 768, 3072, 12),
    "L": (24, 1024, 4096, 16),
    "H": (32, 1280, 5120, 16),
}
DEIT = "Touvron et al., ICML 2021"
ONE_COUNT = "Table 1 prints one count for both patches, that of "


STEINER = "Steiner et al., TMLR 2022"


def _vit(variant, parameters=None, source="Table 1", note="", paper="", hybrid=(), patch=None):
    """A row of a paper's table of sizes; the encoder is all of its blocks."""
    size, side = variant.rpartition("+")[2].split("/")
    patch = patch or side
    depth, d, mlp_dim, heads = SIZES[size]
    n = (224 // int(patch)) ** 2
    encoder = f"eq. 2 and 3: {depth} layers, MLP {mlp_dim}, {heads} heads"
    rows = (
        *hybrid,
        PaperRow("patch_embedding", (n, d), "eq. 1: HW/P^2 patches"),
        PaperRow("class_token", (n + 1, d), "eq. 1"),
        PaperRow("position_embedding", (n + 1, d), "eq. 1"),
        PaperRow("encoder_block_x", (n + 1, d), encoder),
        PaperRow("encoder_norm", (d,), "eq. 4"),
        PaperRow("predictions", (1000,), "section 3.1"),
        PaperRow("total", None, source, parameters=parameters, note=note),
    )
    return Table(rows, f"ViT-{variant}", paper)


STAGES = (
    PaperRow("conv_root", (112, 112, 64), "section 4.1: ResNet-50"),
    PaperRow("conv2_x", (56, 56, 256), "section 4.1"),
    PaperRow("conv3_x", (28, 28, 512), "section 4.1"),
    PaperRow("conv4_x", (14, 14, 1024), "section 4.1"),
)
STAGE_4 = PaperRow("conv5_x", (7, 7, 2048), "section 4.1: stage 4, which /16 leaves out")
# The sources of the hybrids of Steiner et al. are the release's configurations.
R26 = "models.py: R26, two blocks a stage"
R26_STAGES = (
    PaperRow("conv_root", (112, 112, 64), "models.py: R26"),
    PaperRow("conv2_x", (56, 56, 256), R26),
    PaperRow("conv3_x", (28, 28, 512), R26),
    PaperRow("conv4_x", (14, 14, 1024), R26),
    PaperRow("conv5_x", (7, 7, 2048), R26),
)
ROOT = (
    PaperRow("conv_root", (112, 112, 64), "models.py: R, the root alone"),
    PaperRow("pool_root", (56, 56, 64), "models.py: R"),
)
TABLES = {
    "vit_ti16": _vit("Ti/16", "5M", paper=DEIT),
    "vit_s16": _vit("S/16", "22M", paper=DEIT),
    "vit_s32": _vit("S/32", source="sizes of S/16", paper=STEINER),
    "vit_b16": _vit("B/16", "86M"),
    "vit_b32": _vit("B/32", "86M", note=ONE_COUNT + "B/16"),
    "vit_l16": _vit("L/16", "307M", note=ONE_COUNT + "L/32"),
    "vit_l32": _vit("L/32", "307M"),
    "vit_h14": _vit("H/14", "632M"),
    "vit_r50_b16": _vit("R50+B/16", source="section 4.1", hybrid=STAGES),
    "vit_r50_b32": _vit("R50+B/32", source="section 4.1", hybrid=(*STAGES, STAGE_4)),
    "vit_r26_s32": _vit("R26+S/32", source="sizes of S/16", paper=STEINER, hybrid=R26_STAGES),
    "vit_r_ti16": _vit(
        "R+Ti/16", source="sizes of Ti/16", paper=STEINER, hybrid=ROOT, patch=32
    ),  # patches of 8x8 on maps of 56x56
}

DATA = ("CIFAR-10", "CIFAR-100", "ImageNet", "ImageNet ReaL", "Flowers", "Pets")
# Accuracies of Table 5 by what was pre-trained on; columns as DATA.
TABLE_5 = {
    "ImageNet": {
        "B/16": (98.13, 87.13, 77.91, 83.57, 89.49, 93.81),
        "B/32": (97.77, 86.31, 73.38, 79.56, 85.43, 92.04),
        "L/16": (97.86, 86.35, 76.53, 82.19, 89.66, 93.64),
        "L/32": (97.94, 87.07, 71.16, 77.83, 86.36, 91.35),
    },
    "ImageNet-21k": {
        "B/16": (98.95, 91.67, 83.97, 88.35, 99.38, 94.43),
        "B/32": (98.79, 91.97, 81.28, 86.63, 99.11, 93.02),
        "L/16": (99.16, 93.44, 85.15, 88.40, 99.61, 94.73),
        "L/32": (99.13, 93.04, 80.99, 85.65, 99.19, 93.09),
        "H/14": (99.27, 93.82, 85.13, 88.70, 99.51, 94.82),
    },
    "JFT-300M": {
        "B/16": (99.00, 91.87, 84.15, 88.85, 99.56, 95.80),
        "B/32": (98.61, 90.49, 80.73, 86.27, 99.27, 93.40),
        "L/16": (99.38, 94.04, 87.12, 89.99, 99.56, 97.11),
        "L/32": (99.19, 92.52, 84.37, 88.28, 99.45, 95.83),
        "H/14": (99.50, 94.55, 88.04, 90.33, 99.68, 97.56),
    },
}
# Accuracies of Table 2, and of VTAB with them: ImageNet at 512 pixels, H/14 at 518.
TABLE_2 = {
    ("JFT-300M", "H/14"): (99.50, 94.55, 88.55, 90.72, 99.68, 97.56, 77.63),
    ("JFT-300M", "L/16"): (99.42, 93.90, 87.76, 90.54, 99.74, 97.32, 76.28),
    ("ImageNet-21k", "L/16"): (99.15, 93.25, 85.30, 88.62, 99.61, 94.67, 72.72),
}


def _errors(source, pretrained, variant, accuracies, protocol):
    """The paper prints accuracies."""
    for data, accuracy in zip((*DATA, "VTAB, 19 tasks"), accuracies, strict=False):
        error, network = round(100 - accuracy, 2), f"vit_{variant.lower().replace('/', '')}"
        system = f"ViT-{variant}, pre-trained on {pretrained}"
        yield Result(system, data, protocol, error, None, source, network)


RESULTS = tuple(
    sorted(
        [
            result
            for (pretrained, variant), row in TABLE_2.items()
            for result in _errors("Table 2", pretrained, variant, row, "whole image, mean of three")
        ]
        + [
            result
            for pretrained, columns in TABLE_5.items()
            for variant, row in columns.items()
            for result in _errors("Table 5", pretrained, variant, row, "whole image, 384")
        ],
        key=lambda result: result.data != "ImageNet",
    )
)
TRAININGS = {
    "vit_h14": Training("TPUv3", "2,500 core-days", "Table 2, on JFT-300M"),
    "vit_l16": Training("TPUv3", "680 core-days", "Table 2, on JFT-300M"),
}
