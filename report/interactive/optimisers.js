// Optimisers on a quadratic loss of two weights: the same updates as PyTorch's, see pneumo.analysis.toy_optimisation.

const EPSILON = 1e-8;
const DECAY = 0.01; // AdamW's weight decay, PyTorch's default

/** (c1 w1² + c2 w2²) / 2. */
export function quadraticLoss(weights, curvatures) {
  return (curvatures[0] * weights[0] ** 2 + curvatures[1] * weights[1] ** 2) / 2;
}

/** Each optimiser's state for one weight, and its update: (state, gradient, weight, options, step from 1) -> weight. */
export const OPTIMISERS = {
  sgd: (state, gradient, weight, { rate }) => weight - rate * gradient,
  momentum: (state, gradient, weight, { rate, momentum }) => {
    state.velocity = momentum * (state.velocity ?? 0) + gradient;
    return weight - rate * state.velocity;
  },
  nesterov: (state, gradient, weight, { rate, momentum }) => {
    state.velocity = momentum * (state.velocity ?? 0) + gradient;
    return weight - rate * (gradient + momentum * state.velocity);
  },
  rmsprop: (state, gradient, weight, { rate }) => {
    state.square = 0.99 * (state.square ?? 0) + 0.01 * gradient ** 2;
    return weight - (rate * gradient) / (Math.sqrt(state.square) + EPSILON);
  },
  // The momentum is Adam's β₁, the share of its running average that is kept.
  adam: adamStep,
  adamw: (state, gradient, weight, options, step) => adamStep(state, gradient, weight * (1 - options.rate * DECAY), options, step),
};

function adamStep(state, gradient, weight, { rate, momentum }, step) {
  state.mean = momentum * (state.mean ?? 0) + (1 - momentum) * gradient;
  state.square = 0.999 * (state.square ?? 0) + 0.001 * gradient ** 2;
  const mean = state.mean / (1 - momentum ** step);
  const square = state.square / (1 - 0.999 ** step);
  return weight - (rate * mean) / (Math.sqrt(square) + EPSILON);
}

/** The weights from `start` on, (steps + 1) pairs. */
export function optimiserPath(name, { rate, momentum, steps, start, curvatures }) {
  const states = [{}, {}];
  const path = [start];
  for (let step = 1; step <= steps; step += 1) {
    const weights = path[path.length - 1];
    path.push(
      weights.map((weight, index) =>
        OPTIMISERS[name](states[index], curvatures[index] * weight, weight, { rate, momentum }, step),
      ),
    );
  }
  return path;
}
