// The shipped model, run by ONNX Runtime: its weights are the model file's own, made 32-bit numbers here.

import { imageStatistics, warning } from "./checks.js";
import { resizeToSquare } from "./resample.js";

/** What a model file's header says: { size, threshold, record, mirrored, mean, ranges, note }, and its tensors. */
export function readModelFile(bytes) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const { __metadata__: metadata, ...entries } = header;
  const experiment = JSON.parse(metadata.experiment);
  const { mean, ranges } = JSON.parse(metadata.familiarity);
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(entries)) {
    tensors[name] = { dtype, shape, bytes: bytes.slice(8 + length + start, 8 + length + end) };
  }
  return {
    size: experiment.data.image_size,
    resize: experiment.data.resize,
    mirrored: Boolean(experiment.model.mirrored),
    threshold: Number(metadata.threshold),
    record: metadata.record,
    note: metadata.note,
    mean,
    ranges,
    tensors,
  };
}

/** The weights as the graph wants them, one after the other; places: [name, first byte, bytes]. As `dequantise`. */
export function unpackedWeights(tensors, places) {
  const [, offset, bytes] = places[places.length - 1];
  const weights = new Float32Array((offset + bytes) / 4);
  for (const [name, start, size] of places) {
    const { dtype, shape, bytes: stored } = tensors[name];
    const target = weights.subarray(start / 4, (start + size) / 4);
    if (dtype === "F32") {
      target.set(new Float32Array(stored.buffer));
      continue;
    }
    if (dtype !== "I16") throw new Error(`the tensor ${name} is ${dtype}`);
    const values = new Int16Array(stored.buffer);
    const scales = new Float32Array(tensors[`${name}.scale`].bytes.buffer);
    const each = values.length / shape[0];
    values.forEach((value, index) => {
      target[index] = value * scales[Math.floor(index / each)];
    });
  }
  return new Uint8Array(weights.buffer);
}

/** Starts the runtime with the values of the script page-model.js; returns a model with predict(radiograph). */
export async function startModel(values) {
  const [file, graph, runtime, wasm] = await Promise.all(
    [values.weights, values.graph, values.runtime, values.wasm].map(unpacked),
  );
  const model = readModelFile(file);
  if (model.resize !== "stretch") throw new Error(`the model wants its images resized by ${model.resize}`);
  const address = URL.createObjectURL(new Blob([runtime], { type: "text/javascript" }));
  const ort = await import(address);
  Object.assign(ort.env.wasm, { wasmBinary: wasm.buffer, numThreads: 1, proxy: false });
  const session = await ort.InferenceSession.create(graph, {
    executionProviders: ["wasm"],
    externalData: [{ path: "weights", data: unpackedWeights(model.tensors, values.places) }],
  });
  delete model.tensors;
  return { ...model, predict: (radiograph, words) => predict(ort, session, model, radiograph, words) };
}

/**
 * What `pneumo predict` says of a radiograph ({ pixels, height, width, colour }): { probability, positive, warning },
 * with the pixels that the network saw and its map, both size x size. words: for the warnings.
 */
async function predict(ort, session, model, { pixels, height, width, colour }, words) {
  const { size, mirrored } = model;
  const seen = resizeToSquare(pixels, height, width, size);
  const views = mirrored ? [seen, flipped(seen, size)] : [seen];
  const input = new Uint8Array(views.length * size * size);
  views.forEach((view, index) => input.set(view, index * size * size));
  const output = await session.run({ pixels: new ort.Tensor("uint8", input, [views.length, size, size]) });
  const logits = [...output.logit.data];
  const logit = logits.reduce((sum, each) => sum + each, 0) / logits.length;
  const probability = 1 / (1 + Math.exp(-logit));
  const [, rows, columns] = output.map.dims;
  const maps = views.map((_, index) => {
    const map = output.map.data.slice(index * rows * columns, (index + 1) * rows * columns);
    const large = scaled(enlarged(map.map((value) => Math.max(value, 0)), rows, columns, size));
    return index ? flipped(large, size) : large;
  });
  const thumbnail = resizeToSquare(seen, size, size, model.mean.length);
  const measures = { ...imageStatistics(thumbnail, model.mean), aspect: width / height, colour };
  return {
    probability,
    positive: probability >= model.threshold,
    warning: warning(measures, model.ranges, words),
    pixels: seen,
    map: scaled(maps[0].map((_, index) => maps.reduce((sum, map) => sum + map[index], 0) / maps.length)),
  };
}

/** Each row of a square from right to left. */
function flipped(values, size) {
  return values.map((_, index) => values[index - (index % size) + (size - 1 - (index % size))]);
}

/** Divided by the largest value, where there is one above zero. */
function scaled(values) {
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  return largest > 0 ? values.map((value) => value / largest) : values;
}

/** A map made size x size by bilinear interpolation, as torch's `interpolate` with align_corners=False. */
export function enlarged(map, rows, columns, size) {
  const places = (from) =>
    Array.from({ length: size }, (_, index) => {
      const place = Math.max(((index + 0.5) * from) / size - 0.5, 0);
      const low = Math.floor(place);
      return [low, Math.min(low + 1, from - 1), place - low];
    });
  const [down, across] = [places(rows), places(columns)];
  const result = new Float32Array(size * size);
  down.forEach(([top, bottom, share], row) => {
    across.forEach(([left, right, part], column) => {
      const at = (y) => (1 - part) * map[y * columns + left] + part * map[y * columns + right];
      result[row * size + column] = (1 - share) * at(top) + share * at(bottom);
    });
  });
  return result;
}

/** The bytes behind text in base64 of gzip. */
async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
