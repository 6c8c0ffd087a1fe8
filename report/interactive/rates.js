// Rates of a classifier at a threshold. As pneumo.evaluation: an image is predicted positive from the threshold on.

/** The probability of a logit. */
export function probability(logit) {
  return 1 / (1 + Math.exp(-logit));
}

export function logit(share) {
  return Math.log(share / (1 - share));
}

/** Counts of images: { tn, fp, fn, tp }. */
export function confusion(labels, probabilities, threshold) {
  const counts = { tn: 0, fp: 0, fn: 0, tp: 0 };
  labels.forEach((label, index) => {
    const positive = probabilities[index] >= threshold;
    counts[label ? (positive ? "tp" : "fn") : positive ? "fp" : "tn"] += 1;
  });
  return counts;
}

export function sensitivity({ fn, tp }) {
  return tp / (tp + fn);
}

export function specificity({ tn, fp }) {
  return tn / (tn + fp);
}

/** Positive and negative predictive value where `prevalence` of the patients are ill, by Bayes' rule: [ppv, npv]. */
export function predictiveValues(sens, spec, prevalence) {
  const [tp, fn] = [sens * prevalence, (1 - sens) * prevalence];
  const [tn, fp] = [spec * (1 - prevalence), (1 - spec) * (1 - prevalence)];
  return [tp / (tp + fp), tn / (tn + fn)];
}

/** Net benefit of Vickers & Elkin (2006) at a threshold in (0, 1). */
export function netBenefit(sens, spec, prevalence, threshold) {
  return prevalence * sens - (1 - prevalence) * (1 - spec) * (threshold / (1 - threshold));
}

/** The ROC curve from (0, 0) to (1, 1) as [1 - specificity, sensitivity] pairs; images of one score make one step. */
export function rocCurve(labels, probabilities) {
  const order = labels.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  const points = [[0, 0]];
  let [tp, fp] = [0, 0];
  order.forEach((index, place) => {
    if (labels[index]) tp += 1;
    else fp += 1;
    const next = order[place + 1];
    if (next === undefined || probabilities[next] !== probabilities[index]) {
      points.push([fp / (labels.length - positives), tp / positives]);
    }
  });
  return points;
}
