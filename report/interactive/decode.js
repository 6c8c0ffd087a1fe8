// From a JPEG or PNG file to grey levels, as pneumo.data.decode and pneumo.inference.radiograph do it.
//
// JPEG is decoded by jpeg.js, PNG by the browser; what that would do beyond decoding (colours of a profile, turning) is taken
// out of the file first.

import { jpegLuma, jpegSize } from "./jpeg.js";

const COLOUR_SIZE = 64; // COLOUR_CHECK_SIZE of pneumo.inference.radiograph
const MOST_PIXELS = 80_000_000;
const SCALES = [8, 4, 2, 1];
const PNG = [0x89, 0x50, 0x4e, 0x47];
const KEPT_CHUNKS = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);
const ORIENTATION = 0x0112;

/**
 * The radiograph in a file. size: the side that the network reads; a large JPEG is decoded at twice that at least.
 * Returns { pixels (Uint8Array, row by row), height, width, colour }, colour as in `Radiograph`.
 * Throws an Error, in words for the reader, for a file that is neither JPEG nor PNG or cannot be read.
 */
export async function decodeRadiograph(bytes, name, size, resizeToSquare) {
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  const isPng = PNG.every((byte, index) => bytes[index] === byte);
  if (!isJpeg && !isPng) {
    const dicom = String.fromCharCode(...bytes.slice(128, 132)) === "DICM";
    throw new Error(dicom ? `${name} is a DICOM file; pneumo predict reads it, the page does not` : `${name} is no JPEG or PNG image`);
  }
  const { bare, orientation } = isJpeg ? bareJpeg(bytes) : barePng(bytes);
  if (isPng) {
    const deep = bytes[24] === 16 && [0, 4].includes(bytes[25]); // grey in 16 bits, as Pillow's mode "I;16"
    const { planes, height, width } = await rgb(bare, "image/png", name);
    const turned = upright({ pixels: luma(planes), height, width }, orientation);
    return { ...turned, colour: deep ? 0 : colourOf(planes, height, width, 1, resizeToSquare) };
  }
  const { width, height, components } = fromJpeg(name, () => jpegSize(bytes));
  refuseMany(name, height, width);
  const turned = upright(fromJpeg(name, () => jpegLuma(bytes, scaleFor(height, width, 2 * size))), orientation);
  if (components === 1) return { ...turned, colour: 0 };
  const { planes } = await rgb(bare, "image/jpeg", name);
  return { ...turned, colour: colourOf(planes, height, width, scaleFor(height, width, COLOUR_SIZE), resizeToSquare) };
}

/** What a function of jpeg.js returns; its errors with the name of the file. */
function fromJpeg(name, read) {
  try {
    return read();
  } catch (error) {
    throw new Error(`${name} cannot be read: ${error.message}`);
  }
}

function refuseMany(name, height, width) {
  if (width * height > MOST_PIXELS) throw new Error(`${name} has ${width} x ${height} pixels, more than ${MOST_PIXELS}`);
}

/** The largest of 8, 4, 2 and 1 that leaves `least` pixels on each side. */
function scaleFor(height, width, least) {
  const most = Math.min(Math.floor(width / least), Math.floor(height / least));
  return SCALES.find((scale) => scale <= most) ?? 1;
}

/** Red, green and blue of each pixel, transparency over black. */
async function rgb(bytes, type, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes], { type }), { colorSpaceConversion: "none" });
  } catch {
    throw new Error(`${name} is damaged, or this browser cannot read it`);
  }
  const { width, height } = bitmap;
  refuseMany(name, height, width);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "black";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const planes = [0, 1, 2].map((channel) => Uint8Array.from({ length: width * height }, (_, index) => data[4 * index + channel]));
  return { planes, height, width };
}

/** Luma of ITU-R BT.601, rounded as Pillow does. */
function luma([red, green, blue]) {
  return red.map((_, index) => (red[index] * 19595 + green[index] * 38470 + blue[index] * 7471 + 0x8000) >> 16);
}

/** Means of scale x scale squares; at the right and at the bottom those of what is left. */
function averaged(pixels, height, width, scale) {
  if (scale === 1) return { pixels, height, width };
  const [rows, columns] = [Math.ceil(height / scale), Math.ceil(width / scale)];
  const result = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let sum = 0;
      for (let y = row * scale; y < (row + 1) * scale; y += 1) {
        for (let x = column * scale; x < (column + 1) * scale; x += 1) {
          sum += pixels[Math.min(y, height - 1) * width + Math.min(x, width - 1)];
        }
      }
      result[row * columns + column] = Math.round(sum / scale ** 2);
    }
  }
  return { pixels: result, height: rows, width: columns };
}

/** Mean distance of a pixel's strongest from its weakest colour, in [0, 1], at 64 pixels a side. */
function colourOf(planes, height, width, scale, resizeToSquare) {
  const [red, green, blue] = planes;
  if (red.every((level, index) => level === green[index] && level === blue[index])) return 0;
  const small = planes.map((plane) => {
    const { pixels, height: rows, width: columns } = averaged(plane, height, width, scale);
    return resizeToSquare(pixels, rows, columns, COLOUR_SIZE);
  });
  const spread = small[0].reduce((sum, _, index) => {
    const levels = small.map((plane) => plane[index]);
    return sum + Math.max(...levels) - Math.min(...levels);
  }, 0);
  return spread / (255 * COLOUR_SIZE ** 2);
}

// Files ---------------------------------------------------------------------------------------------------------------

/** A JPEG without EXIF and colour profile, and the orientation that its EXIF gave (1: upright). */
function bareJpeg(bytes) {
  const parts = [bytes.slice(0, 2)];
  let orientation = 1;
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    const length = 2 + (bytes[at + 2] << 8) + bytes[at + 3];
    const [marker, segment] = [bytes[at + 1], bytes.slice(at, at + length)];
    if (marker === 0xe1 && text(segment, 4, 4) === "Exif") orientation = exifOrientation(segment.slice(10));
    else if (marker !== 0xe2) parts.push(segment);
    at += length;
  }
  return { bare: joined([...parts, bytes.slice(at)]), orientation };
}

/** A PNG with nothing but its pixels, and the orientation that its EXIF gave. */
function barePng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const parts = [bytes.slice(0, 8)];
  let orientation = 1;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const [length, name] = [view.getUint32(at), text(bytes, at + 4, 4)];
    if (name === "eXIf") orientation = exifOrientation(bytes.slice(at + 8, at + 8 + length));
    if (KEPT_CHUNKS.has(name)) parts.push(bytes.slice(at, at + 12 + length));
    at += 12 + length;
  }
  return { bare: joined(parts), orientation };
}

/** The tag "orientation" of the first directory of TIFF data; 1 where there is none. */
function exifOrientation(tiff) {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const little = text(tiff, 0, 2) === "II";
  try {
    const directory = view.getUint32(4, little);
    for (let entry = 0; entry < view.getUint16(directory, little); entry += 1) {
      const at = directory + 2 + 12 * entry;
      if (view.getUint16(at, little) === ORIENTATION) return view.getUint16(at + 8, little);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // cut off: no orientation
  }
  return 1;
}

function text(bytes, start, length) {
  return String.fromCharCode(...bytes.slice(start, start + length));
}

function joined(parts) {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** An image turned and mirrored as its orientation, 1 to 8, says. */
function upright({ pixels, height, width }, orientation) {
  if (!(orientation > 1 && orientation <= 8)) return { pixels, height, width };
  const turned = orientation > 4;
  const [rows, columns] = turned ? [width, height] : [height, width];
  const right = [2, 3, 7, 8].includes(orientation); // the stored image begins at the right, or at the bottom
  const bottom = [3, 4, 6, 7].includes(orientation);
  const result = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [y, x] = turned ? [column, row] : [row, column];
      result[row * columns + column] = pixels[(bottom ? height - 1 - y : y) * width + (right ? width - 1 - x : x)];
    }
  }
  return { pixels: result, height: rows, width: columns };
}
