// Resizing as Pillow does it, to the last bit: pneumo.data.decode.resize_to_square with the rule "stretch".

const PRECISION = 22; // bits of a coefficient, as in Pillow's Resample.c

/** Grey levels (height x width, row by row) resized to a size x size square, antialiased and bilinear. Uint8Array. */
export function resizeToSquare(pixels, height, width, size) {
  const across = width === size ? pixels : resized(pixels, height, width, size, false);
  return height === size ? across : resized(across, height, size, size, true);
}

/** One pass over the columns (down = false) or the rows (down = true). */
function resized(pixels, height, width, size, down) {
  const weights = coefficients(down ? height : width, size);
  const [rows, columns] = down ? [size, width] : [height, size];
  const stride = down ? width : 1;
  const result = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const { first, taps } = weights[down ? row : column];
      let at = down ? first * width + column : row * width + first;
      let sum = 1 << (PRECISION - 1);
      for (const tap of taps) {
        sum += pixels[at] * tap;
        at += stride;
      }
      result[row * columns + column] = Math.min(Math.max(sum >> PRECISION, 0), 255);
    }
  }
  return result;
}

/** For each pixel of the result: the first pixel that it covers, and the weights from there on as whole numbers. */
function coefficients(from, to) {
  const scale = from / to;
  const support = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const last = Math.min(Math.trunc(centre + support + 0.5), from);
    const taps = Array.from({ length: last - first }, (_, tap) =>
      Math.max(1 - Math.abs((tap + first - centre + 0.5) / support), 0),
    );
    const total = taps.reduce((sum, tap) => sum + tap, 0);
    return { first, taps: taps.map((tap) => Math.trunc(0.5 + (tap / total) * 2 ** PRECISION)) };
  });
}
