"""What all recipes have in common: their tables, names and refusals."""

import dataclasses
import importlib
import json

import numpy as np
import pytest

from keras_classics import checks, names, training
from keras_classics.training import engine
from tests.training import tiny

RECIPES = [*training.RECIPES.values(), tiny.Tiny()]
ids = [*training.RECIPES, "tiny"]


@pytest.mark.parametrize("recipe", RECIPES, ids=ids)
def test_a_recipe_is_a_table(recipe):
    assert isinstance(recipe, training.Recipe)
    rows, above = tiny.rows(recipe)
    assert max(map(len, str(recipe).splitlines())) <= 100
    assert list(rows) == [each.name for each in dataclasses.fields(recipe)]
    text = " ".join(above)
    assert text.startswith(f"{recipe.network}: {type(recipe).__doc__.splitlines()[0]}")
    assert text.endswith(f"Update rule: {recipe.rule_in_words}")
    assert len(recipe.rule_in_words) > 10
    assert "changed" not in str(recipe)
    assert all(meaning for _, _, meaning in rows.values())
    assert rows["epochs"][0] == str(recipe.epochs)


@pytest.mark.parametrize("recipe", RECIPES, ids=ids)
def test_a_table_says_what_was_changed(recipe):
    rows, _ = tiny.rows(dataclasses.replace(recipe, epochs=7, network=recipe.network + "x"))
    epochs = recipe.usual(next(f for f in dataclasses.fields(recipe) if f.name == "epochs"))
    assert rows["epochs"][:2] == ("7", f"changed from {epochs}")
    assert sum("changed" in source for _, source, _ in rows.values()) == 1


def test_sources_of_recipes():
    rows, _ = tiny.rows(training.recipe("alexnet"))
    assert rows["learning_rate"][:2] == ("0.01", "section 5")
    assert rows["image_size"][1] == "section 4.1"
    assert rows["patience"][1] == "the paper is silent"
    rows, _ = tiny.rows(training.recipe("lenet5"))
    rates = "0.000125 x2, 5e-05 x3, 2.5e-05 x3, 1.25e-05 x4, 2.5e-06 x8"
    assert rows["learning_rates"][:2] == (rates, "a quarter of section III.B's")
    rows, _ = tiny.rows(dataclasses.replace(training.recipe("resnet"), no_decay=("bias",)))
    assert rows["no_decay"][:2] == ("bias", "changed from none")


@pytest.mark.parametrize("recipe", RECIPES[:-1], ids=ids[:-1])
def test_each_field_has_a_meaning_and_a_type_of_a_flag(recipe):
    for field in dataclasses.fields(recipe):
        assert field.name in engine.WORDS
        assert engine.help_of(field)
        assert engine.element_type(field.type) in (bool, int, float, str)


def test_each_word_is_of_a_field():
    fields = {field.name for recipe in RECIPES for field in dataclasses.fields(recipe)}
    assert set(engine.WORDS) == fields - tiny.own_words()
    assert tiny.own_words() == {"sides"}


def test_cite():
    @dataclasses.dataclass(frozen=True)
    class Mine(training.Recipe):
        noise: float = training.cite(0.5, "by hand", help="deviation of the noise")

    (field,) = [each for each in dataclasses.fields(Mine) if each.name == "noise"]
    assert (field.default, field.metadata["source"]) == (0.5, "by hand")
    assert engine.help_of(field) == "deviation of the noise"
    assert tiny.rows(Mine())[0]["noise"] == ("0.5", "by hand", "deviation of the noise")
    assert Mine(noise=1).noise == 1


def test_types_of_elements():
    found = [engine.element_type(kind) for kind in (int, str | None, tuple[float, ...], bool)]
    assert found == [int, str, float, bool]


def test_lists_become_tuples():
    """As JSON has them."""
    recipe = dataclasses.replace(training.recipe("lenet5"), learning_rates=[1e-3, 1e-4])
    assert recipe.learning_rates == (1e-3, 1e-4)
    assert hash(recipe)


def test_numbers_become_those_of_their_fields():
    """Whatever made them: integers for floats, NumPy's numbers, lists and arrays."""
    lenet, vgg = training.recipe("lenet5"), training.recipe("vgg")
    for recipe, name, given, expected in [
        (vgg, "learning_rate", 1, 1.0),
        (vgg, "batch_size", np.int64(8), 8),
        (vgg, "batch_size", 8.0, 8),
        (vgg, "color", np.bool_(False), False),
        (vgg, "short_side", np.array([256, 512]), (256, 512)),
        (vgg, "no_decay", ["bias"], ("bias",)),
        (lenet, "mu", np.float64(0.02), 0.02),
        (lenet, "paper", np.float32(-0.5), -0.5),
        (lenet, "learning_rates", [1, np.float64(0.5)], (1.0, 0.5)),
        (training.recipe("vit_finetune"), "start", None, None),
    ]:
        found = getattr(dataclasses.replace(recipe, **{name: given}), name)
        assert (found, type(found)) == (expected, type(expected))
        if isinstance(found, tuple):
            assert [type(each) for each in found] == [type(each) for each in expected]


def test_numbers_of_a_recipe_of_ones_own():
    @dataclasses.dataclass(frozen=True)
    class Mine(training.Recipe):
        rate: float | None = training.cite(None)
        either: int | str = training.cite("all")
        several: tuple[int, str] = training.cite((1, "a"))
        unknown: "Elsewhere" = training.cite(np.float64(2))  # noqa: F821, RUF009

    mine = Mine(several=[np.int64(2), "b"], batch_size=np.int64(4))
    assert (mine.rate, mine.either, mine.several, mine.unknown) == (None, "all", (2, "b"), 2.0)
    assert json.dumps(dataclasses.asdict(mine))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"batch_size": 8.5},
            "`batch_size` must be a whole number, at least 1. Received: batch_size=8.5",
        ),
        ({"color": 2}, "`color` must be True or False. Received: color=2"),
        (
            {"momentum": "0.9"},
            "`momentum` must be a number from 0 to below 1. Received: momentum='0.9'",
        ),
        (
            {"short_side": (256, 0.5)},
            r"`short_side` must be one side or.* Received: short_side=\(256, 0.5\)",
        ),
    ],
)
def test_numbers_that_do_not_fit_their_fields(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(training.recipe("vgg"), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "`epochs` must be a whole number, at least 1. Received: epochs=0"),
        (
            {"batch_size": -1},
            "`batch_size` must be a whole number, at least 1. Received: batch_size=-1",
        ),
    ],
)
def test_recipes_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny.Tiny(**changes)


NAN, INF = float("nan"), float("inf")
ODD = {
    bool: (2, NAN, "yes", None, (True,)),
    int: (1.5, NAN, INF, -INF, "1", None, (1,), -(10**9)),
    float: (NAN, INF, -INF, 10**400, "1", (1.0,), True),
    str: (1, NAN, ("a",)),
    tuple: ((NAN,), (None,), ((1,),), "a", 1, None, {}),
}
ANY_SIGN = {"paper", "ink", "head_bias", "bias_start"}


@pytest.mark.parametrize("recipe", RECIPES[:-1], ids=ids[:-1])
def test_each_field_refuses_what_it_cannot_be(recipe):
    """In one form of message, when the recipe is made."""
    for field in dataclasses.fields(recipe):
        is_tuple = str(field.type).startswith("tuple")
        kind = tuple if is_tuple else engine.element_type(field.type)
        below = () if field.name in ANY_SIGN or kind not in (int, float) else (-2,)
        for value in (*ODD[kind], *below):
            with pytest.raises(
                ValueError, match=rf"`{field.name}` must be .* Received: {field.name}="
            ):
                dataclasses.replace(recipe, **{field.name: value})


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("alexnet", "factor", 0.0),
        ("alexnet", "factor", 1.5),
        ("alexnet", "momentum", 1.0),
        ("resnet_cifar", "drops_at", (200, 100)),
        ("resnet_cifar", "drops_at", (0,)),
        ("cuda_convnet", "last_epochs", (0,)),
        ("cuda_convnet", "bias_rate", 0.0),
        ("cuda_convnet", "weight_decays", (-0.1,)),
        ("lenet5", "learning_rates", ()),
        ("lenet5", "learning_rates", (1e-3, -1e-3)),
        ("lenet5", "mu", 0.0),
        ("vgg", "short_side", (512, 256)),
        ("vgg", "short_side", ()),
        ("vit", "randaugment", (0, 15)),
        ("vit", "smallest_area", 0.0),
        ("vit", "dropout", 1.0),
        ("vit", "erasing", 1.1),
    ],
)
def test_ends_of_ranges(name, field, value):
    with pytest.raises(ValueError, match=f"`{field}` must be .* Received: {field}="):
        dataclasses.replace(training.recipe(name), **{field: value})


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("lenet5", {"box": 33}, "`box` must fit into the image.*box=33, image_size=32"),
        ("lenet5", {"ink": -0.1}, "`paper` and `ink` must differ.*paper=-0.1, ink=-0.1"),
        ("resnet_cifar", {"slow_steps": 32_000}, "`slow_steps` must end before.*drops_at="),
        (
            "cuda_convnet",
            {"epochs": 2, "last_epochs": (2,)},
            r"`last_epochs`.*fewer than `epochs`.*\(2,\), epochs=2",
        ),
        ("cuda_convnet", {"weight_decays": (1,)}, "for each of conv1, conv2, conv3, fc64, fc10"),
        ("resnet110_cifar", {"drops_at": (300,)}, r"`slow_steps` must end.*-1 \(400 steps\)"),
    ],
)
def test_fields_that_do_not_go_together(name, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(training.recipe(name), **changes)


def test_a_field_of_ones_own_has_the_rule_of_its_type_or_its_own():
    @dataclasses.dataclass(frozen=True)
    class Mine(training.Recipe):
        noise: float = training.cite(0.5, range=checks.number(above=0))
        momentum: str = training.cite("none", range=checks.TEXT)
        names: tuple[str, ...] = training.cite(())
        count: int | None = training.cite(None)

    assert Mine(momentum="some", names=["a"], count=-3).names == ("a",)
    for changes in ({"noise": 0}, {"momentum": 1}, {"names": (1,)}, {"count": 0.5}):
        with pytest.raises(ValueError, match=f"`{next(iter(changes))}` must be"):
            Mine(**changes)


def test_choices(monkeypatch):
    monkeypatch.setattr(tiny.Tiny, "choices", {"learning_rate": (0.1, 0.2)})
    with pytest.raises(ValueError, match=r"`learning_rate` must be 0.1 or 0.2. Received: lear"):
        tiny.Tiny(learning_rate=0.3)


def test_recipes_of_the_index():
    assert set(training.RECIPES) == set(names.RECIPES)
    for name, (paper, cls) in names.RECIPES.items():
        home = importlib.import_module(f"keras_classics.training.recipes.{paper}")
        assert type(training.RECIPES[name]) is getattr(home, cls)
        assert training.recipe(name) == training.RECIPES[name]
        training.recipe(name).named()  # there is such a network


@pytest.mark.parametrize(
    ("name", "recipe", "network"),
    [
        ("ResNet-50", "resnet", "resnet50"),
        ("vgg_d", "vgg", "vgg16"),
        ("VGG19", "vgg", "vgg19"),
        ("ViT-B/16", "vit", "vit_b16"),
        ("plain34", "resnet", "plain34"),
        ("plain20_cifar", "resnet_cifar", "plain20_cifar"),
        ("resnet8_cifar", "resnet_cifar", "resnet8_cifar"),
        ("resnet_cifar", "resnet_cifar", "resnet20_cifar"),
        ("CudaConvNet-11pct", "cuda_convnet", "cuda_convnet_11pct"),
        ("LeNet5", "lenet5", "lenet5"),
    ],
)
def test_recipes_by_their_names(name, recipe, network):
    found = training.recipe(name)
    assert found == dataclasses.replace(training.RECIPES[recipe], network=network)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet5O", "There is no network or recipe 'resnet5O'. Did you mean resnet50"),
        ("mine", "There is no recipe for mine; there are lecun1989"),
    ],
)
def test_names_without_a_recipe(name, message, monkeypatch):
    if name == "mine":
        monkeypatch.setattr(names, "find", lambda name: names.Network(name, "", "", {}, None))
    with pytest.raises(ValueError, match=message):
        training.recipe(name)


def test_the_hooks_of_a_recipe_of_ones_own(colours):
    class Mine(training.Recipe):
        image_size = 8

    recipe, data = Mine(network="mine"), colours()
    assert list(recipe.splits(data)) == ["train", "test"]
    assert recipe.refusal("faces", 3, None) is None
    assert "mine trains on images of 3 channels" in recipe.refusal("digits", 1, 28)
    assert (recipe.layers(True), recipe.device_layers(0), recipe.mix((0, 0))) == ([], [], None)
    assert (recipe.callbacks("val_accuracy", None, 0), recipe.loss_weights) == ([], None)
    assert (recipe.metrics(), recipe.accuracy) == (["accuracy"], "accuracy")
    assert recipe.reader("network", []) == ([], "network")
    with pytest.raises(NotImplementedError):
        recipe.update_rule(10, None)
    with pytest.raises(ValueError, match="There is no network 'mine'.*builder="):
        recipe.build(input_shape=(32, 32, 3), classes=2)
    assert tiny.Tiny().protocol() == "the image of 8x8"
