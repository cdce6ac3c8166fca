"use strict";

/* The page's program, in six parts: the store of weights, the arithmetic of the layers, the plane
   that a network reads, what one unit computes, drawing, and the page itself. The first four are
   functions of numbers alone, and know no document. Arrays of maps are channels last, as Keras's:
   value (row, column, map) of height x width x maps is at (row * width + column) * maps + map. */

/* ---- The store: whole numbers of steps, byte by byte, deflated, two letters for 13 bits. ---- */

const LETTERS = Array.from({ length: 94 }, (_, k) => String.fromCharCode(33 + k)).filter(
  (letter) => !'"&<'.includes(letter),
);
const BYTES_OF_A_NUMBER = 4;

function decoded(text, length) {
  const value = new Uint8Array(128);
  LETTERS.forEach((letter, k) => {
    value[letter.charCodeAt(0)] = k;
  });
  const codes = new TextEncoder().encode(text);
  const bytes = new Uint8Array(length);
  let held = 0;
  let bits = 0;
  for (let from = 0, to = 0; from < codes.length; from += 2) {
    held = (held << 13) | (value[codes[from]] * 91 + value[codes[from + 1]]);
    for (bits += 13; bits >= 8; bits -= 8) bytes[to++] = held >>> (bits - 8);
    held &= (1 << bits) - 1;
  }
  return bytes;
}

/* Bytes of a known length, piece by piece: a Blob or a Response would go through other processes. */
async function inflated(bytes, length) {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  const written = Promise.all([writer.write(bytes), writer.close()]);
  const reader = stream.readable.getReader();
  const whole = new Uint8Array(length);
  let at = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    whole.set(piece.value, at);
    at += piece.value.length;
  }
  await written;
  return whole;
}

/* The arrays of the index, from the planes of bytes: the lowest bytes of all numbers first. */
function arraysOf(planes, index) {
  const count = planes.length / BYTES_OF_A_NUMBER;
  return index.map(([at, length, exponent]) => {
    const array = new Float32Array(length);
    const step = 2 ** exponent;
    for (let k = 0; k < length; k++) {
      let number = 0;
      for (let plane = BYTES_OF_A_NUMBER - 1; plane >= 0; plane--) {
        number = number * 256 + planes[plane * count + at + k];
      }
      array[k] = (number % 2 ? -(number + 1) / 2 : number / 2) * step;
    }
    return array;
  });
}

/* The content of the page with its arrays in their places, and each map's connections. */
async function unpacked(content, store) {
  const numbers = content.arrays.reduce((sum, [, length]) => sum + length, 0);
  const packed = decoded(store, content.bytes);
  const arrays = arraysOf(await inflated(packed, BYTES_OF_A_NUMBER * numbers), content.arrays);
  for (const network of content.networks) {
    let maps = 1;
    for (const layer of network.layers) {
      for (const name of Object.keys(layer.weights)) {
        layer.weights[name] = arrays[layer.weights[name]];
      }
      if (layer.kind === "convolution") {
        layer.table = Boolean(layer.connections);
        layer.connections ||= Array(layer.shape[2]).fill([...Array(maps).keys()]);
      }
      maps = layer.shape[layer.shape.length - 1];
    }
  }
  const digits = content.digits;
  if (digits) {
    const [rows, columns] = digits.shape;
    const all = arrays[digits.levels];
    digits.images = digits.labels.map((_, k) => ({
      levels: all.slice(k * rows * columns, (k + 1) * rows * columns),
      rows,
      columns,
    }));
  }
  return content;
}

/* ---- The arithmetic: each layer from the output of the one before. ---- */

const ACTIVATIONS = {
  linear: (a) => a,
  relu: (a) => Math.max(a, 0),
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  tanh: Math.tanh,
  scaled_tanh: (a) => 1.7159 * Math.tanh((2 / 3) * a),
};

function activated(sums, name) {
  if (name === "softmax") {
    const largest = Math.max(...sums);
    const powers = Array.from(sums, (a) => Math.exp(a - largest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return Float32Array.from(powers, (power) => power / total);
  }
  return name === "linear" ? sums : sums.map(ACTIVATIONS[name]);
}

function count(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

function convolution(x, shape, layer) {
  const [newHeight, newWidth, filters] = layer.shape;
  const [rows, columns] = layer.size;
  const [down, across] = layer.strides;
  const { kernel, bias } = layer.weights;
  const maps = shape[2];
  const [surrounded, width] = withZeros(x, shape, layer.pads);
  const sums = new Float32Array(count(layer.shape));
  let first = 0; // link of the output map
  for (let filter = 0; filter < filters; filter++) {
    const read = layer.connections[filter];
    for (let i = 0; i < newHeight; i++) {
      for (let j = 0; j < newWidth; j++) {
        let sum = bias ? bias[filter] : 0;
        let weight = first * rows * columns;
        for (let link = 0; link < read.length; link++) {
          for (let p = 0; p < rows; p++) {
            let from = ((i * down + p) * width + j * across) * maps + read[link];
            for (let q = 0; q < columns; q++, from += maps) {
              sum += kernel[weight++] * surrounded[from];
            }
          }
        }
        sums[(i * newWidth + j) * filters + filter] = sum;
      }
    }
    first += read.length;
  }
  return sums;
}

/* The maps of a convolution with its padding, and their width. */
function withZeros(x, [height, width, maps], pads) {
  const [[top, bottom], [left, right]] = pads;
  if (top + bottom + left + right === 0) return [x, width];
  const shape = [height + top + bottom, width + left + right, maps];
  return [border(x, [height, width, maps], { pads, shape, value: 0 }), shape[1]];
}

function subsampling(x, [, width, maps], layer) {
  const [newHeight, newWidth] = layer.shape;
  const [rows, columns] = layer.size;
  const { coefficient, bias } = layer.weights;
  const sums = new Float32Array(count(layer.shape));
  for (let i = 0; i < newHeight; i++) {
    for (let j = 0; j < newWidth; j++) {
      for (let map = 0; map < maps; map++) {
        let sum = 0;
        for (let p = 0; p < rows; p++) {
          for (let q = 0; q < columns; q++) {
            sum += x[((i * rows + p) * width + j * columns + q) * maps + map];
          }
        }
        sums[(i * newWidth + j) * maps + map] = coefficient[map] * sum + bias[map];
      }
    }
  }
  return sums;
}

function border(x, [height, width, maps], layer) {
  const [[top], [left]] = layer.pads;
  const newWidth = layer.shape[1];
  const surrounded = new Float32Array(count(layer.shape)).fill(layer.value);
  for (let row = 0; row < height; row++) {
    const from = row * width * maps;
    const to = ((row + top) * newWidth + left) * maps;
    surrounded.set(x.subarray(from, from + width * maps), to);
  }
  return surrounded;
}

function dense(x, layer) {
  const { kernel, bias } = layer.weights;
  return new Float32Array(layer.shape[0]).map((_, unit) => {
    let sum = bias ? bias[unit] : 0;
    for (let k = 0; k < x.length; k++) sum += kernel[unit * x.length + k] * x[k];
    return sum;
  });
}

function penalties(x, layer) {
  const { code } = layer.weights;
  return new Float32Array(layer.shape[0]).map((_, unit) => {
    let sum = 0;
    for (let k = 0; k < x.length; k++) sum += (x[k] - code[unit * x.length + k]) ** 2;
    return sum;
  });
}

const LAYERS = {
  convolution: (x, shape, layer) => activated(convolution(x, shape, layer), layer.activation),
  subsampling: (x, shape, layer) => activated(subsampling(x, shape, layer), layer.activation),
  bias: (x, shape, layer) =>
    activated(x.map((sum, k) => sum + layer.weights.bias[k]), layer.activation),
  dense: (x, shape, layer) => activated(dense(x, layer), layer.activation),
  rbf: (x, shape, layer) => penalties(x, layer),
  scale: (x, shape, layer) => x.map((value) => layer.scale * value + layer.offset),
  flatten: (x) => x,
  border,
};

/* The outputs of all layers, of a plane of numbers from paper to ink. */
function forward(network, plane) {
  let x = plane;
  let shape = [network.input.plane, network.input.plane, 1];
  return network.layers.map((layer) => {
    x = LAYERS[layer.kind](x, shape, layer);
    shape = layer.shape;
    return x;
  });
}

/* The classes from the best to the worst, by the last layer's scores. */
function ranked(outputs) {
  const scores = outputs[outputs.length - 1];
  return Array.from(scores, (_, k) => k).sort((a, b) => scores[b] - scores[a] || a - b);
}

/* ---- The plane: from grey levels of any size, as keras_classics.preprocessing.DigitInput. ---- */

// A pixel with more belongs to the digit's bounding box; in float32, as what it is compared with.
const INK = Math.fround(0.2);
const FAINT = 16; // grey levels; an image of smaller differences shows no digit
const STEPS = 1024; // of a pixel, in which the centre of mass is counted

/* To the nearest whole number, and halves to the even one, as Python. */
function rounded(number) {
  const floor = Math.floor(number);
  const part = number - floor;
  if (part !== 0.5) return part < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function median(numbers) {
  const sorted = Float32Array.from(numbers).sort();
  const middle = sorted.length / 2;
  return sorted.length % 2
    ? sorted[Math.floor(middle)]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/* Ink from 0 to 1: the difference from the background; null if there is none. */
function inkOf({ levels, rows, columns }) {
  const edge = [];
  for (let c = 0; c < columns; c++) edge.push(levels[c], levels[(rows - 1) * columns + c]);
  for (let r = 0; r < rows; r++) edge.push(levels[r * columns], levels[(r + 1) * columns - 1]);
  const background = median(edge);
  const difference = Float32Array.from(levels, (level) => Math.abs(level - background));
  const largest = difference.reduce((most, each) => Math.max(most, each), 0);
  return largest < FAINT ? null : difference.map((each) => each / largest);
}

/* The first index with ink, and how many there are from it to the last; null without ink. */
function extent(length, hasInk) {
  let first = -1;
  let last = -1;
  for (let k = 0; k < length; k++) {
    if (!hasInk(k)) continue;
    if (first < 0) first = k;
    last = k;
  }
  return first < 0 ? null : [first, last - first + 1];
}

/* Keys's cubic of a = -1/2. */
function cubic(distance) {
  const d = Math.abs(distance);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((2.5 - 0.5 * d) * d - 4) * d + 2 : 0;
}

/* For each of `length` new pixels the first old one that it shows, and the shares of those. */
function shares(side, length) {
  const scale = side / length;
  const reach = Math.max(scale, 1);
  return Array.from({ length }, (_, k) => {
    const centre = (k + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - 2 * reach));
    const last = Math.min(side - 1, Math.floor(centre + 2 * reach));
    const parts = [];
    for (let pixel = first; pixel <= last; pixel++) parts.push(cubic((pixel - centre) / reach));
    const total = parts.reduce((sum, part) => sum + part, 0);
    return [first, parts.map((part) => part / total)];
  });
}

/* A part [top, rows], [left, columns] of an image, resized: first across, then down. */
function resized(image, width, [top, rows], [left, columns], newRows, newColumns) {
  const across = shares(columns, newColumns);
  const narrow = new Float32Array(rows * newColumns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < newColumns; c++) {
      const [first, parts] = across[c];
      const from = (top + r) * width + left + first;
      let sum = 0;
      for (let k = 0; k < parts.length; k++) sum += parts[k] * image[from + k];
      narrow[r * newColumns + c] = sum;
    }
  }
  const result = new Float32Array(newRows * newColumns);
  shares(rows, newRows).forEach(([first, parts], r) => {
    for (let c = 0; c < newColumns; c++) {
      let sum = 0;
      for (let k = 0; k < parts.length; k++) sum += parts[k] * narrow[(first + k) * newColumns + c];
      result[r * newColumns + c] = sum;
    }
  });
  return result;
}

/* Where a side of the digit begins on the plane: its centre of mass is placed. */
function start(profile, { box, plane, centre }) {
  const total = profile.reduce((sum, ink) => sum + ink, 0);
  const mass = profile.reduce((sum, ink, k) => sum + (k + 0.5) * ink, 0) / total;
  const inBox = centre === "box";
  const low = inBox ? Math.floor((plane - box) / 2) : 0;
  const high = inBox ? low + box : plane;
  const middle = inBox ? low + box / 2 : plane / 2 + (centre === "mnist" ? 0.5 : 0);
  const wanted = rounded(middle - rounded(mass * STEPS) / STEPS);
  return Math.min(Math.max(wanted, low), high - profile.length);
}

/* The digit of an image in its box on a plane, from 0 to 1; null if the image shows none. */
function normalized(image, input) {
  const ink = inkOf(image);
  if (!ink) return null;
  const { rows, columns } = image;
  const inRow = (r) => ink.subarray(r * columns, (r + 1) * columns).some((each) => each > INK);
  const inColumn = (c) => {
    for (let r = 0; r < rows; r++) if (ink[r * columns + c] > INK) return true;
    return false;
  };
  const down = extent(rows, inRow);
  const across = extent(columns, inColumn);
  const longest = Math.max(down[1], across[1]);
  const [height, width] = [down[1], across[1]].map((side) =>
    Math.max(1, rounded((side * input.box) / longest)),
  );
  const digit = resized(ink, columns, down, across, height, width).map((each) =>
    Math.min(Math.max(each, 0), 1),
  );
  const byRow = new Array(height).fill(0);
  const byColumn = new Array(width).fill(0);
  digit.forEach((each, k) => {
    byRow[Math.floor(k / width)] += each;
    byColumn[k % width] += each;
  });
  const top = start(byRow, input);
  const left = start(byColumn, input);
  const plane = new Float32Array(input.plane * input.plane);
  for (let r = 0; r < height; r++) {
    plane.set(digit.subarray(r * width, (r + 1) * width), (top + r) * input.plane + left);
  }
  return plane;
}

/* Numbers of the standard normal distribution, the same ones each time. */
function gaussian(length) {
  let seed = 1;
  const even = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let bits = Math.imul(seed ^ (seed >>> 15), seed | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - even()));
    return radius * Math.cos(2 * Math.PI * even());
  });
}

const UNCHANGED = { right: 0, down: 0, turn: 0, noise: 0 };

/* A plane shifted (pixels), turned clockwise about its middle (degrees), and with noise. */
function distorted(plane, side, { right, down, turn, noise }) {
  let result = plane;
  if (right || down || turn) {
    const [cos, sin] = [Math.cos, Math.sin].map((of) => of((turn * Math.PI) / 180));
    const middle = (side - 1) / 2;
    const at = (r, c) => (r < 0 || c < 0 || r >= side || c >= side ? 0 : plane[r * side + c]);
    result = plane.map((_, k) => {
      const y = Math.floor(k / side) - middle - down;
      const x = (k % side) - middle - right;
      const row = middle + cos * y - sin * x;
      const column = middle + sin * y + cos * x;
      const [r, c] = [Math.floor(row), Math.floor(column)];
      const [v, u] = [row - r, column - c];
      return (
        (1 - v) * ((1 - u) * at(r, c) + u * at(r, c + 1)) +
        v * ((1 - u) * at(r + 1, c) + u * at(r + 1, c + 1))
      );
    });
  }
  if (noise) {
    const drawn = gaussian(plane.length);
    result = result.map((each, k) => each + noise * drawn[k]);
  }
  return result;
}

/* What a network reads of an image: its plane, from paper to ink; and whether there is a digit. */
function planeOf(image, input, distortion = UNCHANGED) {
  const digit = normalized(image, input);
  const plane = digit || new Float32Array(input.plane * input.plane);
  const { paper, ink } = input;
  return {
    seen: Boolean(digit),
    plane: distorted(plane, input.plane, distortion).map((each) => paper + (ink - paper) * each),
  };
}

/* Strokes, lists of points from 0 to 1, as an image of grey levels: how near a pixel is to them. */
function rasterized(strokes, side, thickness) {
  const levels = new Float32Array(side * side);
  const radius = (thickness * side) / 2;
  for (const stroke of strokes) {
    stroke.forEach((point, k) => {
      const [x0, y0] = (stroke[k - 1] || point).map((each) => each * side - 0.5);
      const [x1, y1] = point.map((each) => each * side - 0.5);
      const [dx, dy] = [x1 - x0, y1 - y0];
      const length2 = dx * dx + dy * dy;
      const reach = radius + 1;
      const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach));
      const bottom = Math.min(side - 1, Math.floor(Math.max(y0, y1) + reach));
      const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach));
      const right = Math.min(side - 1, Math.floor(Math.max(x0, x1) + reach));
      for (let r = top; r <= bottom; r++) {
        for (let c = left; c <= right; c++) {
          const along = length2 ? ((c - x0) * dx + (r - y0) * dy) / length2 : 0;
          const nearest = Math.min(Math.max(along, 0), 1);
          const far = Math.sqrt((c - x0 - nearest * dx) ** 2 + (r - y0 - nearest * dy) ** 2);
          const ink = Math.min(Math.max(radius + 0.5 - far, 0), 1);
          levels[r * side + c] = Math.max(levels[r * side + c], Math.round(255 * ink));
        }
      }
    });
  }
  return { levels, rows: side, columns: side };
}

/* ---- One unit: its inputs, its weights, and what it makes of them. ---- */

/* The layers that a page shows, with their place in the network; the plane is the first. */
function stagesOf(network) {
  const { plane } = network.input;
  const stages = [{ name: "Input", kind: "input", shape: [plane, plane, 1], index: -1 }];
  network.layers.forEach((layer, index) => {
    if (layer.shown) stages.push({ ...layer, index });
  });
  return stages;
}

/* Rows and columns in which the units of a layer without maps are drawn: F6's 84 as 12 x 7. */
function grid(units) {
  let columns = 1;
  for (let k = 2; k * k <= units; k++) if (units % k === 0) columns = k;
  return [units / columns, columns];
}

/* The maps of a shape as [maps, rows, columns]; a vector is one map. */
function mapsOf(shape) {
  if (shape.length === 1) return [1, ...grid(shape[0])];
  return shape[0] * shape[1] === 1 ? [1, ...grid(shape[2])] : [shape[2], shape[0], shape[1]];
}

/* Which number of a layer's output is at a row and a column of a map. */
function place(shape, map, row, column) {
  const [maps, , columns] = mapsOf(shape);
  return (row * columns + column) * maps + map;
}

/* What the units of a stage read: its convolution, border, and the outputs before. */
function sourceOf(network, plane, outputs, stage) {
  const source = { padding: [0, 0], border: [0, 0, 0, 0], outside: 0 };
  let index = stage.index;
  if (stage.kind === "bias") source.convolution = network.layers[--index];
  else if (stage.kind === "convolution") source.convolution = stage;
  if (source.convolution) source.padding = source.convolution.pads.map(([before]) => before);
  while (index > 0 && ["flatten", "border"].includes(network.layers[index - 1].kind)) {
    const layer = network.layers[--index];
    if (layer.kind === "border") {
      Object.assign(source, { border: layer.pads.flat(), outside: layer.value });
    }
  }
  const before = network.layers[index - 1];
  source.shape = before ? before.shape : [network.input.plane, network.input.plane, 1];
  source.x = before ? outputs[index - 1] : plane;
  return source;
}

/* A window of a map and its weights: beyond the edge there is the border, and beyond that are 0. */
function windowOf({ x, shape, border, outside }, map, top, left, rows, columns, weightAt) {
  const [maps, height, width] = mapsOf(shape);
  const [above, below, before, behind] = border;
  const inputs = [];
  const weights = [];
  for (let p = 0; p < rows; p++) {
    for (let q = 0; q < columns; q++) {
      const [row, column] = [top + p, left + q];
      const inside = row >= 0 && column >= 0 && row < height && column < width;
      const bordered =
        row >= -above && row < height + below && column >= -before && column < width + behind;
      const beyond = bordered ? outside : 0;
      inputs.push(inside ? x[(row * width + column) * maps + map] : beyond);
      weights.push(weightAt(p, q));
    }
  }
  return { map, top, left, rows, columns, inputs, weights };
}

function product({ inputs, weights }) {
  return inputs.reduce((sum, input, k) => sum + input * weights[k], 0);
}

/* How a unit comes about: the windows that it reads, each with its sum, a bias, and the value. */
function explain(network, plane, outputs, stage, { map, row, column }) {
  const source = sourceOf(network, plane, outputs, stage);
  const at = place(stage.shape, map, row, column);
  const value = outputs[stage.index][at];
  let windows = [];
  let bias = 0;
  if (source.convolution) {
    const { connections, size, strides, weights } = source.convolution;
    const filters = source.convolution.shape[2];
    const filter = at % filters;
    const position = Math.floor(at / filters);
    const [i, j] = [Math.floor(position / stage.shape[1]), position % stage.shape[1]];
    const first = connections.slice(0, filter).reduce((sum, read) => sum + read.length, 0);
    const [rows, columns] = size;
    const top = i * strides[0] - source.padding[0] - source.border[0];
    const left = j * strides[1] - source.padding[1] - source.border[2];
    windows = connections[filter].map((from, link) =>
      windowOf(source, from, top, left, rows, columns, (p, q) => {
        return weights.kernel[((first + link) * rows + p) * columns + q];
      }),
    );
    const own = stage.weights.bias;
    bias = own ? own[stage.kind === "bias" ? at : filter] : 0;
  } else if (stage.kind === "subsampling") {
    const [rows, columns] = stage.size;
    const coefficient = stage.weights.coefficient[map];
    const top = row * rows;
    windows = [windowOf(source, map, top, column * columns, rows, columns, () => coefficient)];
    bias = stage.weights.bias[map];
  } else {
    const [maps, height, width] = mapsOf(source.shape);
    const kernel = stage.weights.kernel || stage.weights.code;
    const first = at * source.x.length;
    windows = Array.from({ length: maps }, (_, from) =>
      windowOf(source, from, 0, 0, height, width, (p, q) => {
        return kernel[first + (p * width + q) * maps + from];
      }),
    );
    bias = stage.weights.bias ? stage.weights.bias[at] : 0;
  }
  if (stage.kind === "rbf") {
    windows.forEach((each) => {
      each.sum = each.inputs.reduce((sum, input, k) => sum + (input - each.weights[k]) ** 2, 0);
    });
  } else {
    windows.forEach((each) => {
      each.sum = product(each);
    });
  }
  const sum = windows.reduce((total, each) => total + each.sum, bias);
  return { at, windows, bias, sum, value };
}

/* ---- Drawing: numbers as pictures. ---- */

const AMPLITUDE = 1.7159; // of the squashing function

/* From which value to which the units of a layer go, from the colour of paper to that of ink. */
function rangeOf(stage, values) {
  const ends = {
    scaled_tanh: [-AMPLITUDE, AMPLITUDE],
    tanh: [-1, 1],
    sigmoid: [0, 1],
    softmax: [0, 1],
  };
  if (stage.kind === "rbf") return [0, values.reduce((most, y) => Math.max(most, y), 0)];
  if (ends[stage.activation]) return ends[stage.activation];
  const reach = values.reduce((most, y) => Math.max(most, Math.abs(y)), 0) || 1;
  return [-reach, reach];
}

/* The colours of the style sheet, which depend on light or dark. */
function coloursOf(element) {
  const style = getComputedStyle(element);
  const names = ["paper", "ink", "cold", "warm", "accent"];
  return Object.fromEntries(
    names.map((name) => {
      const hex = style.getPropertyValue(`--${name}`).trim();
      return [name, [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16))];
    }),
  );
}

function mixed(from, to, share) {
  return from.map((channel, k) => Math.round(channel + share * (to[k] - channel)));
}

/* A colour for each value, one of 256 from the colour of `low` to that of `high`. */
function scaleOf(low, high, colourOf) {
  const all = Array.from({ length: 256 }, (_, k) => colourOf(k / 255));
  const factor = 255 / (high - low);
  return (value) => all[Math.min(Math.max(Math.round((value - low) * factor), 0), 255)];
}

/* A colour for a state, white for negative and black for positive; in the dark the reverse. */
function stateColour({ paper, ink }, [low, high]) {
  return scaleOf(low, high, (share) => mixed(paper, ink, share));
}

/* A colour for a weight: blue for negative, red for positive, that of paper for 0. */
function weightColour({ paper, cold, warm }, reach) {
  return scaleOf(-reach, reach, (share) =>
    mixed(paper, share < 0.5 ? cold : warm, Math.abs(2 * share - 1)),
  );
}

/* Paints a canvas of a pixel for each value. `at` says which value is at a pixel. */
function paint(canvas, values, colourOf, at = (k) => k) {
  const context = canvas.getContext("2d", { willReadFrequently: true }); // in memory, not the GPU's
  const image = context.createImageData(canvas.width, canvas.height);
  for (let k = 0; k < canvas.width * canvas.height; k++) {
    const colour = colourOf(values[at(k)]);
    image.data[4 * k] = colour[0];
    image.data[4 * k + 1] = colour[1];
    image.data[4 * k + 2] = colour[2];
    image.data[4 * k + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function shortened(value) {
  const size = Math.abs(value);
  if (size < 0.005) return "0";
  const text = value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
  return text.replace("-", "\u2212");
}

/* An element with attributes, and elements or text in it. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") element.style.cssText = value;
    else if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/* A table of values as a picture, with the numbers in it where there is room. */
function picture(values, rows, columns, colourOf, label, side) {
  const big = side / columns >= 28;
  const box = make("div", {
    class: "picture",
    role: "img",
    "aria-label": label,
    style: `--columns: ${columns}; --rows: ${rows}; --side: ${side}px`,
  });
  if (!big) {
    const canvas = make("canvas", { width: columns, height: rows });
    paint(canvas, values, colourOf);
    box.append(canvas);
    return box;
  }
  box.classList.add("numbered");
  values.forEach((value) => {
    const colour = colourOf(value);
    const light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
    const text = light > 140 ? "#000" : "#fff";
    box.append(make("span", { style: `background: rgb(${colour}); color: ${text}` },
      shortened(value)));
  });
  return box;
}

/* ---- The page. Its state is here, all of it; `update` changes it, `render` shows it. ---- */

const RASTER = 112; // pixels of a side of what is drawn, as the networks' preprocessing takes it
const THICKNESS = 0.08; // of the pen, of a side
const PEN_STEP = 1 / 28; // of the keyboard's pen

const state = {
  content: null,
  network: 0,
  digit: null, // the number of a stored digit, or null for the strokes
  strokes: [],
  distortion: { ...UNCHANGED },
  unit: null, // { stage, map, row, column }
  pinned: false,
  pen: null, // of the keyboard: { x, y, down }
};
let view = null; // the elements of the network that is shown
let reading = null; // what it made of the image
let awaited = false; // a frame, in which it is shown

const byId = (id) => document.getElementById(id);
const networkNow = () => state.content.networks[state.network];

function update(change) {
  Object.assign(state, change);
  if (awaited) return;
  awaited = true;
  requestAnimationFrame(() => {
    awaited = false;
    render();
  });
}

/* What is on the pad, as an image of grey levels. */
function imageNow() {
  if (state.digit !== null) return state.content.digits.images[state.digit];
  return rasterized(state.strokes, RASTER, THICKNESS);
}

/* All that the network makes of what is on the pad. */
function read() {
  const network = networkNow();
  const image = imageNow();
  const { seen, plane } = planeOf(image, network.input, state.distortion);
  const outputs = forward(network, plane);
  return { image, seen, plane, outputs, ranks: ranked(outputs) };
}

function render() {
  if (!view || view.network !== networkNow()) build();
  reading = read();
  const colours = coloursOf(document.documentElement);
  drawPad(colours);
  view.stages.forEach((stage) => drawStage(stage, colours));
  drawAnswer();
  drawSliders();
  drawUnit(colours);
}

/* The elements of a network: a figure for each layer, in the order of the paper's figure. */
function build() {
  const network = networkNow();
  const all = stagesOf(network);
  const last = all.length - 1;
  view = {
    network,
    stages: all.map((stage, k) => (k === last ? outputStage(stage, k) : mapStage(stage, k))),
  };
  byId("legend").after(byId("unit"));
  byId("network").replaceChildren(...view.stages.map((stage) => stage.figure));
  byId("about").textContent = network.about;
  fit();
}

/* Sizes the maps so that the layers fill the width, side by side; on narrow screens the style
   sheet does. */
function fit() {
  const box = byId("network");
  box.style.removeProperty("--p");
  if (getComputedStyle(box).display !== "flex") return;
  const wide = view.stages.reduce((sum, stage) => sum + stage.width, 0);
  const high = view.stages.reduce((most, stage) => Math.max(most, stage.height), 0);
  const room = box.clientWidth - 13 * view.stages.length - 110;
  const p = Math.min(room / wide, Math.max(560, 0.7 * innerHeight) / high, 6);
  box.style.setProperty("--p", `${Math.max(p, 1.9).toFixed(3)}px`);
}

function caption({ name, shape }) {
  const [maps, rows, columns] = mapsOf(shape);
  const units = count(shape);
  const words = maps === 1 && name !== "Input" ? `${units}` : `${maps}@${rows}\u00d7${columns}`;
  const text = name === "Input" ? `${rows}\u00d7${columns}` : words;
  return make("figcaption", {}, make("b", {}, name), make("span", {}, text));
}

function mapStage(stage, number) {
  const [maps, rows, columns] = mapsOf(stage.shape);
  const isVector = maps === 1 && stage.kind !== "input";
  const size = isVector ? 40 : Math.sqrt(28 * columns);
  const across = maps > 8 ? 2 : 1;
  const canvases = [];
  const holders = [];
  const box = make("div", {
    class: "maps",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "layer",
    "aria-label":
      `${stage.name}, ${maps} ${maps === 1 ? "map" : "maps"} of ${rows} by ${columns} units. ` +
      "The arrow keys choose a unit, Page Up and Page Down a map.",
    style: `--size: ${size.toFixed(2)}; --across: ${across}`,
  });
  for (let map = 0; map < maps; map++) {
    const canvas = make("canvas", { width: columns, height: rows });
    const holder = make("div", { class: "map" }, canvas);
    follow(holder, (event) => {
      const frame = canvas.getBoundingClientRect();
      const part = (at, from, length, units) =>
        Math.min(Math.max(Math.floor(((at - from) / length) * units), 0), units - 1);
      const row = part(event.clientY, frame.top, frame.height, rows);
      const column = part(event.clientX, frame.left, frame.width, columns);
      return { stage: number, map, row, column };
    });
    canvases.push(canvas);
    holders.push(holder);
    box.append(holder);
  }
  box.addEventListener("keydown", (event) => moveUnit(event, number, [maps, rows, columns]));
  const figure = make("figure", { class: isVector ? "stage vector" : "stage" });
  figure.append(caption(stage), box);
  const width = across * size + 2 * (across - 1);
  const height = Math.ceil(maps / across) * ((size * rows) / columns + 2);
  return { stage, number, figure, box, canvases, holders, width, height };
}

/* The output units: a row for each class, with the bitmap that stands for it, if there is one. */
function outputStage(stage, number) {
  const network = networkNow();
  const code = stage.weights.code;
  const canvases = [];
  const bars = [];
  const values = [];
  const [, columns] = grid(stage.shape[0]);
  const box = make("div", {
    class: "classes",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "layer",
    "aria-label":
      `${stage.name}, ${network.classes.length} units, one for each class. ` +
      "The arrow keys choose a unit.",
  });
  const holders = network.classes.map((name, k) => {
    const holder = make("div", { class: "class" }, make("b", {}, name));
    if (code) {
      const [rows, wide] = grid(code.length / network.classes.length);
      canvases.push(make("canvas", { width: wide, height: rows }));
      holder.append(canvases[k]);
    }
    bars.push(make("i"));
    values.push(make("output"));
    holder.append(make("span", { class: "bar" }, bars[k]), values[k]);
    const unit = { stage: number, map: 0, row: Math.floor(k / columns), column: k % columns };
    follow(holder, () => unit);
    box.append(holder);
    return holder;
  });
  box.addEventListener("keydown", (event) => moveClass(event, number, network.classes.length));
  const figure = make("figure", { class: "stage output" }, caption(stage), box,
    make("p", { class: "note" }, wordsOf(stage)[1]));
  return { stage, number, figure, box, canvases, holders, bars, values, isOutput: true,
    width: code ? 41 : 32, height: 0 };
}

/* What an output is called, and several. */
function wordsOf(stage) {
  if (stage.kind === "rbf") return ["penalty", "penalties"];
  return stage.activation === "softmax" ? ["probability", "probabilities"] : ["output", "outputs"];
}

/* Chooses the unit under a pointer; a click keeps it. */
function follow(element, unitAt) {
  element.addEventListener("pointermove", (event) => {
    if (!state.pinned && event.pointerType === "mouse") update({ unit: unitAt(event) });
  });
  element.addEventListener("click", (event) => {
    update({ unit: unitAt(event), pinned: !state.pinned || event.detail === 1 && touched(event) });
  });
}

function touched(event) {
  return event.pointerType && event.pointerType !== "mouse";
}

function moveUnit(event, stage, [maps, rows, columns]) {
  const steps = {
    ArrowLeft: [0, 0, -1],
    ArrowRight: [0, 0, 1],
    ArrowUp: [0, -1, 0],
    ArrowDown: [0, 1, 0],
    PageUp: [-1, 0, 0],
    PageDown: [1, 0, 0],
  };
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  const now = state.unit && state.unit.stage === stage ? state.unit : null;
  const [map, row, column] = now
    ? [(now.map + step[0] + maps) % maps, now.row + step[1], now.column + step[2]]
    : [0, Math.floor(rows / 2), Math.floor(columns / 2)];
  const within = (value, length) => Math.min(Math.max(value, 0), length - 1);
  const unit = { stage, map, row: within(row, rows), column: within(column, columns) };
  update({ unit, pinned: true });
}

function moveClass(event, stage, classes) {
  const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const [, columns] = grid(classes);
  const now = state.unit && state.unit.stage === stage ? state.unit : null;
  const k = now
    ? (now.row * columns + now.column + step + classes) % classes
    : reading.ranks[0];
  const unit = { stage, map: 0, row: Math.floor(k / columns), column: k % columns };
  update({ unit, pinned: true });
}

function drawPad(colours) {
  const pad = byId("pad");
  const side = Math.round(pad.clientWidth * (window.devicePixelRatio || 1));
  if (pad.width !== side) pad.width = pad.height = side;
  const context = pad.getContext("2d");
  context.fillStyle = `rgb(${colours.paper})`;
  context.fillRect(0, 0, side, side);
  if (state.digit !== null) {
    const { levels, rows, columns } = imageNow();
    const small = make("canvas", { width: columns, height: rows });
    paint(small, levels, stateColour(colours, [0, 255]));
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, side, side);
  }
  context.strokeStyle = `rgb(${colours.ink})`;
  context.lineWidth = THICKNESS * side;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of state.strokes) {
    context.beginPath();
    context.moveTo(stroke[0][0] * side, stroke[0][1] * side);
    for (const [x, y] of stroke) context.lineTo(x * side, y * side);
    context.stroke();
  }
  if (state.pen) {
    context.beginPath();
    context.arc(state.pen.x * side, state.pen.y * side, 0.05 * side, 0, 2 * Math.PI);
    context.strokeStyle = `rgb(${colours.accent})`;
    context.lineWidth = (state.pen.down ? 0.02 : 0.008) * side;
    context.stroke();
  }
}

function drawStage({ stage, canvases, bars, values, holders, isOutput }, colours) {
  if (stage.kind === "input") {
    const { paper, ink } = networkNow().input;
    paint(canvases[0], reading.plane, stateColour(colours, [paper, ink]));
    return;
  }
  const output = reading.outputs[stage.index];
  const [low, high] = rangeOf(stage, output);
  if (!isOutput) {
    const maps = canvases.length;
    const colour = stateColour(colours, [low, high]);
    canvases.forEach((canvas, map) => paint(canvas, output, colour, (k) => k * maps + map));
    return;
  }
  const zero = Math.max(low, 0);
  const part = (value) => (100 * (value - low)) / (high - low || 1);
  output.forEach((value, k) => {
    const [from, to] = value < zero ? [value, zero] : [zero, value];
    bars[k].style.left = `${part(from)}%`;
    bars[k].style.width = `${Math.max(part(to) - part(from), 0.5)}%`;
    values[k].textContent = shortened(value);
    holders[k].classList.toggle("best", reading.seen && k === reading.ranks[0]);
    holders[k].classList.toggle("second", reading.seen && k === reading.ranks[1]);
  });
  canvases.forEach((canvas, k) => {
    const length = canvas.width * canvas.height;
    const code = stage.weights.code.subarray(k * length, (k + 1) * length);
    paint(canvas, code, stateColour(colours, [-1, 1]));
  });
}

function drawAnswer() {
  const { classes } = networkNow();
  const [first, second] = reading.ranks;
  byId("answer").textContent = reading.seen ? classes[first] : "\u2013";
  const last = view.stages[view.stages.length - 1].stage;
  const output = reading.outputs[last.index];
  const [word] = wordsOf(last);
  byId("runner-up").textContent = reading.seen
    ? `${word} ${shortened(output[first])}\n` +
      `runner-up ${classes[second]}, ${word} ${shortened(output[second])}`
    : "draw a digit";
}

/* Says the answer to a screen reader: when a stroke ends, and not while it is drawn. */
function announce() {
  requestAnimationFrame(() => {
    const { classes } = networkNow();
    const { name } = networkNow();
    const [first, second] = reading.ranks;
    byId("status").textContent = reading.seen
      ? `${name} reads ${classes[first]}, runner-up ${classes[second]}.`
      : "There is no digit on the pad.";
  });
}

function drawUnit(colours) {
  for (const { holders, box } of view.stages) {
    holders.forEach((holder) => {
      holder.classList.remove("unread", "chosen");
      holder.querySelectorAll(".frame").forEach((frame) => frame.remove());
    });
    box.classList.remove("read");
  }
  const panel = byId("unit");
  panel.hidden = !state.unit;
  if (panel.hidden) return;
  const { stage, holders, isOutput, number, figure } = view.stages[state.unit.stage];
  const sideBySide = getComputedStyle(byId("network")).display === "flex";
  const above = sideBySide ? byId("legend") : figure; // near to the finger that tapped
  if (above.nextElementSibling !== panel) above.after(panel);
  const [, rows, columns] = mapsOf(stage.shape);
  const { map, row, column } = state.unit;
  if (isOutput) holders[row * columns + column].classList.add("chosen");
  else frame(holders[map], row, column, 1, 1, rows, columns);
  if (stage.kind === "input") {
    const value = reading.plane[row * columns + column];
    byId("unit-name").textContent = `Input, row ${row}, column ${column}: ${shortened(value)}`;
    byId("formula").textContent = `Paper is ${networkNow().input.paper}, ink ${
      networkNow().input.ink
    }.`;
    byId("windows").replaceChildren();
    byId("table").replaceChildren();
    return;
  }
  const made = explain(networkNow(), reading.plane, reading.outputs, stage, state.unit);
  drawSources(view.stages[number - 1], made);
  const maps = stage.shape.length === 3 && count(stage.shape.slice(0, 2)) > 1;
  const where = maps ? `map ${map}, row ${row}, column ${column}` : `unit ${made.at}`;
  const named = isOutput ? networkNow().classes[made.at] : where;
  byId("unit-name").textContent = `${stage.name}, ${named}: ${shortened(made.value)}`;
  byId("formula").textContent = formula(stage, made);
  const few = made.windows.length <= 6 && made.windows[0].columns <= 5;
  const side = few ? 33 * made.windows[0].columns : 90;
  const reach = made.windows.flatMap((each) => each.weights).reduce(
    (most, weight) => Math.max(most, Math.abs(weight)), 0) || 1;
  byId("windows").replaceChildren(
    ...made.windows.map((each) => windowCard(stage, each, { side, reach, colours })),
  );
  byId("table").replaceChildren(...connectionTable(stage, map));
}

function frame(holder, top, left, rows, columns, ofRows, ofColumns) {
  const [first, last] = [Math.max(top, 0), Math.min(top + rows, ofRows)];
  const [west, east] = [Math.max(left, 0), Math.min(left + columns, ofColumns)];
  const share = (part, whole) => `${((100 * part) / whole).toFixed(2)}%`;
  holder.append(
    make("span", {
      class: "frame",
      style:
        `top: ${share(first, ofRows)}; height: ${share(last - first, ofRows)}; ` +
        `left: ${share(west, ofColumns)}; width: ${share(east - west, ofColumns)}`,
    }),
  );
}

/* Frames what the unit reads, and fades the maps that it does not. */
function drawSources({ stage, holders, box }, { windows }) {
  const [, rows, columns] = mapsOf(stage.shape);
  const read = new Set(windows.map((each) => each.map));
  box.classList.add("read");
  holders.forEach((holder, map) => holder.classList.toggle("unread", !read.has(map)));
  for (const each of windows) {
    frame(holders[each.map], each.top, each.left, each.rows, each.columns, rows, columns);
  }
}

function formula(stage, { windows, bias, sum, value }) {
  const signed = (x) => (x < 0 ? `\u2212 ${shortened(-x)}` : `+ ${shortened(x)}`);
  if (stage.kind === "rbf") {
    return `y = \u03a3 (x \u2212 w)\u00b2 = ${shortened(value)}: how far the units before are from the bitmap`;
  }
  const squashed = {
    scaled_tanh: "1.7159 tanh(\u2154 a)",
    tanh: "tanh(a)",
    sigmoid: "1 / (1 + exp(\u2212a))",
    relu: "max(a, 0)",
    softmax: "softmax(a)",
    linear: "a",
  }[stage.activation];
  const products = windows.reduce((total, each) => total + each.sum, 0);
  const words =
    stage.kind === "subsampling" ? "coefficient \u00d7 sum of the inputs" : "\u03a3 w x";
  return (
    `a = ${words} + bias = ${shortened(products)} ${signed(bias)} = ${shortened(sum)}; ` +
    `y = ${squashed} = ${shortened(value)}`
  );
}

/* What a unit reads of one map: inputs, weights, and what they add to its sum. */
function windowCard(stage, each, { side, reach, colours }) {
  const before = view.stages[state.unit.stage - 1].stage;
  const inputs =
    before.kind === "input"
      ? [networkNow().input.paper, networkNow().input.ink]
      : rangeOf(before, reading.outputs[before.index]);
  const isCode = stage.kind === "rbf";
  const name = mapsOf(before.shape)[0] > 1 ? `${before.name}, map ${each.map}` : before.name;
  const weights = isCode ? stateColour(colours, [-1, 1]) : weightColour(colours, reach);
  const sum = `${shortened(each.sum)}`;
  const card = make("div", { class: "window", style: `--pictures: ${isCode ? 3 : 2}` });
  const { rows, columns } = each;
  card.append(
    make("p", {}, name),
    picture(each.inputs, rows, columns, stateColour(colours, inputs), `inputs of ${name}`, side),
    picture(each.weights, rows, columns, weights, isCode ? "bitmap" : "weights", side),
  );
  if (isCode) {
    const differences = each.inputs.map((input, k) => input - each.weights[k]);
    const colour = weightColour(colours, 2);
    card.append(picture(differences, rows, columns, colour, "differences", side));
  }
  card.append(make("p", {}, `sum of the ${isCode ? "squared differences" : "products"}: ${sum}`));
  return card;
}

/* The paper's table of which maps read which, where a layer has one. */
function connectionTable(stage, map) {
  const layer = stage.kind === "bias" ? networkNow().layers[stage.index - 1] : stage;
  if (!layer.table) return [];
  const before = view.stages[state.unit.stage - 1].stage;
  const [maps] = mapsOf(before.shape);
  const table = make("table");
  const chosen = (k) => (k === map ? "chosen" : null);
  table.append(
    make("caption", {},
      `Which maps of ${before.name} (rows) each map of ${stage.name} (columns) reads`),
    make("tr", {}, make("td"),
      ...layer.connections.map((_, k) => make("th", { scope: "col", class: chosen(k) }, `${k}`))),
  );
  for (let row = 0; row < maps; row++) {
    table.append(
      make("tr", {}, make("th", { scope: "row" }, `${row}`),
        ...layer.connections.map((read, k) =>
          make("td", { class: chosen(k) }, read.includes(row) ? "\u00d7" : ""))),
    );
  }
  return [table];
}

/* The pad: pen, finger, mouse and keyboard. */
function listenToPad() {
  const pad = byId("pad");
  let pointer = null;
  const point = (event) => {
    const box = pad.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const begin = (at) =>
    update({ strokes: [...(state.digit === null ? state.strokes : []), [at]], digit: null });
  const extend = (points) => {
    const last = state.strokes[state.strokes.length - 1];
    update({ strokes: [...state.strokes.slice(0, -1), [...last, ...points]] });
  };
  pad.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    pad.setPointerCapture(pointer);
    state.pen = null;
    begin(point(event));
  });
  pad.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    extend((all.length ? all : [event]).map(point));
  });
  const end = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    announce();
  };
  pad.addEventListener("pointerup", end);
  pad.addEventListener("pointercancel", end);
  pad.addEventListener("keydown", (event) => {
    const pen = state.pen || { x: 0.5, y: 0.25, down: false };
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === " ") {
      if (!pen.down) begin([pen.x, pen.y]);
      else announce();
      update({ pen: { ...pen, down: !pen.down } });
    } else if (steps[event.key]) {
      const [x, y] = [pen.x, pen.y].map((at, k) =>
        Math.min(Math.max(at + PEN_STEP * steps[event.key][k], 0), 1),
      );
      if (pen.down) extend([[x, y]]);
      update({ pen: { ...pen, x, y } });
    } else {
      return;
    }
    event.preventDefault();
  });
  pad.addEventListener("blur", () => update({ pen: null }));
}

function listenToControls() {
  const { networks, digits } = state.content;
  const choice = byId("choice");
  choice.append(...networks.map(({ name }, k) => make("option", { value: `${k}` }, name)));
  choice.addEventListener("change", () => {
    update({ network: Number(choice.value), unit: null, pinned: false });
    announce();
  });
  byId("clear").addEventListener("click", () => {
    update({ strokes: [], digit: null });
    announce();
  });
  byId("undo").addEventListener("click", () => {
    update({ strokes: state.strokes.slice(0, -1), digit: null });
    announce();
  });
  for (const name of Object.keys(UNCHANGED)) {
    const slider = byId(name);
    slider.addEventListener("input", () => distort({ [name]: Number(slider.value) }));
    slider.addEventListener("change", announce);
  }
  byId("straight").addEventListener("click", () => {
    distort(UNCHANGED);
    announce();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") update({ unit: null, pinned: false });
  });
  if (!digits) {
    byId("digits").hidden = true;
    return;
  }
  byId("digits-about").textContent = `The first ones of the ${digits.part} set of ${digits.about}.`;
  byId("digits-list").append(...digits.labels.map(digitButton));
  drawDigits();
}

/* Paints the digits that can be chosen. */
function drawDigits() {
  const colour = stateColour(coloursOf(document.documentElement), [0, 255]);
  byId("digits-list").querySelectorAll("canvas").forEach((canvas, k) => {
    paint(canvas, state.content.digits.images[k].levels, colour);
  });
}

function digitButton(label, k) {
  const { rows, columns } = state.content.digits.images[k];
  const canvas = make("canvas", { width: columns, height: rows });
  const number = state.content.digits.numbers[k];
  const button = make("button", {
    type: "button",
    "aria-label": `test digit ${label}, image ${number}`,
    title: `${label}, image ${number}`,
  });
  button.append(canvas);
  button.addEventListener("click", () => {
    update({ digit: k, strokes: [] });
    announce();
  });
  return button;
}

function distort(change) {
  update({ distortion: { ...state.distortion, ...change } });
}

function drawSliders() {
  const words = {
    right: (x) => `${shortened(x)} px`,
    down: (x) => `${shortened(x)} px`,
    turn: (x) => `${shortened(x)}\u00b0`,
    noise: (x) => shortened(x),
  };
  for (const [name, value] of Object.entries(state.distortion)) {
    const slider = byId(name);
    slider.value = value;
    const text = words[name](value).replace(/\.00?(?= |\u00b0|$)/, "");
    slider.setAttribute("aria-valuetext", text);
    slider.parentElement.querySelector("output").textContent = text;
  }
}

/* Unpacks what is in the page, and shows the first digit. */
async function begin() {
  const content = JSON.parse(byId("content").textContent);
  state.content = await unpacked(content, byId("store").textContent);
  state.digit = state.content.digits ? 0 : null;
  listenToControls();
  listenToPad();
  render();
  addEventListener("resize", () => {
    fit();
    update({});
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (state.content.digits) drawDigits();
    update({});
  });
  document.body.dataset.ready = "yes";
}

if (typeof document === "object") {
  begin().catch((error) => {
    byId("status").classList.remove("hidden");
    byId("status").textContent = `This browser cannot show the page: ${error.message}`;
  });
}
