"""Names of ViT's weights in the releases."""

import keras

from keras_classics.activations import gelu_tanh
from keras_classics.layers import ClassToken, PatchEmbedding, TransformerEncoderBlock
from keras_classics.weights.conventions import (
    Convention,
    Family,
    flax,
    keras_files,
    templates,
    torch,
)

SELF = "MultiHeadDotProductAttention"


def released(norm1, attention, norm2, mlp, positions):
    """The function `names` of the authors' releases, where Flax numbers the modules of a block.

    Args:
        norm1, attention, norm2, mlp: Names of these modules.
        positions: Name of the position embeddings.
    """

    def within(i, module):
        return f"Transformer/encoderblock_{i - 1}/{module}"

    return templates(
        {
            "patch_embedding": "embedding",
            "class_token": "cls",
            "position_embedding": positions,
            "encoder_block_{i}/norm1": lambda i: within(i, norm1),
            "encoder_block_{i}/attention/qkv": lambda i: tuple(
                within(i, f"{attention}/{part}") for part in ("query", "key", "value")
            ),
            "encoder_block_{i}/attention/out": lambda i: within(i, f"{attention}/out"),
            "encoder_block_{i}/norm2": lambda i: within(i, norm2),
            "encoder_block_{i}/mlp1": lambda i: within(i, f"{mlp}/Dense_0"),
            "encoder_block_{i}/mlp2": lambda i: within(i, f"{mlp}/Dense_1"),
            "encoder_norm": "Transformer/encoder_norm",
            "pre_logits": "pre_logits",
            "predictions": "head",
            # The hybrids' ResNet.
            "conv_root": "conv_root",
            "conv_root_gn": "gn_root",
            "conv{s}_{b}_conv{c}": lambda s, b, c: f"block{s - 1}/unit{b}/conv{c}",
            "conv{s}_{b}_conv{c}_gn": lambda s, b, c: f"block{s - 1}/unit{b}/gn{c}",
            "conv{s}_{b}_shortcut": lambda s, b: f"block{s - 1}/unit{b}/conv_proj",
            "conv{s}_{b}_shortcut_gn": lambda s, b: f"block{s - 1}/unit{b}/gn_proj",
        }
    )


# Ours, and theirs.
VISION_TRANSFORMER = released(
    "LayerNorm_0",
    f"{SELF}_1",
    "LayerNorm_2",
    "MlpBlock_3",
    "Transformer/posembed_input/pos_embedding",
)
BIG_VISION = released("LayerNorm_0", f"{SELF}_0", "LayerNorm_1", "MlpBlock_0", "pos_embedding")
TIMM = templates(
    {
        "patch_embedding": "patch_embed.proj",
        "class_token": "cls_token",
        "position_embedding": "pos_embed",
        "encoder_block_{i}/norm1": lambda i: f"blocks.{i - 1}.norm1",
        "encoder_block_{i}/attention/qkv": lambda i: f"blocks.{i - 1}.attn.qkv",
        "encoder_block_{i}/attention/out": lambda i: f"blocks.{i - 1}.attn.proj",
        "encoder_block_{i}/norm2": lambda i: f"blocks.{i - 1}.norm2",
        "encoder_block_{i}/mlp1": lambda i: f"blocks.{i - 1}.mlp.fc1",
        "encoder_block_{i}/mlp2": lambda i: f"blocks.{i - 1}.mlp.fc2",
        "encoder_norm": "norm",
        "pre_logits": "pre_logits.fc",
        "predictions": "head",
    }
)


def _torchvision(i, module):
    return f"encoder.layers.encoder_layer_{i - 1}.{module}"


TORCHVISION = templates(
    {
        "patch_embedding": "conv_proj",
        "class_token": "class_token",
        "position_embedding": "encoder.pos_embedding",
        "encoder_block_{i}/norm1": lambda i: _torchvision(i, "ln_1"),
        "encoder_block_{i}/attention/qkv": lambda i: {
            "kernel": _torchvision(i, "self_attention.in_proj_weight"),
            "bias": _torchvision(i, "self_attention.in_proj_bias"),
        },
        "encoder_block_{i}/attention/out": lambda i: _torchvision(i, "self_attention.out_proj"),
        "encoder_block_{i}/norm2": lambda i: _torchvision(i, "ln_2"),
        "encoder_block_{i}/mlp1": lambda i: _torchvision(i, "mlp.0"),
        "encoder_block_{i}/mlp2": lambda i: _torchvision(i, "mlp.3"),
        "encoder_norm": "encoder.ln",
        "pre_logits": "heads.pre_logits",
        "predictions": "heads.head",
    }
)
# The released files have older names.
TORCHVISION_OLD = {r"\.mlp\.linear_1\.": ".mlp.0.", r"\.mlp\.linear_2\.": ".mlp.3."}


def _kerashub(i, module):
    return f"vit_encoder/transformer_block_{i}/{module}"


KERASHUB = templates(
    {
        "patch_embedding": "vit_patching_and_embedding/patch_embedding",
        "class_token": "vit_patching_and_embedding",
        "position_embedding": "vit_patching_and_embedding/position_embedding",
        "encoder_block_{i}/norm1": lambda i: _kerashub(i, "ln_1"),
        "encoder_block_{i}/attention/qkv": lambda i: tuple(
            _kerashub(i, f"mha/{part}") for part in ("query", "key", "value")
        ),
        "encoder_block_{i}/attention/out": lambda i: _kerashub(i, "mha/attention_output"),
        "encoder_block_{i}/norm2": lambda i: _kerashub(i, "ln_2"),
        "encoder_block_{i}/mlp1": lambda i: _kerashub(i, "mlp/dense_1"),
        "encoder_block_{i}/mlp2": lambda i: _kerashub(i, "mlp/dense_2"),
        "encoder_norm": "vit_encoder/ln",
        "predictions": "predictions",
    }
)


def differs(activation, title, token=True):
    """The function `differs` of a library: by the form of GELU, which no file shows.

    Args:
        activation: The function that the library's blocks compute.
        title: Its name in the message.
        token: Whether all networks of the library have a class token.
    """

    def why(model, file):
        blocks = [la for la in model.layers if isinstance(la, TransformerEncoderBlock)]
        if blocks and blocks[0].activation is not activation:
            return (
                f'its activation is "{title}", and another here: build it with activation="{title}"'
            )
        if token and not any(isinstance(layer, ClassToken) for layer in model.layers):
            return 'it has a class token: build it without pooling="avg"'
        return None

    return why


def differs_from_timm(model, file):
    """The reason why a model is none of timm's. Older files can have a hidden layer in the head."""
    if file is None and any(layer.name == "pre_logits" for layer in model.layers):
        return "it has no hidden layer in its head: build it with representation_size=None"
    return with_exact_gelu(model, file)


def differs_from_torchvision(model, file):
    """The reason why a model is none of torchvision's, which are for square images."""
    grid = next(layer for layer in model.layers if isinstance(layer, PatchEmbedding)).grid
    if file is None and grid[0] != grid[1]:
        return "it has as many patches to the side as down"
    return with_exact_gelu(model, file)


with_exact_gelu = differs(keras.activations.gelu, "gelu")
with_tanh_gelu = differs(gelu_tanh, "gelu_tanh", token=False)
NPZ, TORCH_FILES = (".npz", ".safetensors"), (".safetensors", ".npz")

FAMILY = Family(
    {
        "vision_transformer": Convention(
            flax, VISION_TRANSFORMER, differs=with_tanh_gelu, saved=NPZ
        ),
        "big_vision": Convention(flax, BIG_VISION, differs=with_tanh_gelu, saved=NPZ),
        "timm": Convention(torch, TIMM, differs=differs_from_timm, saved=TORCH_FILES),
        "torchvision": Convention(
            torch,
            TORCHVISION,
            differs=differs_from_torchvision,
            renamed=TORCHVISION_OLD,
            saved=TORCH_FILES,
        ),
        "kerashub": Convention(keras_files, KERASHUB, differs=with_exact_gelu),
    },
    decides=lambda network: ("activation",),
    top=("pre_logits",),
    resized=("position_embedding",),
)
