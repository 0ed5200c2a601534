// Exponentials that are normalised: attention over keys, and the cross-entropy of an answer.

#pragma once

#include <cmath>

#include "vectors.h"

namespace {

// The softmax of scores (key, head) over the keys, in place.
template <class Real> void softmax_over_keys(int64_t keys, int64_t heads, Real* scores) {
  constexpr int64_t L = lanes<double>;
  const int64_t n = keys * heads;
  for (int64_t h = 0; h < heads; h++) {
    Real top = scores[h];
    for (int64_t k = 1; k < keys; k++) top = scores[k * heads + h] > top ? scores[k * heads + h] : top;
    for (int64_t k = 0; k < keys; k++) scores[k * heads + h] -= top;
  }
  for (int64_t i = 0; i < n; i += L) {
    const int64_t m = n - i < L ? n - i : L;
    double some[L] = {};
    for (int64_t j = 0; j < m; j++) some[j] = double(scores[i + j]);
    store(some, exp_of_negative(load(some)));
    for (int64_t j = 0; j < m; j++) scores[i + j] = Real(some[j]);
  }
  for (int64_t h = 0; h < heads; h++) {
    Real total = 0;
    for (int64_t k = 0; k < keys; k++) total += scores[k * heads + h];
    for (int64_t k = 0; k < keys; k++) scores[k * heads + h] /= total;
  }
}

// What an example's logits say: its loss in nats, and whether the answer's is the largest (of equals the first).
struct Verdict {
  double loss;
  bool right;
};

// The loss in float64, from margins; the `n` logits become their own gradient (of the mean over examples).
// `z` has room for n + 8.
template <class Real> Verdict cross_entropy(int64_t n, int64_t answer, double examples, Real* logits, double* z) {
  constexpr int64_t L = lanes<double>, R = kAcross;
  const int64_t y = answer, padded = (n + R * L - 1) / (R * L) * (R * L);
  const double own = logits[y], not_finite = own - own;  // zero, or NaN
  double top = 0;
  for (int64_t j = 0; j < n; j++) {
    z[j] = double(logits[j]) - own;
    top = z[j] > top ? z[j] : top;
  }
  bool right = top <= 0;
  for (int64_t j = 0; j < y; j++) right = right && z[j] < 0;
  for (int64_t j = n; j < padded; j++) z[j] = -1e9;
  Across<double> sum;
  z[y] = -1e9;  // the right answer is added by hand: the others' sum keeps every digit
  for (int64_t j = 0; j < padded; j += R * L)
    for (int64_t r = 0; r < R; r++) {
      const V<double> exponential = exp_of_negative(load(z + j + r * L) - all(top));
      store(z + j + r * L, exponential);
      sum.sum[r] += exponential;
    }
  const double own_share = exp_of_negative(all(-top))[0];
  const double others = sum.total() + not_finite, total = own_share + others;
  const double scale = 1 / (total * examples);
  for (int64_t j = 0; j < n; j++) logits[j] = Real(z[j] * scale);
  logits[y] = Real(-others * scale);
  return {top > 0 ? top + std::log(total) : std::log1p(others), right && total == total};
}

}  // namespace
