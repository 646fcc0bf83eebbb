/* launch
{"LAUNCH": [{"kernel": "down_proj", "args": ["x0", "w0", "x1", "t1"]}]}
*/
// A row of 128 numbers times 64 rows of weights, added to what came along; eight partial sums.
#include <cstdint>

extern "C" void down_proj(const float *x, const float *weight, const float *along, float *out) {
  for (int64_t row = 0; row < 64; ++row) {
    const float *w = weight + row * 128;
    float lane[8] = {};
    for (int64_t k = 0; k < 128; k += 8)
      for (int i = 0; i < 8; ++i) lane[i] += w[k + i] * x[k + i];
    float total = 0.0f;
    for (int i = 0; i < 8; ++i) total += lane[i];
    out[row] = along[row] + total;
  }
}
