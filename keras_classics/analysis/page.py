"""A page to draw on, measured in inches from its top left corner."""

import functools
import io
import pathlib

import numpy as np

from keras_classics.checks import install

WIDTH, DPI = 10.0, 110
INK, GREY, PALE = "#1a1a1a", "#707070", "#cccccc"


def new_figure(**arguments):
    """A white `matplotlib.figure.Figure`; an `ImportError` says how to install matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f"Pictures are drawn with matplotlib: {install('plots')}") from error
    return _shown(Figure)(facecolor="white", **arguments)


@functools.cache
def _shown(figure):
    """The class of figures that a notebook shows, whether it has imported pyplot or not."""

    class Shown(figure):
        def _repr_png_(self):
            file = io.BytesIO()
            self.savefig(file, format="png", dpi=DPI)
            return file.getvalue()

    return Shown


def new_page(height):
    """Axes over a whole new figure of a height, in inches."""
    page = new_figure().add_axes((0, 0, 1, 1))
    page.set_axis_off()
    page.set(xlim=(0, WIDTH), autoscale_on=False)
    resize(page, height)
    return page


def resize(page, height):
    """Gives a page another height."""
    page.figure.set_size_inches(WIDTH, height)
    page.set_ylim(height, 0)


def panel(page, x, y, width, height):
    """Axes within a page, for curves and bars."""
    tall = page.get_ylim()[0]
    box = (x / WIDTH, 1 - (y + height) / tall, width / WIDTH, height / tall)
    return page.figure.add_axes(box)


def write(page, x, y, text, size=13, ha="left"):
    """Writes a text beside a point, at its height."""
    page.text(x, y, text, fontsize=size, color=INK, ha=ha, va="center")


def show(page, picture, box, scale, colours="gray_r"):
    """Draws a picture into a box `(x, y, width, height)`; grey ones are dark on light."""
    x, y, width, height = box
    right, bottom = x + width, y + height
    page.plot([x, right, right, x, x], [y, y, bottom, bottom, y], color=GREY, linewidth=0.7)
    return page.imshow(
        picture,
        cmap=colours,
        vmin=scale[0],
        vmax=scale[1],
        extent=(x, right, bottom, y),
        aspect="auto",
        interpolation="nearest",
    )


def colour_bar(page, image, x, y, height):
    """Draws the scale of a picture that `show` has drawn."""
    low, high = image.get_clim()
    bar = page.figure.colorbar(image, cax=panel(page, x, y, 0.14, height), ticks=[low, 0, high])
    bar.ax.set_yticklabels([f"{low:.2g}", "0", f"{high:.2g}"])
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=GREY, labelsize=10, length=0)


def style(axes):
    """Gives the axes of a curve their look."""
    axes.tick_params(colors=GREY, labelsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.grid(axis="y", color=PALE, linewidth=0.5)


def light(images):
    """Scales images to 0 (black) to 1 (white)."""
    images = np.asarray(images, "float32")
    low, high = images.min(), images.max()
    return (images - low) / ((high - low) or 1)


def rgb(picture):
    """Gives a grey picture three channels: `show` would draw one channel dark on light."""
    return np.broadcast_to(picture, (*picture.shape[:2], 3))


def save(figures, folder):
    """Writes `{name: figure}` as PNG files into a folder, which is made if it is missing."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        figure.savefig(path, dpi=DPI)
    return paths
