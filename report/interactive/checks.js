// Warnings for an image that is unlike the training images: pneumo.inference.input_checks.

const TINY = 1e-12;

/** Measures of a thumbnail (size x size, Uint8Array): brightness, contrast, symmetry, chest. mean: the mean thumbnail. */
export function imageStatistics(thumbnail, mean) {
  const size = Math.sqrt(thumbnail.length);
  const flat = Array.from(thumbnail, (level) => level / 255);
  const mirrored = flat.map((_, index) => flat[index - (index % size) + (size - 1 - (index % size))]);
  const brightness = average(flat);
  return {
    brightness,
    contrast: Math.sqrt(average(flat.map((level) => (level - brightness) ** 2))),
    symmetry: correlation(flat, mirrored),
    chest: correlation(flat, mean.flat()),
  };
}

/** What is out of range, in a few words. ranges: [low, high] by measure; words: [below, above] by measure. */
export function warning(measures, ranges, words) {
  return Object.entries(ranges)
    .map(([name, [low, high]]) => (measures[name] < low ? words[name][0] : measures[name] > high ? words[name][1] : ""))
    .filter(Boolean)
    .join("; ");
}

function average(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function correlation(one, other) {
  const [first, second] = [average(one), average(other)];
  const [a, b] = [one.map((value) => value - first), other.map((value) => value - second)];
  const dot = (x, y) => x.reduce((sum, value, index) => sum + value * y[index], 0);
  const size = Math.sqrt(dot(a, a) * dot(b, b));
  return size > TINY ? dot(a, b) / size : 0;
}
