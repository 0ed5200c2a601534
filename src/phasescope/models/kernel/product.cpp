// A matrix product cut into shares that do not depend on the number of threads.

#include <cstring>
#include <vector>

#include "multiply.h"

// Matrices of any strides, one for each of a batch, or (c_batch = 0) the sum of their products.
template <class Real> struct Product {
  int64_t batch, height, width, depth;
  int64_t a_batch, a_row, a_column, b_batch, b_row, b_column, c_batch, c_row;
  int64_t terms;           // that many are added up before they join the sum: short chains round less
  int64_t relu, gate_row;  // at the end: keep what is positive, or what stands where `gate` is (if there is one)
  const Real *a, *b, *gate;
  Real* c;
};

namespace {

constexpr int64_t kHigh = 512, kWide = 64;  // a share of a matrix
constexpr int64_t kRows = 96;               // of these at a time, with as much of B as stays in a core's own cache

int64_t pieces(int64_t length, int64_t piece) { return (length + piece - 1) / piece; }
int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

template <class Real> int64_t shares_of(const Product<Real>& p) {
  return pieces(p.height, kHigh) * pieces(p.width, kWide) * (p.c_batch ? p.batch : 1);
}

// Columns of B, or of what it is the transpose of, side by side.
template <class Real>
void copy(int64_t depth, int64_t columns, const Real* b, int64_t row, int64_t column, Real* to, int64_t to_row) {
  if (column == 1)
    for (int64_t k = 0; k < depth; k++) std::memcpy(to + k * to_row, b + k * row, sizeof(Real) * size_t(columns));
  else
    for (int64_t i = 0; i < columns; i++)
      for (int64_t k = 0; k < depth; k++) to[k * to_row + i] = b[k * row + i * column];
}

// NaN stays NaN, or a broken weight would pass for a dead neuron.
template <class Real> void finish(const Product<Real>& p, int64_t row, int64_t height, int64_t column, int64_t columns, Real* c) {
  for (int64_t i = 0; i < height; i++, c += p.c_row) {
    const Real* gate = p.gate ? p.gate + (row + i) * p.gate_row + column : c;
    for (int64_t j = 0; j < columns; j++) c[j] = gate[j] <= 0 ? 0 : c[j];
  }
}

template <class Real> void multiply_share(const Product<Real>& p, int64_t share) {
  const int64_t across = pieces(p.width, kWide), down = pieces(p.height, kHigh);
  const int64_t j = share % across * kWide, columns = least(p.width - j, kWide);
  const int64_t i = share / across % down * kHigh, height = least(p.height - i, kHigh);
  const int64_t first = p.c_batch ? share / (across * down) : 0, last = p.c_batch ? first + 1 : p.batch;
  const int64_t whole = pieces(columns, lanes<Real>) * lanes<Real>;
  std::vector<Real> packed(size_t(least(p.depth, p.terms) * whole)), ragged(whole == columns ? 0 : size_t(height * whole));
  Real* const end = p.c + first * p.c_batch + i * p.c_row + j;
  Real* const c = ragged.empty() ? end : ragged.data();
  const int64_t c_row = ragged.empty() ? p.c_row : whole;
  for (int64_t n = first; n < last; n++) {
    const Real *a = p.a + n * p.a_batch + i * p.a_row, *b = p.b + n * p.b_batch + j * p.b_column;
    for (int64_t k = 0; k < p.depth; k += p.terms) {
      const int64_t deep = least(p.depth - k, p.terms);
      copy(deep, columns, b + k * p.b_row, p.b_row, p.b_column, packed.data(), whole);
      const auto into = n == first && k == 0 ? multiply<Real, kSet> : multiply<Real, kAdd>;
      for (int64_t r = 0; r < height; r += kRows)
        into(least(height - r, kRows), whole, deep, a + r * p.a_row + k * p.a_column, p.a_row, p.a_column, packed.data(),
             whole, c + r * c_row, c_row);
    }
  }
  for (int64_t r = 0; !ragged.empty() && r < height; r++)
    std::memcpy(end + r * p.c_row, c + r * whole, sizeof(Real) * size_t(columns));
  if (p.relu || p.gate) finish(p, i, height, j, columns, end);
}

}  // namespace

#define PHASESCOPE_EXPORT(Real, suffix)                                                       \
  extern "C" int64_t shares_##suffix(const Product<Real>* p) { return shares_of(*p); }        \
  extern "C" void product_##suffix(const Product<Real>* p, int64_t share) { multiply_share(*p, share); }
PHASESCOPE_EXPORT(float, f32)
PHASESCOPE_EXPORT(double, f64)
