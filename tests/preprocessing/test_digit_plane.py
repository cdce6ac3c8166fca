import numpy as np
import pytest
from PIL import Image

from keras_classics.preprocessing import digit_string, normalize_digit, place_digits, read_ink


def centre_of_mass(ink):
    rows = sum((r + 0.5) * value for (r, _), value in np.ndenumerate(ink)) / ink.sum()
    columns = sum((c + 0.5) * value for (_, c), value in np.ndenumerate(ink)) / ink.sum()
    return rows, columns


def extent(ink, threshold=0.2):
    return [int(np.flatnonzero(ink.max(axis=axis) > threshold).size) for axis in (1, 0)]


@pytest.mark.parametrize("corner", [(0, 0), (0, 31), (27, 0), (27, 31)])
def test_a_bar_in_a_corner_comes_to_the_centre(corner):
    ink = np.zeros((40, 36), "float32")
    ink[corner[0] : corner[0] + 10, corner[1] : corner[1] + 4] = 1
    plane = normalize_digit(ink, box=20, plane=28)
    assert plane.shape == (28, 28)
    assert plane.dtype == np.float32
    assert 0 <= plane.min() <= plane.max() <= 1
    np.testing.assert_allclose(centre_of_mass(plane), (14, 14), atol=0.51)
    assert extent(plane) == [20, 8]


@pytest.mark.parametrize(("height", "width"), [(10, 4), (4, 10), (30, 12), (7, 7), (40, 1)])
@pytest.mark.parametrize(("box", "plane"), [(20, 28), (16, 28), (16, 16)])
def test_fills_the_box_and_keeps_the_aspect_ratio(height, width, box, plane):
    ink = np.zeros((44, 50), "float32")
    ink[2 : 2 + height, 5 : 5 + width] = 1
    result = normalize_digit(ink, box, plane)
    longer = max(height, width)
    assert extent(result) == [
        max(1, round(height * box / longer)),
        max(1, round(width * box / longer)),
    ]
    np.testing.assert_allclose(result.max(), 1, rtol=1e-6)


def test_an_uneven_digit_is_placed_by_its_mass_not_by_its_box():
    """A heavy foot under a thin stem: the foot is drawn up towards the centre."""
    ink = np.zeros((20, 20), "float32")
    ink[:16, 9:11] = 1
    ink[16:] = 1
    plane = normalize_digit(ink, box=20, plane=40)
    mass = centre_of_mass(plane)
    np.testing.assert_allclose(mass, (20, 20), atol=0.51)
    rows = np.flatnonzero(plane.max(axis=1) > 0.2)
    assert (rows[0] + rows[-1] + 1) / 2 < 17


def test_the_box_stays_inside_the_plane():
    """As above with no room: the plane's edge stops it, and no ink is cut off."""
    ink = np.zeros((20, 20), "float32")
    ink[:16, 9:11] = 1
    ink[16:] = 1
    np.testing.assert_allclose(normalize_digit(ink, box=20, plane=20), ink, atol=1e-6)
    assert extent(normalize_digit(ink, box=20, plane=22)) == [20, 20]


def test_the_centre_of_mass_of_mnist_is_in_the_pixel_after_the_middle():
    for power in np.linspace(0, 2, 7):
        ink = np.outer(np.linspace(0.3, 1, 20) ** power, np.linspace(1, 0.3, 17) ** power)
        plane = normalize_digit(ink, box=20, plane=28, centre="mnist")
        assert all(14 <= mass <= 15 for mass in centre_of_mass(plane))
        other = normalize_digit(ink, box=20, plane=28)
        assert all(13.49 < mass < 14.51 for mass in centre_of_mass(other))


def test_a_box_in_the_middle_of_the_plane():
    """A heavy foot would draw the digit out of it."""
    ink = np.zeros((16, 8), "float32")
    ink[:12, 3:5] = 1
    ink[12:] = 1
    result = normalize_digit(ink, box=16, plane=28, centre="box")
    np.testing.assert_allclose(result[6:22, 10:18], ink, atol=1e-6)
    assert normalize_digit(ink, box=16, plane=28)[22:].sum() == 0 != result[20:22].sum()
    with pytest.raises(ValueError, match="`centre` must be"):
        normalize_digit(ink, 16, 28, centre="middle")


def test_how_sums_are_rounded_does_not_move_a_symmetric_digit(monkeypatch):
    """Its centre of mass lies between two pixels, and the plane's in the middle of one."""
    from keras_classics.preprocessing import digit_plane

    ink, exact = np.ones((20, 15), "float32"), digit_plane._centre_of_mass
    expected = normalize_digit(ink, 20, 28)
    for error in (1e-6, -1e-6):
        monkeypatch.setattr(digit_plane, "_centre_of_mass", lambda x, e=error: np.add(exact(x), e))
        np.testing.assert_array_equal(normalize_digit(ink, 20, 28), expected)


def test_pixels_of_a_digit_of_the_boxs_size_are_kept():
    random = np.random.default_rng(0).uniform(0.3, 1, (20, 13)).astype("float32")
    ink = np.pad(random, ((3, 1), (0, 9)))
    result = normalize_digit(ink, box=20, plane=28)
    rows, columns = (np.flatnonzero(result.max(axis=axis) > 0.2) for axis in (1, 0))
    cut = result[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    np.testing.assert_allclose(cut, random, atol=1e-6)


def test_not_mirrored():
    ink = np.zeros((12, 12), "float32")
    ink[:, 2:4] = 1
    ink[8:10, 2:10] = 1  # an L with its foot above the end, to the right
    result = normalize_digit(ink, box=24, plane=30)
    assert 0 <= result.min() <= result.max() <= 1  # bicubic resizing alone overshoots
    rows, columns = (np.flatnonzero(result.max(axis=axis) > 0.2) for axis in (1, 0))
    assert result[rows[0], columns[0]] > 0.5
    assert result[rows[-1], columns[0]] > 0.5
    assert result[rows[0], columns[-1]] < 0.2
    assert result[rows[-1], columns[-1]] < 0.2
    assert result[rows[0] + 17, columns[-1]] > 0.5


@pytest.mark.parametrize("grey", [0.0, 0.1])
def test_an_empty_image_gives_an_empty_plane(grey):
    plane = normalize_digit(np.full((9, 7), grey), box=20, plane=28)
    assert plane.shape == (28, 28)
    assert not plane.any()


def test_equal_boxes_keep_their_pixels():
    images = np.random.default_rng(0).uniform(0, 1, (3, 16, 16, 1)).astype("float32")
    placed = place_digits(images, box=16, plane=28, have_box=16)
    assert placed.shape == (3, 28, 28, 1)
    assert placed.dtype == np.float32
    np.testing.assert_array_equal(placed[:, 6:22, 6:22], images)
    assert np.count_nonzero(placed) == np.count_nonzero(images)
    np.testing.assert_array_equal(place_digits(images, 16, 16, 16), images)


def test_an_odd_border():
    images = np.ones((1, 3, 3, 1), "float32")
    placed = place_digits(images, box=3, plane=6, have_box=3)[0, ..., 0]
    assert placed.sum() == 9
    assert placed[1:4, 1:4].all()


@pytest.mark.parametrize("have_box", [20, None])
@pytest.mark.parametrize("plane", [20, 28, 32])
def test_other_boxes_are_normalised_anew(have_box, plane):
    images = np.random.default_rng(0).uniform(0, 1, (3, 28, 28, 1)).astype("float32")
    images[:, :5] = images[:, -4:] = 0
    placed = place_digits(images, box=16, plane=plane, have_box=have_box)
    assert placed.shape == (3, plane, plane, 1)
    for before, after in zip(images, placed, strict=True):
        np.testing.assert_array_equal(after[..., 0], normalize_digit(before[..., 0], 16, plane))


def test_a_plane_that_is_not_square_is_normalised_anew():
    images = np.zeros((1, 20, 30, 1), "float32")
    images[0, 4:14, 5:10] = 1
    placed = place_digits(images, box=20, plane=32, have_box=20)
    assert placed.shape == (1, 32, 32, 1)
    assert extent(placed[0, ..., 0]) == [20, 10]


INK = np.zeros((9, 12), "uint8")
INK[2:7, 3:5] = 255
INK[3, 6] = 100


def save(path, array, mode=None):
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path)
    return path


@pytest.mark.parametrize("mode", [None, "RGB", "RGBA", "P"])
def test_dark_on_light_and_light_on_dark_give_the_same_ink(tmp_path, mode):
    dark = read_ink(save(tmp_path / "dark.png", 255 - INK, mode))
    light = read_ink(save(tmp_path / "light.png", INK, mode))
    assert dark.shape == (9, 12)
    np.testing.assert_allclose(dark, INK / 255, atol=0.01)
    np.testing.assert_allclose(light, INK / 255, atol=0.01)


def test_ink_is_in_units_of_the_largest_difference(tmp_path):
    faint = read_ink(save(tmp_path / "faint.png", (200 - 0.4 * INK).astype("uint8")))
    np.testing.assert_allclose(faint, INK / 255, atol=0.02)


def test_a_digit_that_touches_the_edge(tmp_path):
    """The background is the edge's median: a stroke over a part of the edge does not turn it."""
    ink = np.zeros((20, 20), "uint8")
    ink[:, 8:11] = 255
    np.testing.assert_array_equal(read_ink(save(tmp_path / "bar.png", 255 - ink)), ink / 255)


def test_a_transparent_background_is_white(tmp_path):
    image = np.zeros((9, 12, 4), "uint8")
    image[..., 3] = INK
    np.testing.assert_allclose(read_ink(save(tmp_path / "clear.png", image)), INK / 255, atol=0.01)


@pytest.mark.parametrize("difference", [0, 15])
def test_a_flat_image_shows_no_digit(tmp_path, difference):
    flat = np.full((8, 8), 120, "uint8")
    flat[4, 4] += difference
    with pytest.raises(ValueError, match=r"flat\.png shows no digit"):
        read_ink(save(tmp_path / "flat.png", flat))


def test_not_an_image(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("no picture")
    with pytest.raises(ValueError, match=r"notes\.png is not an image"):
        read_ink(path)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none\.png\.$"):
        read_ink(tmp_path / "none.png")


def test_a_photograph_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(255 - INK)).save(tmp_path / "turned.png", exif=exif)
    upright = read_ink(save(tmp_path / "dark.png", 255 - INK))
    np.testing.assert_array_equal(read_ink(tmp_path / "turned.png"), upright)


def test_the_box_must_fit():
    with pytest.raises(ValueError, match="Received: box=20 and plane=16"):
        normalize_digit(np.ones((5, 5)), 20, 16)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp"])
def test_a_cut_file_is_named(suffix, tmp_path):
    path = tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), "uint8")
    Image.fromarray(noise).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"cut\.{suffix} (cannot be decoded: .* Take a|is not)"):
        read_ink(path)


def bars(*columns, height=28, width=28):
    """Images with a bar each, from one column to before another, in a row of its own."""
    images = np.zeros((len(columns), height, width, 1), "float32")
    for k, (first, end) in enumerate(columns):
        images[k, 4 + k : 20, first:end] = 0.5 + 0.1 * k
    return images


@pytest.mark.parametrize("gap", [-3, 0, 4])
def test_digits_of_a_string_are_a_gap_apart(gap):
    line = digit_string(bars((3, 9), (10, 14), (20, 25)), gap=gap)[..., 0]
    assert line.shape == (32, 16 + 6 + gap + 4 + gap + 5 + 16)
    expected = np.zeros(line.shape)
    for k, (start, wide) in enumerate([(16, 6), (22 + gap, 4), (26 + 2 * gap, 5)]):
        for row in range(6 + k, 22):
            for column in range(start, start + wide):
                expected[row, column] = max(expected[row, column], 0.5 + 0.1 * k)
    np.testing.assert_allclose(line, expected, rtol=1e-6)


def test_a_long_digit_may_hang_over_the_next():
    assert digit_string(bars((0, 20), (5, 7)), gap=-19).shape == (32, 16 + 20 + 16, 1)
    with pytest.raises(ValueError, match="to the right of the one before. Received: gap=-20"):
        digit_string(bars((0, 20), (5, 7)), gap=-20)


def test_what_is_no_string():
    with pytest.raises(ValueError, match="must show a digit"):
        digit_string(bars((3, 9), (5, 5)))
    with pytest.raises(ValueError, match="`gap` must be a whole number"):
        digit_string(bars((3, 9)), gap=0.5)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((0, 28, 28, 1)), "one at least"),
        (np.ones((2, 28, 28)), r"Received: an array of the shape \(2, 28, 28\)"),
        (np.ones((2, 28, 28, 3)), r"\(n, height, width, 1\)"),
        (np.full((2, 28, 28, 1), 255, "uint8"), "from 0 .* to 1 .*Received: 255 to 255"),
        (np.full((2, 28, 28, 1), -0.1), "Received: -0.1 to -0.1"),
    ],
)
def test_what_is_no_string_of_digits(images, words):
    with pytest.raises(ValueError, match=words):
        digit_string(images)
