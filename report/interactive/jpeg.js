// The grey levels of a JPEG file, decoded as libjpeg does: to the last bit, and at a half, a quarter or an eighth too.
//
// A browser decodes at full size alone, and its rounding moves a probability by up to 0.004. Sources: ITU-T T.81 for the
// file, libjpeg-turbo's jidctint.c and jidctred.c for the integer arithmetic.

const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35,
  42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];
const SEQUENTIAL = [0xc0, 0xc1];
const PROGRESSIVE = 0xc2;
const OTHER_FRAMES = [0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]; // lossless, hierarchical, arithmetic

/** What a JPEG holds, as far as its header says: { width, height, components }. */
export function jpegSize(bytes) {
  const { frame } = readJpeg(bytes, true);
  return { width: frame.width, height: frame.height, components: frame.components.length };
}

/** Grey levels of a JPEG at 1 / scale of its size, scale one of 1, 2, 4, 8: { pixels, height, width }. */
export function jpegLuma(bytes, scale) {
  const { frame } = readJpeg(bytes, false);
  const { width, height } = frame;
  const { coefficients, table, across } = frame.components[0];
  const side = 8 / scale;
  const [columns, rows] = [Math.ceil(width / scale), Math.ceil(height / scale)];
  const pixels = new Uint8Array(rows * columns);
  const block = new Int32Array(64);
  const transform = { 8: inverse8, 4: inverse4, 2: inverse2, 1: inverse1 }[side];
  for (let down = 0; down * side < rows; down += 1) {
    for (let right = 0; right * side < columns; right += 1) {
      const start = 64 * (down * across + right);
      for (let index = 0; index < 64; index += 1) block[index] = coefficients[start + index] * table[index];
      const levels = transform(block);
      for (let y = 0; y < side && down * side + y < rows; y += 1) {
        for (let x = 0; x < side && right * side + x < columns; x += 1) {
          pixels[(down * side + y) * columns + right * side + x] = Math.min(Math.max(levels[y * side + x] + 128, 0), 255);
        }
      }
    }
  }
  return { pixels, height: rows, width: columns };
}

// The file ------------------------------------------------------------------------------------------------------------

function readJpeg(bytes, headerOnly) {
  const state = { tables: [], dc: [], ac: [], interval: 0, frame: null };
  let at = 2;
  let scans = 0;
  for (;;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at += 1; // filling
    if (bytes[at] !== 0xff) {
      if (at >= bytes.length) throw new Error("the file ends too early");
      at += 1; // left over behind a scan
      continue;
    }
    const marker = bytes[at + 1];
    if (marker === 0xd9) break;
    if (marker === 0 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    const length = (bytes[at + 2] << 8) + bytes[at + 3];
    const segment = bytes.subarray(at + 4, at + 2 + length);
    at += 2 + length;
    if (marker === 0xdb) quantisationTables(segment, state.tables);
    else if (marker === 0xc4) huffmanTables(segment, state);
    else if (marker === 0xdd) state.interval = (segment[0] << 8) + segment[1];
    else if (marker === 0xee && String.fromCharCode(...segment.subarray(0, 5)) === "Adobe") state.adobe = segment[11];
    else if (SEQUENTIAL.includes(marker) || marker === PROGRESSIVE) {
      state.frame = frameOf(segment, marker === PROGRESSIVE);
      if (headerOnly) return state;
    } else if (OTHER_FRAMES.includes(marker)) throw new Error("its kind of compression is not read here");
    else if (marker === 0xda) {
      at = decodeScan(bytes, at, segment, state);
      scans += 1;
    }
  }
  if (!scans) throw new Error("the file holds no image");
  if (state.frame.components.length === 3 && state.adobe === 0) throw new Error("its colours are not read here");
  for (const component of state.frame.components) component.table = state.tables[component.tableNumber];
  return state;
}

function quantisationTables(segment, tables) {
  for (let at = 0; at < segment.length; ) {
    const [wide, number] = [segment[at] >> 4, segment[at] & 15];
    const table = new Int32Array(64);
    at += 1;
    for (const place of ZIGZAG) {
      table[place] = wide ? (segment[at] << 8) + segment[at + 1] : segment[at];
      at += wide ? 2 : 1;
    }
    tables[number] = table;
  }
}

/** Canonical codes: for each length the first code, one more than the last, and where its values begin. */
function huffmanTables(segment, state) {
  for (let at = 0; at < segment.length; ) {
    const kind = segment[at] >> 4 ? state.ac : state.dc;
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const table = { first: [], end: [], start: [], values: segment.slice(at + 17, at + 17 + total) };
    let [code, start] = [0, 0];
    counts.forEach((count, index) => {
      table.first[index + 1] = code;
      table.end[index + 1] = code + count;
      table.start[index + 1] = start;
      code = (code + count) << 1;
      start += count;
    });
    kind[segment[at] & 15] = table;
    at += 17 + total;
  }
}

function frameOf(segment, progressive) {
  const [precision, height, width, count] = [segment[0], (segment[1] << 8) + segment[2], (segment[3] << 8) + segment[4], segment[5]];
  if (precision !== 8) throw new Error(`its ${precision} bits a pixel are not read here`);
  if (count !== 1 && count !== 3) throw new Error(`its ${count} colours are not read here`);
  const components = Array.from({ length: count }, (_, index) => {
    const [id, sampling, tableNumber] = segment.subarray(6 + 3 * index, 9 + 3 * index);
    return { id, h: sampling >> 4, v: sampling & 15, tableNumber };
  });
  const [h, v] = [Math.max(...components.map((each) => each.h)), Math.max(...components.map((each) => each.v))];
  if (components[0].h !== h || components[0].v !== v) throw new Error("its grey levels are smaller than its colours");
  const [units, lines] = [Math.ceil(width / (8 * h)), Math.ceil(height / (8 * v))];
  for (const component of components) {
    component.across = units * component.h;
    component.ownAcross = Math.ceil(Math.ceil((width * component.h) / h) / 8);
    component.ownDown = Math.ceil(Math.ceil((height * component.v) / v) / 8);
    component.coefficients = new Int16Array(64 * component.across * lines * component.v);
  }
  return { width, height, progressive, components, units, lines };
}

// Scans ---------------------------------------------------------------------------------------------------------------

/** Decodes a scan from `at` on; returns where the next marker stands. */
function decodeScan(bytes, at, segment, state) {
  const { frame } = state;
  const count = segment[0];
  const chosen = Array.from({ length: count }, (_, index) => {
    const component = frame.components.find(({ id }) => id === segment[1 + 2 * index]);
    const tables = segment[2 + 2 * index];
    component.dc = state.dc[tables >> 4];
    component.ac = state.ac[tables & 15];
    return component;
  });
  const [first, last, bits] = segment.subarray(1 + 2 * count, 4 + 2 * count);
  const [high, low] = [bits >> 4, bits & 15];
  const reader = bitReader(bytes, at);
  const scan = { first, last, low, reader, run: 0 };
  const step = !frame.progressive ? baseline : first === 0 ? (high ? refineDc : firstDc) : high ? refineAc : firstAc;
  const [alone] = chosen;
  const total = count === 1 ? alone.ownAcross * alone.ownDown : frame.units * frame.lines;
  for (let unit = 0; unit < total; unit += 1) {
    if (unit % (state.interval || total) === 0) {
      if (unit) reader.restart();
      for (const component of chosen) component.previous = 0;
      scan.run = 0;
    }
    if (count === 1) {
      const [down, right] = [Math.floor(unit / alone.ownAcross), unit % alone.ownAcross];
      step(scan, alone, 64 * (down * alone.across + right));
      continue;
    }
    const [down, right] = [Math.floor(unit / frame.units), unit % frame.units];
    for (const component of chosen) {
      for (let y = 0; y < component.v; y += 1) {
        for (let x = 0; x < component.h; x += 1) {
          step(scan, component, 64 * ((down * component.v + y) * component.across + right * component.h + x));
        }
      }
    }
  }
  return reader.end();
}

/** Bits of the data of a scan. Behind a marker there are none but zeros; behind the file's end there is an error. */
function bitReader(bytes, start) {
  let [at, left, current] = [start, 0, 0];
  const bit = () => {
    if (!left) {
      if (at >= bytes.length) throw new Error("the file ends too early");
      current = bytes[at];
      if (current === 0xff && bytes[at + 1] !== 0) current = 0;
      else at += current === 0xff ? 2 : 1;
      left = 8;
    }
    left -= 1;
    return (current >> left) & 1;
  };
  const receive = (length) => {
    let value = 0;
    for (let index = 0; index < length; index += 1) value = (value << 1) | bit();
    return value;
  };
  return {
    bit,
    receive,
    /** A number with a sign, of `length` bits. */
    signed(length) {
      const value = receive(length);
      return length && value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
    },
    symbol({ first, end, start: starts, values }) {
      let code = 0;
      for (let length = 1; length <= 16; length += 1) {
        code = (code << 1) | bit();
        if (code < end[length] && code >= first[length]) return values[starts[length] + code - first[length]];
      }
      throw new Error("its data are damaged");
    },
    restart() {
      left = 0;
      while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] >= 0xd0 && bytes[at + 1] <= 0xd7)) at += 1;
      at += 2;
    },
    end: () => at,
  };
}

function baseline({ reader }, component, start) {
  component.previous += reader.signed(reader.symbol(component.dc));
  component.coefficients[start] = component.previous;
  for (let place = 1; place < 64; place += 1) {
    const symbol = reader.symbol(component.ac);
    const [zeros, length] = [symbol >> 4, symbol & 15];
    if (!length && zeros < 15) return;
    place += zeros;
    if (length) component.coefficients[start + ZIGZAG[place]] = reader.signed(length);
  }
}

function firstDc({ reader, low }, component, start) {
  component.previous += reader.signed(reader.symbol(component.dc));
  component.coefficients[start] = component.previous << low;
}

function refineDc({ reader, low }, component, start) {
  component.coefficients[start] |= reader.bit() << low;
}

function firstAc(scan, component, start) {
  const { reader, first, last, low } = scan;
  if (scan.run > 0) {
    scan.run -= 1;
    return;
  }
  for (let place = first; place <= last; place += 1) {
    const symbol = reader.symbol(component.ac);
    const [zeros, length] = [symbol >> 4, symbol & 15];
    if (!length && zeros < 15) {
      scan.run = (1 << zeros) + reader.receive(zeros) - 1;
      return;
    }
    place += zeros;
    if (length) component.coefficients[start + ZIGZAG[place]] = reader.signed(length) * (1 << low);
  }
}

/** One more bit of the coefficients that are not zero, and those that become so now. */
function refineAc(scan, component, start) {
  const { reader, first, last, low } = scan;
  const { coefficients } = component;
  const unit = 1 << low;
  const refine = (index) => {
    if (reader.bit() && !(coefficients[index] & unit)) coefficients[index] += coefficients[index] > 0 ? unit : -unit;
  };
  let place = first;
  if (!scan.run) {
    for (; place <= last; place += 1) {
      const symbol = reader.symbol(component.ac);
      let zeros = symbol >> 4;
      const value = symbol & 15 ? (reader.bit() ? unit : -unit) : 0;
      if (!value && zeros < 15) {
        scan.run = (1 << zeros) + reader.receive(zeros);
        break;
      }
      for (; place <= last; place += 1) {
        const index = start + ZIGZAG[place];
        if (coefficients[index]) refine(index);
        else if (zeros === 0) break;
        else zeros -= 1;
      }
      if (value && place <= last) coefficients[start + ZIGZAG[place]] = value;
    }
  }
  if (scan.run) {
    for (; place <= last; place += 1) {
      const index = start + ZIGZAG[place];
      if (coefficients[index]) refine(index);
    }
    scan.run -= 1;
  }
}

// The inverse cosine transform in whole numbers -----------------------------------------------------------------------

const work = new Int32Array(64);
const output = new Int32Array(64);

/** x / 2^bits, rounded. */
function descaled(value, bits) {
  return (value + (1 << (bits - 1))) >> bits;
}

/** jpeg_idct_islow: columns, then rows. */
function inverse8(block) {
  for (let column = 0; column < 8; column += 1) inverse8Line(block, work, column, 8, 11);
  for (let row = 0; row < 8; row += 1) inverse8Line(work, output, 8 * row, 1, 18);
  return output;
}

function inverse8Line(from, to, start, stride, bits) {
  const at = (index) => from[start + index * stride];
  let z1 = (at(2) + at(6)) * 4433;
  const [even2, even3] = [z1 - at(6) * 15137, z1 + at(2) * 6270];
  const [even0, even1] = [(at(0) + at(4)) * 8192, (at(0) - at(4)) * 8192];
  const sums = [even0 + even3, even1 + even2, even1 - even2, even0 - even3];
  let [odd0, odd1, odd2, odd3] = [at(7), at(5), at(3), at(1)];
  z1 = odd0 + odd3;
  let [z2, z3, z4] = [odd1 + odd2, odd0 + odd2, odd1 + odd3];
  const z5 = (z3 + z4) * 9633;
  [odd0, odd1, odd2, odd3] = [odd0 * 2446, odd1 * 16819, odd2 * 25172, odd3 * 12299];
  [z1, z2, z3, z4] = [z1 * -7373, z2 * -20995, z3 * -16069 + z5, z4 * -3196 + z5];
  const odds = [odd3 + z1 + z4, odd2 + z2 + z3, odd1 + z2 + z4, odd0 + z1 + z3];
  for (let index = 0; index < 4; index += 1) {
    to[start + index * stride] = descaled(sums[index] + odds[index], bits);
    to[start + (7 - index) * stride] = descaled(sums[index] - odds[index], bits);
  }
}

/** jpeg_idct_4x4: the means of 2 x 2 pixels. */
function inverse4(block) {
  for (const column of [0, 1, 2, 3, 5, 6, 7]) inverse4Line(block, column, 8, work, column, 8, 12);
  for (let row = 0; row < 4; row += 1) inverse4Line(work, 8 * row, 1, output, 4 * row, 1, 19);
  return output;
}

function inverse4Line(from, start, stride, to, target, step, bits) {
  const at = (index) => from[start + index * stride];
  const [even, other] = [at(0) * 16384, at(2) * 15137 - at(6) * 6270];
  const inner = at(7) * -1730 + at(5) * 11893 - at(3) * 17799 + at(1) * 8697;
  const outer = at(7) * -4176 - at(5) * 4926 + at(3) * 7373 + at(1) * 20995;
  to[target] = descaled(even + other + outer, bits);
  to[target + 3 * step] = descaled(even + other - outer, bits);
  to[target + step] = descaled(even - other + inner, bits);
  to[target + 2 * step] = descaled(even - other - inner, bits);
}

/** jpeg_idct_2x2: the means of 4 x 4 pixels. */
function inverse2(block) {
  for (const column of [0, 1, 3, 5, 7]) inverse2Line(block, column, 8, work, column, 8, 13);
  for (let row = 0; row < 2; row += 1) inverse2Line(work, 8 * row, 1, output, 2 * row, 1, 20);
  return output;
}

function inverse2Line(from, start, stride, to, target, step, bits) {
  const at = (index) => from[start + index * stride];
  const even = at(0) * 32768;
  const odd = at(7) * -5906 + at(5) * 6967 - at(3) * 10426 + at(1) * 29692;
  to[target] = descaled(even + odd, bits);
  to[target + step] = descaled(even - odd, bits);
}

/** jpeg_idct_1x1: the mean of the block. */
function inverse1(block) {
  output[0] = descaled(block[0], 3);
  return output;
}
