"""The tables of Dosovitskiy et al., ICLR 2021, and of the papers that added smaller sizes."""

from keras_classics.analysis.tables import PaperRow, Table

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
