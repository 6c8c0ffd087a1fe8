// The geometry of pneumo.augment: one affine map, bilinear sampling, and what stands outside the image.

/**
 * The map from each pixel of the result to the point where its value is read, in units in which the image reaches from
 * -1 to 1: [xx, xy, x0, yx, yy, y0]. As pneumo.augment.transforms._sampling_matrices, without crop and flip.
 * Angles in degrees, shifts in fractions of the side, zooms as factors.
 */
export function samplingMatrix({ rotation, shear, shift_x, shift_y, zoom_x, zoom_y }, height, width) {
  const angle = (rotation * Math.PI) / 180;
  const tangent = Math.tan((shear * Math.PI) / 180);
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const ratio = height / width;
  const [xx, xy] = [(cosine + tangent * sine) / zoom_x, ((tangent * cosine - sine) * ratio) / zoom_x];
  const [yx, yy] = [sine / ratio / zoom_y, cosine / zoom_y];
  return [xx, xy, -2 * (xx * shift_x + xy * shift_y), yx, yy, -2 * (yx * shift_x + yy * shift_y)];
}

/** Grey levels read along a matrix, bilinearly. fill: "nearest", "constant" (black) or "reflect". */
export function sampled(pixels, height, width, [xx, xy, x0, yx, yy, y0], fill) {
  const result = new Float32Array(height * width);
  for (let row = 0; row < height; row += 1) {
    const y = (2 * row + 1) / height - 1;
    for (let column = 0; column < width; column += 1) {
      const x = (2 * column + 1) / width - 1;
      // From -1..1 between the outer edges to the index of a pixel's centre.
      let across = ((xx * x + xy * y + x0 + 1) * width - 1) / 2;
      let down = ((yx * x + yy * y + y0 + 1) * height - 1) / 2;
      if (fill === "nearest") [across, down] = [clamp(across, width), clamp(down, height)];
      if (fill === "reflect") [across, down] = [reflected(across, width), reflected(down, height)];
      result[row * width + column] = bilinear(pixels, height, width, across, down);
    }
  }
  return result;
}

function clamp(place, size) {
  return Math.min(Math.max(place, 0), size - 1);
}

/** Mirrored at the outer edges, -0.5 and size - 0.5, as often as needed. */
function reflected(place, size) {
  const far = Math.abs(place + 0.5) % (2 * size);
  return clamp((far > size ? 2 * size - far : far) - 0.5, size);
}

/** The value between four pixels; pixels outside the image are black. */
function bilinear(pixels, height, width, across, down) {
  const [left, top] = [Math.floor(across), Math.floor(down)];
  const [right, bottom] = [across - left, down - top];
  const level = (row, column) =>
    row >= 0 && row < height && column >= 0 && column < width ? pixels[row * width + column] : 0;
  return (
    (1 - bottom) * ((1 - right) * level(top, left) + right * level(top, left + 1)) +
    bottom * ((1 - right) * level(top + 1, left) + right * level(top + 1, left + 1))
  );
}
