"""The published files, library by library: addresses, checksums, licences, errors.

Those in the package have a JSON file beside each, which `tools/train_weights.py` writes.

The checksum of PyTorch's files is the beginning of their sha256, from their names. Those of
Caffe's VGG and ResNet and of ViT are not their publishers', who give none, but such as other
projects note. Errors are on ImageNet's validation set (of CIFAR-10 on its test set), in %.

This module is plain data, and needs no Keras.
"""

import json

from keras_classics import names
from keras_classics.weights.card import OWN, TRAINED, Card

VGG_MEAN = (123.68, 116.779, 103.939)  # R, G, B
PYTORCH = {
    "mean": (123.675, 116.28, 103.53),
    "std": (58.395, 57.12, 57.375),
    "convention": "torchvision",
}
HALF = {"mean": 127.5, "std": 127.5}  # from -1 to 1
TIMM = HALF | {"convention": "torchvision", "interpolation": "bicubic"}
# Of torchvision, by the name of the network.
ANOTHER = {
    "alexnet": (
        'torchvision\'s alexnet is the network of "One weird trick" (Krizhevsky, 2014), and not '
        "the paper's: 64, 192, 384, 256 and 256 maps in one tower, without local response "
        "normalization"
    ),
    "googlenet": (
        "torchvision's googlenet is not the paper's: it has batch normalization, no local "
        "response normalization, and kernels of 3x3 where the paper has 5x5"
    ),
}


def _trained():
    """keras_classics: trained by this library's own recipes, and part of the package."""
    for path in sorted(TRAINED.glob("*.json"), key=lambda path: path.stem):
        card = json.loads(path.read_text("utf-8"))
        lists = {key: tuple(card[key]) for key in ("aliases", "labels")}
        yield Card(
            name=f"{OWN}/{path.stem}", library=OWN, url=f"{path.stem}.safetensors", **card | lists
        )


def _keras():
    """keras.applications: the networks of the papers' authors, converted."""
    site = "https://storage.googleapis.com/tensorflow/keras-applications"
    rows = [
        ("vgg16", "CC BY 4.0", 28.732, 9.950,
         "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
        ("vgg19", "CC BY 4.0", 28.744, 10.012,
         "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
        ("resnet50", "MIT", 25.072, 7.940,
         "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
        ("resnet101", "MIT", 23.580, 7.214,
         "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
        ("resnet152", "MIT", 23.396, 6.882,
         "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    ]  # fmt: skip
    for name, licence, top1, top5, *sums in rows:
        folder = name if name.startswith("vgg") else "resnet"
        for end, checksum in zip(("", "_notop"), sums, strict=True):
            yield Card(
                name=f"keras/{name}{end}",
                network=name,
                arguments={"include_top": False} if end else {},
                library="keras",
                url=f"{site}/{folder}/{name}_weights_tf_dim_ordering_tf_kernels{end}.h5",
                checksum=f"md5:{checksum}",
                licence=licence,
                top1=None if end else top1,
                top5=None if end else top5,
                protocol="the center crop of 224 of the image rescaled to 256, bicubic",
                source="https://keras.io/api/applications",
                prepare={
                    "resize": 256,
                    "crop": 224,
                    "mean": VGG_MEAN,
                    "interpolation": "bicubic",
                },
                aliases=("imagenet",),
            )


def _caffe():
    """Caffe: its own trainings of AlexNet and GoogLeNet, the authors' VGG and ResNet."""
    berkeley, oxford = "http://dl.caffe.berkeleyvision.org", "http://www.robots.ox.ac.uk/~vgg"
    mxnet = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/caffe/models/resnet"
    zoo = "https://github.com/BVLC/caffe/tree/master/models"
    caffe = {"convention": "caffe"}
    squashed = {"resize": (256, 256), "antialias": False}
    center = "the center crop of {} of the image squashed to 256x256"
    crop = "the center crop of 224 of the image rescaled to 256"
    rows = [
        ("bvlc_alexnet", "alexnet", caffe | {"input_shape": (227, 227, 3)}, berkeley,
         "9116a64c0fbe4459d18f4bb6b56d647b63920377",
         "unrestricted", 42.9, 19.8, center.format(227), f"{zoo}/bvlc_alexnet",
         squashed | {"crop": 227, "mean": (122.679, 116.669, 104.007)}, ("imagenet",), None),
        ("bvlc_reference_caffenet", "alexnet", {}, berkeley,
         "4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46", "unrestricted", 42.6, 19.6,
         center.format(227), f"{zoo}/bvlc_reference_caffenet",
         squashed | {"crop": 227, "mean": (122.679, 116.669, 104.007)}, (),
         "CaffeNet pools before it normalizes, and AlexNet after it"),
        ("bvlc_googlenet", "googlenet", caffe, berkeley,
         "405fc5acd08a3bb12de8ee5e23a96bec22f08204", "unrestricted", 31.3, 11.1,
         center.format(224), f"{zoo}/bvlc_googlenet",
         squashed | {"crop": 224, "mean": (123.0, 117.0, 104.0)}, ("imagenet",), None),
        ("VGG_ILSVRC_16_layers", "vgg16", {},
         f"{oxford}/software/very_deep/caffe", "9363e1f6d65f7dba68c4f27a1e62105cdf6c4e24",
         "CC BY 4.0", 28.5, 9.9, crop, f"{oxford}/research/very_deep",
         {"resize": 256, "crop": 224, "mean": VGG_MEAN}, ("imagenet",), None),
        ("VGG_ILSVRC_19_layers", "vgg19", {},
         f"{oxford}/software/very_deep/caffe", "239785e7862442717d831f682bb824055e51e9ba",
         "CC BY 4.0", None, 8.0, "the whole image rescaled to 384, and its scores averaged",
         f"{oxford}/research/very_deep", {"resize": 256, "crop": 224, "mean": VGG_MEAN},
         ("imagenet",), None),
        *(
            (f"ResNet-{depth}-model", f"resnet{depth}", caffe, mxnet, checksum,
             "MIT", top1, top5, crop, "https://github.com/KaimingHe/deep-residual-networks",
             {"resize": 256, "crop": 224, "mean": VGG_MEAN}, ("imagenet",), None)
            for depth, checksum, top1, top5 in [
                (50, "b7c79ccc21ad0479cddc0dd78b1d20c4d722908d", 24.7, 7.8),
                (101, "1dbf5f493926bb9b6b3363b12d5133c0f8b78904", 23.6, 7.1),
                (152, "251edb93604ac8268c7fd2227a0f15144310e1aa", 23.0, 6.7),
            ]
        ),
    ]  # fmt: skip
    for (
        name,
        network,
        arguments,
        site,
        checksum,
        licence,
        *errors,
        source,
        prepare,
        short,
        no,
    ) in rows:
        top1, top5, protocol = errors
        yield Card(
            name=f"caffe/{name}",
            network=network,
            arguments=arguments,
            library="caffe",
            url=f"{site}/{name}.caffemodel",
            checksum=f"sha1:{checksum}",
            licence=licence,
            top1=top1,
            top5=top5,
            protocol=protocol,
            source=source,
            prepare=prepare,
            aliases=short,
            refused=no,
        )


def _torchvision():
    """torchvision: its own trainings."""
    v15, exact = {"stride_in": "3x3"}, {"activation": "gelu"}
    rows = [
        ("alexnet-owt-7be5be79", "alexnet", {}, 56.522, 79.066, 256, 224),
        ("vgg11-8a719046", "vgg11", {}, 69.020, 88.628, 256, 224),
        ("vgg13-19584684", "vgg13", {}, 69.928, 89.246, 256, 224),
        ("vgg16-397923af", "vgg16", {}, 71.592, 90.382, 256, 224),
        ("vgg19-dcbb9e9d", "vgg19", {}, 72.376, 90.876, 256, 224),
        ("googlenet-1378be20", "googlenet", {}, 69.778, 89.530, 256, 224),
        ("resnet18-f37072fd", "resnet18", {}, 69.758, 89.078, 256, 224),
        ("resnet34-b627a593", "resnet34", {}, 73.314, 91.420, 256, 224),
        ("resnet50-0676ba61", "resnet50", v15, 76.130, 92.862, 256, 224),
        ("resnet50-11ad3fa6", "resnet50", v15, 80.858, 95.434, 232, 224),
        ("resnet101-63fe2227", "resnet101", v15, 77.374, 93.546, 256, 224),
        ("resnet101-cd907fc2", "resnet101", v15, 81.886, 95.780, 232, 224),
        ("resnet152-394f9c45", "resnet152", v15, 78.312, 94.046, 256, 224),
        ("resnet152-f82ba261", "resnet152", v15, 82.284, 96.002, 232, 224),
        ("vit_b_16-c867db91", "vit_b16", exact, 81.072, 95.318, 256, 224),
        ("vit_b_32-d86f8d99", "vit_b32", exact, 75.912, 92.466, 256, 224),
        ("vit_l_16-852ce7e3", "vit_l16", exact, 79.662, 94.638, 242, 224),
        ("vit_l_32-c7638314", "vit_l32", exact, 76.972, 93.070, 256, 224),
        ("vit_b_16_swag-9ac1b537", "vit_b16", exact, 85.304, 97.650, 384, 384),
        ("vit_l_16_swag-4f3808c9", "vit_l16", exact, 88.064, 98.512, 512, 512),
        ("vit_h_14_swag-80465313", "vit_h14", exact, 88.552, 98.694, 518, 518),
    ]  # fmt: skip
    for name, network, arguments, top1, top5, resize, crop in rows:
        swag, refused = "swag" in name, ANOTHER.get(network)
        arguments = arguments | _side(crop)
        yield Card(
            name=f"torchvision/{name}",
            network=network,
            arguments=arguments,
            library="torchvision",
            url=f"https://download.pytorch.org/models/{name}.pth",
            checksum=f"sha256:{name.rpartition('-')[2]}",
            licence="CC BY-NC 4.0" if swag else "BSD-3-Clause",
            top1=round(100 - top1, 3),
            top5=round(100 - top5, 3),
            protocol=f"the center crop of {crop} of the image rescaled to {resize}",
            source="https://docs.pytorch.org/vision/stable/models.html",
            prepare={
                "resize": resize,
                "crop": crop,
                **PYTORCH,
                "interpolation": "bicubic" if swag else "bilinear",
            },
            aliases=() if refused or swag else ("imagenet",),
            refused=refused,
        )


def _side(side):
    """The argument for square images that are not of the builder's 224x224."""
    return {} if side == 224 else {"input_shape": (side, side, 3)}


def _vision_transformer():
    """vision_transformer: the paper's weights, and AugReg's (Steiner et al., 2022)."""
    site = "https://storage.googleapis.com/vit_models"
    apache = {
        "library": "vision_transformer",
        "licence": "Apache-2.0",
        "source": "https://github.com/google-research/vision_transformer",
    }
    squashed = {"antialias": False} | HALF
    sums = {
        "imagenet21k/ViT-B_16": "ac7478131e1b77e5c2f0225849730bd19ee89cfffe600c2dfd2272b34a50a43d",
        "imagenet21k/R50+ViT-B_16": (
            "ff009bf39bb4f9198b834cfe46aba2bfdaf730e933ab3e3c4b1edf4226eaafbe"
        ),
        "imagenet21k+imagenet2012/ViT-B_16": (
            "19d3f569702e80c3a19101c8a3bde16b34f0c475ce565e999cb96068a580fdbf"
        ),
        "imagenet21k+imagenet2012/ViT-B_32": (
            "6eaaba92f89151ee74c1f11c5bbf69ce6a63eec3fa6a6156ec2828f44182d632"
        ),
        "imagenet21k+imagenet2012/R50+ViT-B_16": (
            "18adb878c7c0da23221f5816cc6be9e2ff55a1c428469d6e79e564a62ccbbcd1"
        ),
    }
    widths = {"B": 768, "L": 1024, "H": 1280}
    for name in ("ViT-B_16", "ViT-B_32", "ViT-L_16", "ViT-L_32", "ViT-H_14", "R50+ViT-B_16"):
        name = f"imagenet21k/{name}"
        variant = name.rpartition("/")[2].replace("ViT-", "").replace("_", "/")
        hidden = {"representation_size": widths[variant.rpartition("+")[2][0]]}
        yield Card(
            name=f"vision_transformer/{name}",
            network=names.find(f"vit_{variant}").name,
            url=f"{site}/{name}.npz",
            checksum=f"sha256:{sums[name]}" if name in sums else None,
            top1=None,
            top5=None,
            protocol="none: the output was published with all its weights at 0",
            prepare={"resize": (224, 224), "crop": 224, **squashed},
            aliases=("imagenet21k",),
            classes=21843,
            top=hidden,
            headless=True,
            **apache,
        )
    fine_tuned = [
        ("ViT-B_16", 384, 15.788, 2.790),
        ("ViT-B_16-224", 224, 18.218, 3.878),
        ("ViT-B_32", 384, None, None),
        ("ViT-L_16", 384, None, None),
        ("ViT-L_16-224", 224, None, None),
        ("ViT-L_32", 384, 18.492, 3.914),
        ("R50+ViT-B_16", 384, 15.012, 2.704),
    ]
    for name, side, top1, top5 in fine_tuned:
        name = f"imagenet21k+imagenet2012/{name}"
        variant = name.rpartition("/")[2].replace("ViT-", "").removesuffix("-224").replace("_", "/")
        yield Card(
            name=f"vision_transformer/{name}",
            network=names.find(f"vit_{variant}").name,
            arguments=_side(side),
            url=f"{site}/{name}.npz",
            checksum=f"sha256:{sums[name]}" if name in sums else None,
            top1=top1,
            top5=top5,
            protocol="timm's: the center crop of the image rescaled to 248 or 384, bicubic",
            prepare={"resize": (side, side), "crop": side, **squashed},
            aliases=("imagenet",),
            **apache,
        )
    # Pre-training, fine-tuning (of 20,000 steps), and the errors at 224 and 384, by timm.
    augreg = [
        ("Ti/16", "Ti_16-i21k-300ep-lr_0.001-aug_none-wd_0.03-do_0.0-sd_0.0",
         {224: ("0.03", 75.452, 92.858), 384: ("0.03", 78.438, 94.542)}),
        ("S/32", "S_32-i21k-300ep-lr_0.001-aug_light1-wd_0.03-do_0.0-sd_0.0",
         {224: ("0.03", 76.010, 93.266), 384: ("0.03", 80.476, 95.594)}),
        ("S/16", "S_16-i21k-300ep-lr_0.001-aug_light1-wd_0.03-do_0.0-sd_0.0",
         {224: ("0.03", 81.402, 96.150), 384: ("0.03", 83.814, 97.106)}),
        ("B/32", "B_32-i21k-300ep-lr_0.001-aug_medium1-wd_0.03-do_0.0-sd_0.0",
         {224: ("0.03", 80.732, 95.574)}),
        ("B/16", "B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0",
         {224: ("0.01", 84.534, 97.300), 384: ("0.01", 86.010, 97.998)}),
        ("L/16", "L_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.1-sd_0.1",
         {224: ("0.01", 85.856, 97.822), 384: ("0.01", 87.096, 98.302)}),
    ]  # fmt: skip
    for variant, before, tunings in augreg:
        short = f"vision_transformer/augreg/{variant.replace('/', '_')}"
        yield Card(
            name=f"{short}-21k",
            network=names.find(f"vit_{variant}").name,
            url=f"{site}/augreg/{before}.npz",
            checksum=None,
            top1=None,
            top5=None,
            protocol="none on ImageNet's 1,000 classes",
            prepare={"resize": 248, "crop": 224, **TIMM},
            aliases=("imagenet21k",),
            classes=21843,
            **apache,
        )
        for side, (rate, top1, top5) in tunings.items():
            name = f"{before}--imagenet2012-steps_20k-lr_{rate}-res_{side}"
            resize = 248 if side == 224 else side
            yield Card(
                name=f"{short}-{side}",
                network=names.find(f"vit_{variant}").name,
                arguments=_side(side),
                url=f"{site}/augreg/{name}.npz",
                checksum=None,
                top1=round(100 - top1, 3),
                top5=round(100 - top5, 3),
                protocol=f"timm's: the center crop of {side} of the image rescaled to {resize}, "
                "bicubic, and GELU's exact form",
                prepare={"resize": resize, "crop": side, **TIMM},
                aliases=("imagenet",),
                **apache,
            )


def _timm():
    """timm: the same weights and others as safetensors, which need no PyTorch."""
    v15, exact = {"stride_in": "3x3"}, {"activation": "gelu"}
    rows = [
        ("vgg11.tv_in1k", "vgg11", {}, 69.050, 88.630,
         "682c023808812148d4e60c76d80ad83dbeaf5d50eb1a952a0b836895003151e5"),
        ("vgg16.tv_in1k", "vgg16", {}, 71.594, 90.398,
         "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8"),
        ("vgg19.tv_in1k", "vgg19", {}, 72.400, 90.878,
         "11aea017b543ff59233749d8f1cf544cda749378f5790d2fedab841fb86b7669"),
        ("resnet18.tv_in1k", "resnet18", {}, 69.752, 89.082,
         "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81"),
        ("resnet34.tv_in1k", "resnet34", {}, 73.298, 91.422,
         "0bb82595a564991a9d424708b33f5d843f5aaed7f6c0886ff10849ff97022235"),
        ("resnet50.tv_in1k", "resnet50", v15, 76.156, 92.866,
         "5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888"),
        ("resnet152.tv_in1k", "resnet152", v15, 78.330, 94.046,
         "15897077afdf4d6334dc0c3f8e6fb483afb3faa9298c139f3c6eb29bca6ae5b2"),
        ("vit_tiny_patch16_224.augreg_in21k_ft_in1k", "vit_ti16", exact,
         75.452, 92.858, "fecf81b492bd13ee7a5297cb74d1d417aac8bf7e1b7d96aed89c4691984587ed"),
        ("vit_small_patch16_224.augreg_in21k_ft_in1k", "vit_s16", exact,
         81.402, 96.150, "79c03c635cdfd798a364a9d8c4e5c0b7255b975ea2c9616046d4f77ab01435aa"),
        ("vit_base_patch16_224.augreg_in21k_ft_in1k", "vit_b16", exact,
         84.534, 97.300, "c401d219603ac3e20b6373c7b198c78d3a733f80b755d148bda3bc320ae69800"),
        ("vit_base_patch16_224.orig_in21k_ft_in1k", "vit_b16", exact,
         81.782, 96.122, "669b949ea91fd19217f200cee259780bde32210c1eb9a5af3859f0dd8346b2ec"),
        ("vit_large_patch16_224.augreg_in21k_ft_in1k", "vit_l16", exact,
         85.856, 97.822, "109390825a5bada2864f1b74445a63d29c51ef079c349644bc98996c452f6cf1"),
    ]  # fmt: skip
    for name, network, arguments, top1, top5, checksum in rows:
        resize = 248 if network.startswith("vit") else 256
        yield Card(
            name=f"timm/{name}",
            network=network,
            arguments=arguments,
            library="timm",
            url=f"https://huggingface.co/timm/{name}/resolve/main/model.safetensors",
            checksum=f"sha256:{checksum}",
            licence="Apache-2.0" if network.startswith("vit") else "BSD-3-Clause",
            top1=round(100 - top1, 3),
            top5=round(100 - top5, 3),
            protocol=f"the center crop of 224 of the image rescaled to {resize}, bicubic",
            source=f"https://huggingface.co/timm/{name}",
            prepare={
                "resize": resize,
                "crop": 224,
                **(TIMM if network.startswith("vit") else PYTORCH),
                "interpolation": "bicubic",
            },
            aliases=("imagenet",),
        )


def _akamaster():
    """akamaster: CIFAR-10's networks of the paper, trained on all 50,000 images."""
    rows = [
        ("resnet20-12fca82f", 8.27),
        ("resnet32-d509ac18", 7.37),
        ("resnet44-014dd654", 6.90),
        ("resnet56-4bfd9763", 6.61),
        ("resnet110-1d1ed7c2", 6.32),
        ("resnet1202-f3b1deed", 6.18),
    ]
    site = "raw.githubusercontent.com/akamaster/pytorch_resnet_cifar10/master/pretrained_models"
    for name, error in rows:
        yield Card(
            name=f"akamaster/{name}",
            network=f"{name.partition('-')[0]}_cifar",
            library="akamaster",
            url=f"https://{site}/{name}.th",
            checksum=f"sha256:{name.rpartition('-')[2]}",
            licence="BSD-2-Clause",
            top1=error,
            top5=None,
            protocol="the image itself",
            source="https://github.com/akamaster/pytorch_resnet_cifar10",
            prepare={"resize": 32, "crop": 32, **PYTORCH},
            aliases=("cifar10",),
            classes=10,
        )


# Of several that fit, a short name means the first: what is nearest to the paper.
CARDS = (
    *_trained(),
    *_keras(),
    *_caffe(),
    *_vision_transformer(),
    *_torchvision(),
    *_timm(),
    *_akamaster(),
)
