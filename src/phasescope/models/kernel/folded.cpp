// The folded step of a one-layer network without layer norm: from table rows to loss and gradients.
//
// Before its ReLU, every example of such a network is a handful of table rows scaled by attention
// weights, and so are the logits of its skip path; the rest is one product with W_out W_U. Here a
// chunk of examples that fits a core's second-level cache goes through all of it, forward and back,
// before the next is touched. Who calls gives the tables (they are small, torch makes them and
// takes their gradients on) and decides which thread does which part: every function below works
// on a fixed share, in a fixed order, and none of them starts a thread. A number is added up in the same
// order whatever the width of the vectors (sums across lanes go over 64 bytes of them, on every machine),
// and nothing here asks the C library for what reaches a weight. So the bits are the same on every
// processor that has a fused multiply-add.
//
// Plain C++17 with the vector extension of GCC and Clang; no intrinsics, so any processor will do.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#ifndef PHASESCOPE_VECTOR_BYTES
#if defined(__AVX512F__)
#define PHASESCOPE_VECTOR_BYTES 64
#elif defined(__AVX__)
#define PHASESCOPE_VECTOR_BYTES 32
#else
#define PHASESCOPE_VECTOR_BYTES 16
#endif
#endif

namespace {

constexpr int64_t kVectorBytes = PHASESCOPE_VECTOR_BYTES;
constexpr int64_t kChunk = 96;        // examples at a time; a multiple of every tile height below
constexpr int64_t kDepth = 256;       // rows of a packed panel that stay in the first-level cache
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kWidestPanel = 4;       // 32 registers: 6 x 4 accumulators
#else
constexpr int kWidestPanel = 2;       // 16 registers: 6 x 2 accumulators; at 4 x 3 compilers spill
#endif
constexpr int tile_height(int panel) { return panel == 1 ? 12 : panel == 3 ? 8 : kWidestPanel == 4 && panel == 2 ? 12 : 6; }

// One register of numbers; loads and stores need no alignment beyond a number's own.
template <class Real> struct Vector;
template <> struct Vector<float> {
  typedef float type __attribute__((vector_size(PHASESCOPE_VECTOR_BYTES), aligned(4), may_alias));
  typedef int32_t mask __attribute__((vector_size(PHASESCOPE_VECTOR_BYTES)));
};
template <> struct Vector<double> {
  typedef double type __attribute__((vector_size(PHASESCOPE_VECTOR_BYTES), aligned(8), may_alias));
  typedef int64_t mask __attribute__((vector_size(PHASESCOPE_VECTOR_BYTES)));
};
template <class Real> using V = typename Vector<Real>::type;
template <class Real> constexpr int64_t lanes = kVectorBytes / int64_t(sizeof(Real));
template <class Real> inline V<Real> load(const Real* p) { return *reinterpret_cast<const V<Real>*>(p); }
template <class Real> inline void store(Real* p, V<Real> v) { *reinterpret_cast<V<Real>*>(p) = v; }
template <class Real> inline V<Real> all(Real x) { return x - V<Real>{}; }
template <class Real> inline V<Real> keep_where_positive(V<Real> gate, V<Real> value) {
  typedef typename Vector<Real>::mask Mask;
  return (V<Real>)((Mask)value & (Mask)(gate > V<Real>{}));
}
template <class Real> inline V<Real> relu(V<Real> v) {  // NaN stays NaN, or a broken weight would pass for a dead neuron
  typedef typename Vector<Real>::mask Mask;
  return (V<Real>)((Mask)v & ~(Mask)(v <= V<Real>{}));
}

// A sum over many columns: column c is added to lane c % (lanes in 64 bytes), and the lanes in order at the end.
constexpr int64_t kAcross = 64 / kVectorBytes;
template <class Real> struct Across {
  V<Real> sum[kAcross] = {};
  Real total() const {
    Real lane[kAcross * lanes<Real>], total = 0;
    for (int64_t r = 0; r < kAcross; r++) store(lane + r * lanes<Real>, sum[r]);
    for (Real x : lane) total += x;
    return total;
  }
};

// e^x for x <= 0, to an ulp or two; NaN stays NaN, and what underflows is zero.
inline V<double> exp_of_negative(V<double> x) {
  typedef Vector<double>::mask Bits;
  const V<double> magic = all(0x1.8p52);  // adding it leaves the nearest integer in the low bits
  const Bits underflows = (Bits)(x < all(-708.0));
  V<double> shifted = x * 0x1.71547652b82fep0 + magic;
  V<double> n = shifted - magic;
  V<double> r = (x - n * 0x1.62e42fefa3800p-1) - n * 0x1.ef35793c76730p-45;
  constexpr double coefficient[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880,
                                    1.0 / 40320,      1.0 / 5040,      1.0 / 720,      1.0 / 120,     1.0 / 24,
                                    1.0 / 6,          0.5,             1.0,            1.0};
  V<double> p = all(coefficient[0]);
  for (int i = 1; i < 14; i++) p = p * r + coefficient[i];
  Bits scale = ((Bits)shifted << 52) + (Bits)all(1.0);
  return (V<double>)((Bits)(p * (V<double>)scale) & ~underflows);
}

enum Into { kSet, kAdd, kGate };  // write a product, add it, or keep it where what stood there is positive

// C (Height rows, Panel registers) from A, of any strides, and Panel registers of B's every row.
template <class Real, int Height, int Panel, Into into>
inline void tile(int64_t depth, const Real* a, int64_t a_row, int64_t a_step, const Real* b, int64_t b_step, Real* c,
                 int64_t c_row) {
  V<Real> sum[Height][Panel];
#pragma GCC unroll 12
  for (int i = 0; i < Height; i++)
#pragma GCC unroll 4
    for (int j = 0; j < Panel; j++) sum[i][j] = V<Real>{};
  for (int64_t k = 0; k < depth; k++, a += a_step, b += b_step) {
    V<Real> right[Panel];
#pragma GCC unroll 4
    for (int j = 0; j < Panel; j++) right[j] = load(b + j * lanes<Real>);
#pragma GCC unroll 12
    for (int i = 0; i < Height; i++) {
      const V<Real> left = all(a[i * a_row]);
#pragma GCC unroll 4
      for (int j = 0; j < Panel; j++) sum[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < Height; i++)
#pragma GCC unroll 4
    for (int j = 0; j < Panel; j++) {
      Real* to = c + i * c_row + j * lanes<Real>;
      if (into == kSet) store(to, sum[i][j]);
      if (into == kAdd) store(to, load<Real>(to) + sum[i][j]);
      if (into == kGate) store(to, keep_where_positive<Real>(load<Real>(to), sum[i][j]));
    }
}

template <class Real, int Panel, Into into>
void panel(int64_t height, int64_t depth, const Real* a, int64_t a_row, int64_t a_step, const Real* b, int64_t b_step,
           Real* c, int64_t c_row) {
  constexpr int tall = tile_height(Panel);
  int64_t i = 0;
  for (; i + tall <= height; i += tall)
    tile<Real, tall, Panel, into>(depth, a + i * a_row, a_row, a_step, b, b_step, c + i * c_row, c_row);
  for (; i + 2 <= height; i += 2)
    tile<Real, 2, Panel, into>(depth, a + i * a_row, a_row, a_step, b, b_step, c + i * c_row, c_row);
  for (; i < height; i++)
    tile<Real, 1, Panel, into>(depth, a + i * a_row, a_row, a_step, b, b_step, c + i * c_row, c_row);
}

// Registers of the next panel when `left` are left: as wide as fits, and never a single one if two will do.
inline int64_t next_panel(int64_t left) {
  if (left <= kWidestPanel) return left;
  if (left == kWidestPanel + 1 || (kWidestPanel == 4 && left == 6)) return left / 2;
  return kWidestPanel;
}

// C += or = A B, where B's columns (a multiple of a register) lie as `b_step` says, or packed in panels if it is 0.
template <class Real, Into into>
void multiply(int64_t height, int64_t width, int64_t depth, const Real* a, int64_t a_row, int64_t a_step, const Real* b,
              int64_t b_step, Real* c, int64_t c_row) {
  constexpr int64_t L = lanes<Real>;
  for (int64_t left = width / L, j = 0; left > 0;) {
    const int64_t n = next_panel(left);
    const Real* from = b_step ? b + j : b + j * depth;
    const int64_t step = b_step ? b_step : n * L;
    const int64_t most = into == kAdd ? kDepth : depth;  // only a sum can be taken in pieces
    for (int64_t k = 0; k < depth; k += most) {
      const int64_t deep = depth - k < most ? depth - k : most;
      const Real *left_of = a + k * a_step, *right_of = from + k * step;
      if (n == 1) panel<Real, 1, into>(height, deep, left_of, a_row, a_step, right_of, step, c + j, c_row);
      if (n == 2) panel<Real, 2, into>(height, deep, left_of, a_row, a_step, right_of, step, c + j, c_row);
      if constexpr (kWidestPanel == 4) {
        if (n == 3) panel<Real, 3, into>(height, deep, left_of, a_row, a_step, right_of, step, c + j, c_row);
        if (n == 4) panel<Real, 4, into>(height, deep, left_of, a_row, a_step, right_of, step, c + j, c_row);
      }
    }
    left -= n;
    j += n * L;
  }
}

// B (depth x width, or its transpose) copied into panels, one behind the other, as `multiply` reads them.
template <class Real> void pack(int64_t width, int64_t depth, const Real* b, int64_t row, int64_t column, Real* packed) {
  constexpr int64_t L = lanes<Real>;
  for (int64_t left = width / L, j = 0; left > 0;) {
    const int64_t n = next_panel(left);
    for (int64_t k = 0; k < depth; k++)
      for (int64_t i = 0; i < n * L; i++) *packed++ = b[k * row + (j + i) * column];
    left -= n;
    j += n * L;
  }
}

}  // namespace

// Everything a step reads and writes; arrays are C-contiguous unless a row length is named.
template <class Real> struct Step {
  // sizes
  int64_t examples, keys, positions, heads, rows, shared_rows, score_rows;  // positions: the keys whose rows are read
  int64_t d_mlp, d_out, width;                                              // width: d_out in whole registers
  int64_t post_row;                                                         // row length of `post`
  double softmax_share;                                                     // attention is that much softmax, the rest is one
  // the plan: which rows each example reads, and which examples read each row
  const int32_t *score_row, *key_of, *row, *shared_row, *answer;  // (example, key), (position), (example, position), ...
  const int32_t *reader_start, *reader, *position_of;             // (row + 1), (example * position), (row)
  const int32_t *shared_start, *shared_reader;                    // (shared row + 1), (example)
  const int32_t *score_start, *score_reader;                      // (score row + 1), (example * key)
  // what torch made
  const Real* scores;                                 // (score row, head)
  const Real *pre, *skip, *shared_pre, *shared_skip;  // (head, row, d_mlp), (head, row, width), ...
  const Real* product;                                // (d_mlp, width)
  // scratch
  Real *softmax, *pattern, *to_pattern;  // (example, key, head), (example, position, head) twice
  Real *packed, *packed_transposed;      // the product, in panels
  Real *post, *logits;                   // (example or chunk, post_row), (example or chunk, width)
  // results
  double* loss;    // (example), in nats
  uint8_t* right;  // (example)
  Real *to_scores, *to_pre, *to_skip, *to_shared_pre, *to_shared_skip;  // gradients
  Real* to_product;                                                     // (part, d_mlp, width): to be added up
};

namespace {

// Attention of one example over its keys, and the part of it that reads rows.
template <class Real> void attend(const Step<Real>& s, int64_t e) {
  constexpr int64_t L = lanes<double>;
  const int64_t n = s.keys * s.heads;
  Real *softmax = s.softmax + e * n, *pattern = s.pattern + e * s.positions * s.heads;
  const int32_t* row = s.score_row + e * s.keys;
  const Real share = Real(s.softmax_share);
  for (int64_t h = 0; h < s.heads; h++) {
    Real top = s.scores[row[0] * s.heads + h];
    for (int64_t k = 1; k < s.keys; k++) {
      const Real score = s.scores[row[k] * s.heads + h];
      top = score > top ? score : top;
    }
    for (int64_t k = 0; k < s.keys; k++) softmax[k * s.heads + h] = s.scores[row[k] * s.heads + h] - top;
  }
  for (int64_t i = 0; i < n; i += L) {
    const int64_t m = n - i < L ? n - i : L;
    double some[L] = {};
    for (int64_t j = 0; j < m; j++) some[j] = double(softmax[i + j]);
    store(some, exp_of_negative(load(some)));
    for (int64_t j = 0; j < m; j++) softmax[i + j] = Real(some[j]);
  }
  for (int64_t h = 0; h < s.heads; h++) {
    Real total = 0;
    for (int64_t k = 0; k < s.keys; k++) total += softmax[k * s.heads + h];
    for (int64_t k = 0; k < s.keys; k++) softmax[k * s.heads + h] /= total;
    for (int64_t j = 0; j < s.positions; j++)
      pattern[j * s.heads + h] = share * softmax[s.key_of[j] * s.heads + h] + (1 - share);
  }
}

// The gradient by the scores of one example, written over its softmax.
template <class Real> void attend_back(const Step<Real>& s, int64_t e) {
  Real* softmax = s.softmax + e * s.keys * s.heads;
  const Real* to_pattern = s.to_pattern + e * s.positions * s.heads;
  for (int64_t h = 0; h < s.heads; h++) {
    Real mean = 0;
    for (int64_t j = 0; j < s.positions; j++) mean += softmax[s.key_of[j] * s.heads + h] * to_pattern[j * s.heads + h];
    for (int64_t k = 0, j = 0; k < s.keys; k++) {
      const bool read = j < s.positions && s.key_of[j] == k;
      softmax[k * s.heads + h] *= Real(s.softmax_share) * ((read ? to_pattern[j * s.heads + h] : 0) - mean);
      j += read;
    }
  }
}

template <class Real> void gather_scores(const Step<Real>& s, int64_t row) {
  Real* to = s.to_scores + row * s.heads;
  for (int64_t h = 0; h < s.heads; h++) to[h] = 0;
  for (int64_t i = s.score_start[row]; i < s.score_start[row + 1]; i++)
    for (int64_t h = 0; h < s.heads; h++) to[h] += s.softmax[s.score_reader[i] * s.heads + h];
}

// out = shared + sum over positions and heads of pattern * row, over `width` columns of one table
template <class Real>
void sum_rows(const Step<Real>& s, int64_t e, int64_t width, const Real* table, const Real* shared, Real* out, bool into_mlp) {
  constexpr int64_t L = lanes<Real>, block = 8;
  const int64_t terms = s.positions * s.heads;
  const Real* weight = s.pattern + e * terms;
  const Real* base = shared + s.shared_row[e] * width;
  const int32_t* row = s.row + e * s.positions;
  int64_t c = 0;
  for (; c + block * L <= width; c += block * L) {
    V<Real> sum[block];
#pragma GCC unroll 8
    for (int i = 0; i < block; i++) sum[i] = load(base + c + i * L);
    for (int64_t j = 0; j < s.positions; j++)
      for (int64_t h = 0; h < s.heads; h++) {
        const Real* from = table + (h * s.rows + row[j]) * width + c;
        const V<Real> w = all(weight[j * s.heads + h]);
#pragma GCC unroll 8
        for (int i = 0; i < block; i++) sum[i] += w * load(from + i * L);
      }
#pragma GCC unroll 8
    for (int i = 0; i < block; i++)
      store(out + c + i * L, into_mlp ? relu<Real>(sum[i]) : sum[i]);
  }
  for (; c < width; c += L) {
    V<Real> sum = load(base + c);
    for (int64_t j = 0; j < s.positions; j++)
      for (int64_t h = 0; h < s.heads; h++)
        sum += all(weight[j * s.heads + h]) * load(table + (h * s.rows + row[j]) * width + c);
    store(out + c, into_mlp ? relu<Real>(sum) : sum);
  }
}

// Loss of one example in float64 from its margins; its logits become their own gradient (of the mean).
template <class Real> void cross_entropy(const Step<Real>& s, int64_t e, Real* logits, double* z) {
  constexpr int64_t L = lanes<double>, R = kAcross;
  const int64_t y = s.answer[e], n = s.d_out, padded = (n + R * L - 1) / (R * L) * (R * L);
  const double own = logits[y], not_finite = own - own;  // zero, or NaN
  double top = 0;
  for (int64_t j = 0; j < n; j++) {
    z[j] = double(logits[j]) - own;
    top = z[j] > top ? z[j] : top;
  }
  bool right = top <= 0;
  for (int64_t j = 0; j < y; j++) right = right && z[j] < 0;  // of equal logits the first counts
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
  s.loss[e] = top > 0 ? top + std::log(total) : std::log1p(others);
  s.right[e] = right && total == total;
  const double scale = 1 / (total * double(s.examples));
  for (int64_t j = 0; j < n; j++) logits[j] = Real(z[j] * scale);
  for (int64_t j = n; j < s.width; j++) logits[j] = 0;
  logits[y] = Real(-others * scale);
}

// Examples first to last, forward and, if asked, back to their pre-activations and skip logits.
template <class Real> void run_examples(const Step<Real>& s, int64_t first, int64_t last, int64_t part, bool backward) {
  Real* to_product = s.to_product + part * s.d_mlp * s.width;
  double z[4096 + 8];  // the binding allows no more outputs
  if (backward) std::memset(to_product, 0, sizeof(Real) * size_t(s.d_mlp * s.width));
  for (int64_t begin = first; begin < last; begin += kChunk) {
    const int64_t n = last - begin < kChunk ? last - begin : kChunk;
    const int64_t at = backward ? begin : part * kChunk;  // gradients are kept, an evaluation overwrites itself
    Real *post = s.post + at * s.post_row, *logits = s.logits + at * s.width;
    for (int64_t i = 0; i < n; i++) {
      attend(s, begin + i);
      sum_rows(s, begin + i, s.d_mlp, s.pre, s.shared_pre, post + i * s.post_row, true);
      sum_rows(s, begin + i, s.width, s.skip, s.shared_skip, logits + i * s.width, false);
    }
    multiply<Real, kAdd>(n, s.width, s.d_mlp, post, s.post_row, 1, s.packed, 0, logits, s.width);
    for (int64_t i = 0; i < n; i++) cross_entropy(s, begin + i, logits + i * s.width, z);
    if (!backward) continue;
    multiply<Real, kAdd>(s.d_mlp, s.width, n, post, 1, s.post_row, logits, s.width, to_product, s.width);
    multiply<Real, kGate>(n, s.d_mlp, s.width, logits, s.width, 1, s.packed_transposed, 0, post, s.post_row);
  }
}

// Gradients of Heads rows (one per head, same token) and of the weights with which `n` examples read them.
template <class Real, int Heads, bool weighted>
void gather(int64_t n, const int32_t* reader, int64_t width, const Real* gradient, int64_t gradient_row, const Real* table,
            Real* to_table, int64_t head_step, const Real* pattern, Real* to_pattern, int64_t pattern_row) {
  constexpr int64_t L = lanes<Real>, R = kAcross;
  for (int h = 0; h < Heads; h++) std::memset(to_table + h * head_step, 0, sizeof(Real) * size_t(width));
  for (int64_t k = 0; k < n; k++) {
    const int64_t e = reader[k];
    const Real* g = gradient + e * gradient_row;
    V<Real> w[Heads];
    Across<Real> dot[Heads];
#pragma GCC unroll 4
    for (int h = 0; h < Heads; h++) w[h] = all(weighted ? pattern[e * pattern_row + h] : Real(1));
    const auto add = [&](int64_t c, int64_t r) {
      const V<Real> x = load(g + c);
#pragma GCC unroll 4
      for (int h = 0; h < Heads; h++) {
        Real* to = to_table + h * head_step + c;
        store(to, load<Real>(to) + w[h] * x);
        if constexpr (weighted) dot[h].sum[r] += x * load(table + h * head_step + c);
      }
    };
    int64_t c = 0;
    for (; c + R * L <= width; c += R * L)
#pragma GCC unroll 4
      for (int64_t r = 0; r < R; r++) add(c + r * L, r);
    for (int64_t r = 0; c < width; c += L, r++) add(c, r);
    for (int h = 0; h < Heads && weighted; h++) to_pattern[e * pattern_row + h] += dot[h].total();
  }
}

template <class Real> void gather_row(const Step<Real>& s, int64_t row) {
  const int64_t begin = s.reader_start[row], n = s.reader_start[row + 1] - begin;
  const int64_t terms = s.positions * s.heads, term = s.position_of[row] * s.heads;
  const int32_t* reader = s.reader + begin;
  for (int64_t k = 0; k < n; k++)
    for (int64_t h = 0; h < s.heads; h++) s.to_pattern[reader[k] * terms + term + h] = 0;
  const auto both = [&](auto heads, int64_t h) {
    constexpr int H = decltype(heads)::value;
    const int64_t at = h * s.rows + row;
    const Real* pattern = s.pattern + term + h;
    Real* to_pattern = s.to_pattern + term + h;
    gather<Real, H, true>(n, reader, s.d_mlp, s.post, s.post_row, s.pre + at * s.d_mlp, s.to_pre + at * s.d_mlp,
                    s.rows * s.d_mlp, pattern, to_pattern, terms);
    gather<Real, H, true>(n, reader, s.width, s.logits, s.width, s.skip + at * s.width, s.to_skip + at * s.width,
                    s.rows * s.width, pattern, to_pattern, terms);
  };
  int64_t h = 0;
  for (; h + 4 <= s.heads; h += 4) both(std::integral_constant<int, 4>{}, h);
  for (; h < s.heads; h++) both(std::integral_constant<int, 1>{}, h);
}

template <class Real> void gather_shared(const Step<Real>& s, int64_t row) {
  const int64_t begin = s.shared_start[row], n = s.shared_start[row + 1] - begin;
  const int32_t* reader = s.shared_reader + begin;
  const Real* none = nullptr;
  gather<Real, 1, false>(n, reader, s.d_mlp, s.post, s.post_row, none, s.to_shared_pre + row * s.d_mlp, 0, none, nullptr, 0);
  gather<Real, 1, false>(n, reader, s.width, s.logits, s.width, none, s.to_shared_skip + row * s.width, 0, none, nullptr, 0);
}

}  // namespace

// A product of matrices of any strides, one for each of a batch, or (c_batch = 0) the sum of them.
template <class Real> struct Product {
  int64_t batch, height, width, depth;
  int64_t a_batch, a_row, a_column, b_batch, b_row, b_column, c_batch, c_row;
  const Real *a, *b;
  Real* c;
};

namespace {

template <class Real> constexpr int64_t product_columns = kWidestPanel * lanes<Real>;
template <class Real> int64_t panels_of(const Product<Real>& p) {
  return (p.width + product_columns<Real> - 1) / product_columns<Real>;
}

constexpr int64_t kBlock = 16;  // terms added up before they join the sum: short chains round less

// A share is one panel of columns of one member of the batch, or of the sum.
template <class Real> void multiply_share(const Product<Real>& p, int64_t share) {
  const int64_t j = share % panels_of(p) * product_columns<Real>;
  const int64_t left = p.width - j, columns = left < product_columns<Real> ? left : product_columns<Real>;
  const int64_t whole = (columns + lanes<Real> - 1) / lanes<Real> * lanes<Real>;
  const int64_t first = p.c_batch ? share / panels_of(p) : 0, last = p.c_batch ? first + 1 : p.batch;
  std::vector<Real> packed(size_t(p.depth * whole), Real(0)), ragged(whole == columns ? 0 : size_t(p.height * whole));
  Real* const end = p.c + first * p.c_batch + j;
  Real* const c = ragged.empty() ? end : ragged.data();
  const int64_t c_row = ragged.empty() ? p.c_row : whole;
  for (int64_t n = first; n < last; n++) {
    const Real *a = p.a + n * p.a_batch, *b = p.b + n * p.b_batch + j * p.b_column;
    for (int64_t k = 0; k < p.depth; k++)
      for (int64_t i = 0; i < columns; i++) packed[size_t(k * whole + i)] = b[k * p.b_row + i * p.b_column];
    for (int64_t k = 0; k < p.depth; k += kBlock) {
      const int64_t deep = p.depth - k < kBlock ? p.depth - k : kBlock;
      const auto into = n == first && k == 0 ? multiply<Real, kSet> : multiply<Real, kAdd>;
      into(p.height, whole, deep, a + k * p.a_column, p.a_row, p.a_column, packed.data() + k * whole, whole, c, c_row);
    }
  }
  for (int64_t i = 0; !ragged.empty() && i < p.height; i++)
    std::memcpy(end + i * p.c_row, c + i * whole, sizeof(Real) * size_t(columns));
}

}  // namespace

#define PHASESCOPE_EXPORT(Real, suffix)                                                                             \
  extern "C" int64_t lanes_##suffix() { return lanes<Real>; }                                                       \
  extern "C" void pack_##suffix(const Step<Real>* s) {                                                              \
    pack<Real>(s->width, s->d_mlp, s->product, s->width, 1, s->packed);                                             \
    pack<Real>(s->d_mlp, s->width, s->product, 1, s->width, s->packed_transposed);                                  \
  }                                                                                                                 \
  extern "C" void examples_##suffix(const Step<Real>* s, int64_t first, int64_t last, int64_t part, int backward) { \
    run_examples(*s, first, last, part, backward != 0);                                                             \
  }                                                                                                                 \
  extern "C" void rows_##suffix(const Step<Real>* s, int64_t first, int64_t last) {                                 \
    for (int64_t row = first; row < last; row++)                                                                    \
      row < s->shared_rows ? gather_shared(*s, row) : gather_row(*s, row - s->shared_rows);                         \
  }                                                                                                                 \
  extern "C" int64_t shares_##suffix(const Product<Real>* p) { return panels_of(*p) * (p->c_batch ? p->batch : 1); }  \
  extern "C" void product_##suffix(const Product<Real>* p, int64_t share) { multiply_share(*p, share); }            \
  extern "C" void scores_##suffix(const Step<Real>* s) {                                                            \
    for (int64_t e = 0; e < s->examples; e++) attend_back(*s, e);                                                   \
    for (int64_t row = 0; row < s->score_rows; row++) gather_scores(*s, row);                                       \
  }
extern "C" int64_t chunk() { return kChunk; }
PHASESCOPE_EXPORT(float, f32)
PHASESCOPE_EXPORT(double, f64)
