import { defineConfig } from "vitest/config";
// the limit is for hangs alone: no test is about time, and the machine may be busy
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // much of a run is spent waiting for other processes
    maxWorkers: "100%",
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
