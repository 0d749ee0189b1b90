import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{proto,lib,daemon,adapters,tests}/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'dist/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real processes and sockets: two cores are the smallest machine we promise to test on.
    maxWorkers: 2,
    reporters: ['default'],
  },
});
