// How far apart the machine's first two processors are: nanoseconds in which a line of the cache goes
// to the other one and back. A host may move the processors of its guests about. cc -O2 -pthread
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#define TRIPS 50000
static _Alignas(128) atomic_int ball;
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
static void stay(int processor) { cpu_set_t set; CPU_ZERO(&set); CPU_SET(processor, &set); pthread_setaffinity_np(pthread_self(), sizeof set, &set); }
static void *answer(void *unused) {
  stay(1);
  for (int i = 0; i < TRIPS; i++) { while (atomic_load(&ball) != 2 * i + 1); atomic_store(&ball, 2 * i + 2); }
  return unused;
}
int main(void) {
  pthread_t other;
  stay(0);
  pthread_create(&other, 0, answer, 0);
  atomic_store(&ball, 1);
  while (atomic_load(&ball) != 2);
  double begun = now();
  for (int i = 1; i < TRIPS; i++) { atomic_store(&ball, 2 * i + 1); while (atomic_load(&ball) != 2 * i + 2); }
  double seconds = now() - begun;
  pthread_join(other, 0);
  printf("%.0f\n", seconds / (TRIPS - 1) * 1e9);
}
