// What the machine can do at most: arithmetic in registers and a triad through memory, on 1 and 2 threads. cc -O3 -march=native -pthread
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define CHAINS 14
#define FLOATS (64L << 20)
static volatile float sink;
static float *a, *b, *c;
static pthread_barrier_t start;
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
/* 128 bits, a product and a sum: what WebAssembly's SIMD can say */
static double mul_add(long rounds) {
  __m128 x[CHAINS], p = _mm_set1_ps(0.999f), q = _mm_set1_ps(0.001f);
  for (int i = 0; i < CHAINS; i++) x[i] = _mm_set1_ps(i);
  for (long k = 0; k < rounds; k++)
#pragma GCC unroll 14
    for (int i = 0; i < CHAINS; i++) { __m128 t = _mm_mul_ps(x[i], p); __asm__ volatile("" : "+x"(t)); x[i] = _mm_add_ps(t, q); }
  float s = 0;
  for (int i = 0; i < CHAINS; i++) s += _mm_cvtss_f32(x[i]);
  sink = s;
  return (double)rounds * CHAINS * 8;
}
/* 256 bits, fused: what native code can */
static double fma256(long rounds) {
  __m256 x[CHAINS], p = _mm256_set1_ps(0.999f), q = _mm256_set1_ps(0.001f);
  for (int i = 0; i < CHAINS; i++) x[i] = _mm256_set1_ps(i);
  for (long k = 0; k < rounds; k++)
#pragma GCC unroll 14
    for (int i = 0; i < CHAINS; i++) x[i] = _mm256_fmadd_ps(x[i], p, q);
  float s = 0;
  for (int i = 0; i < CHAINS; i++) s += _mm256_cvtss_f32(x[i]);
  sink = s;
  return (double)rounds * CHAINS * 16;
}
typedef struct { int kind, id, threads; double work, from, to; } Job;
static void *run(void *p) {
  Job *j = p;
  pthread_barrier_wait(&start);
  j->from = now();
  if (j->kind == 0) j->work = mul_add(10000000);
  else if (j->kind == 1) j->work = fma256(10000000);
  else {
    long n = FLOATS / j->threads, first = n * j->id;
    for (long i = first; i < first + n; i++) a[i] = b[i] + 3.0f * c[i];
    j->work = 12.0 * n;
  }
  j->to = now();
  return 0;
}
int main(void) {
  const char *names[] = {"mulAdd128", "fma256", "triad"};
  a = aligned_alloc(64, FLOATS * 4); b = aligned_alloc(64, FLOATS * 4); c = aligned_alloc(64, FLOATS * 4);
  memset(a, 1, FLOATS * 4); memset(b, 1, FLOATS * 4); memset(c, 1, FLOATS * 4);
  printf("{");
  for (int kind = 0; kind < 3; kind++) for (int threads = 1; threads <= 2; threads++) {
    double best = 0;
    for (int r = 0; r < 5; r++) {
      pthread_t t[2];
      Job j[2];
      double work = 0, from = 1e300, to = 0;
      pthread_barrier_init(&start, 0, threads);
      for (int i = 0; i < threads; i++) { j[i] = (Job){kind, i, threads, 0, 0, 0}; pthread_create(t + i, 0, run, j + i); }
      for (int i = 0; i < threads; i++) { pthread_join(t[i], 0); work += j[i].work; if (j[i].from < from) from = j[i].from; if (j[i].to > to) to = j[i].to; }
      if (work / (to - from) / 1e9 > best) best = work / (to - from) / 1e9;
    }
    printf("%s\"%s%d\": %.1f", kind || threads > 1 ? ", " : "", names[kind], threads, best);
  }
  printf("}\n");
}
