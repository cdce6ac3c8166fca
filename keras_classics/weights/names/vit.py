"""Names of ViT's weights in the releases."""

import re

import keras

from keras_classics import activations
from keras_classics.activations import gelu_tanh
from keras_classics.layers import ClassToken, PatchEmbedding, TransformerEncoderBlock
from keras_classics.weights.conventions import (
    Convention,
    Family,
    flax,
    in_models,
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
TIMM_LAYERS = templates(
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
HYBRID = "patch_embed.backbone."


def TIMM(ours):
    """The names of timm. A hybrid's root is a part of its ResNet, or alone."""
    root = HYBRID if "conv2_1_conv1" not in ours else f"{HYBRID}stem."

    def block(s, b):
        return f"{HYBRID}stages.{s - 2}.blocks.{b - 1}"

    hybrid = templates(
        {
            "conv_root": f"{root}conv",
            "conv_root_gn": f"{root}norm",
            "conv{s}_{b}_conv{c}": lambda s, b, c: f"{block(s, b)}.conv{c}",
            "conv{s}_{b}_conv{c}_gn": lambda s, b, c: f"{block(s, b)}.norm{c}",
            "conv{s}_{b}_shortcut": lambda s, b: f"{block(s, b)}.downsample.conv",
            "conv{s}_{b}_shortcut_gn": lambda s, b: f"{block(s, b)}.downsample.norm",
        }
    )
    return TIMM_LAYERS(ours) | hybrid(ours)


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


def _transformers(i, module):
    return f"encoder.layer.{i - 1}.{module}"


TRANSFORMERS = templates(
    {
        "patch_embedding": "embeddings.patch_embeddings.projection",
        "class_token": "embeddings.cls_token",
        "position_embedding": "embeddings.position_embeddings",
        "encoder_block_{i}/norm1": lambda i: _transformers(i, "layernorm_before"),
        "encoder_block_{i}/attention/qkv": lambda i: tuple(
            _transformers(i, f"attention.attention.{part}") for part in ("query", "key", "value")
        ),
        "encoder_block_{i}/attention/out": lambda i: _transformers(i, "attention.output.dense"),
        "encoder_block_{i}/norm2": lambda i: _transformers(i, "layernorm_after"),
        "encoder_block_{i}/mlp1": lambda i: _transformers(i, "intermediate.dense"),
        "encoder_block_{i}/mlp2": lambda i: _transformers(i, "output.dense"),
        "encoder_norm": "layernorm",
        "pre_logits": "pooler.dense",
        "predictions": "classifier",
    }
)
# Of its version 5, `state_dict()` has newer names; `save_pretrained` writes the older ones.
TRANSFORMERS_NEW = {
    r"(^|\.)layers\.(\d+)\.": r"\1encoder.layer.\2.",
    r"\.attention\.q_proj\.": ".attention.attention.query.",
    r"\.attention\.k_proj\.": ".attention.attention.key.",
    r"\.attention\.v_proj\.": ".attention.attention.value.",
    r"\.attention\.o_proj\.": ".attention.output.dense.",
    r"\.mlp\.fc1\.": ".intermediate.dense.",
    r"\.mlp\.fc2\.": ".output.dense.",
}


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


def token_first(names):
    """Layers in the order of KerasHub, whose embedding has the class token before the patches."""
    return sorted(names, key=lambda name: name != "vit_patching_and_embedding")


def differs(activation, title, token=True):
    """The function `differs` of a library: by the form of GELU, which no file shows.

    Args:
        activation: The function that the library's blocks compute.
        title: Its name in the message.
        token: Whether all networks of the library have a class token.
    """

    def why(model, file):
        if not any(layer.name == "position_embedding" for layer in model.layers):
            return 'it has position embeddings: build the network with positions="1d"'
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
    if distilled(file):
        return DISTILLED
    if file is None and any(layer.name == "pre_logits" for layer in model.layers):
        return "it has no hidden layer in its head: build it with representation_size=None"
    names = file.arrays if file else ()
    if any(re.search(r"(^|[./])fc_norm\.", name) for name in names):
        return (
            "it normalizes the mean of the patches (global_pool='avg', as MAE is fine-tuned), and "
            "the paper's network each of them, before the mean"
        )
    here = any(isinstance(layer, ClassToken) for layer in model.layers)
    if not here and any(name.endswith("cls_token") for name in names):
        return 'it has a class token: build it without pooling="avg"'
    return differs(keras.activations.gelu, "gelu", token=False)(model, file)


def differs_from_torchvision(model, file):
    """The reason why a model is none of torchvision's, which are for square images."""
    grid = next(layer for layer in model.layers if isinstance(layer, PatchEmbedding)).grid
    if file is None and grid[0] != grid[1]:
        return "it has as many patches to the side as down"
    return with_exact_gelu(model, file)


def distilled(file):
    """Whether a file is of DeiT's distilled form, with a second token and a second head."""
    return file is not None and any(re.search(r"dist(illation)?_token$", k) for k in file.arrays)


DISTILLED = (
    "it has a distillation token beside the class token (DeiT's distilled form), which the paper's "
    "network has not: take the weights of DeiT that were trained without distillation"
)
# What transformers calls the forms of an activation otherwise.
FORMS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "swish": "silu"}


def differs_from_transformers(model, file):
    """The reason why a model is none of transformers'; a config.json beside the file says more."""
    if distilled(file):
        return DISTILLED
    if file is None and any(layer.name == "pre_logits" for layer in model.layers):
        return "it has no hidden layer in its head: build it with representation_size=None"
    config = file.config if file else {}
    form = config.get("hidden_act", "gelu")
    form = FORMS.get(str(form), form)
    try:
        activation = activations.get(form)
    except (TypeError, ValueError):
        return f"its activation is {form!r}, which is not known here"
    blocks = [la for la in model.layers if isinstance(la, TransformerEncoderBlock)]
    heads = config.get("num_attention_heads", blocks[0].num_heads)
    if heads != blocks[0].num_heads:
        return f"its attention has {heads} heads, and {blocks[0].num_heads} here"
    return differs(activation, form)(model, file)


def other_epsilon(default):
    """The function `warns` of a library, whose files do not say what its normalization adds."""

    def warns(model, file):
        config = file.config if file else {}
        theirs = config.get("layer_norm_eps", default)  # transformers
        if isinstance(config.get("config"), dict):  # KerasHub
            theirs = config["config"].get("layer_norm_epsilon", theirs)
        ours = model.get_layer("encoder_norm").epsilon
        if theirs == ours:
            return None
        return (
            f"the library adds {theirs} to the variances of layer normalization, and this network "
            f"{ours}: for the library's very numbers, build it with epsilon={theirs}"
        )

    return warns


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
        "transformers": Convention(
            torch,
            TRANSFORMERS,
            differs=differs_from_transformers,
            warns=other_epsilon(1e-12),
            body="vit.",
            renamed=TRANSFORMERS_NEW,
            saved=TORCH_FILES,
        ),
        "kerashub": Convention(
            keras_files,
            KERASHUB,
            differs=with_exact_gelu,
            warns=other_epsilon(1e-6),
            saved=(".h5",),
            ordered=token_first,
            packed=in_models("vi_t_backbone", ("predictions",), apart=True),
        ),
    },
    decides=lambda network: ("activation", "positions", "positions_at"),
    top=("pre_logits",),
    resized=("position_embedding",),
)
