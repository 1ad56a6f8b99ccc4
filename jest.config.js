/** Tests run as native ES modules; swc only strips types. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.tsx?$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', tsx: false },
          transform: { react: { runtime: 'automatic' } },
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  moduleNameMapper: {
    // The same cases in every run.
    '^fast-check$': '<rootDir>/test/support/modules/fast-check.js',
    // cdktf keeps the stack of every token, and jest maps every frame of it to its source: half of a synth's time.
    '/stack-trace$': '<rootDir>/test/support/modules/stack-trace.js',
    // Constants that are measured anew change no test.
    '/measured\\.json$': '<rootDir>/test/environments/capacity/measured.json',
  },
  // What Stryker copies while it runs.
  modulePathIgnorePatterns: ['<rootDir>/.stryker/'],
  // Two: each flow starts a whole deployment of processes of its own, and these keep two cores busy; three files at a time took longer.
  maxWorkers: 2,
  // ES modules of a test file that has ended stay in its worker: 4 GiB after 150 files, near the most that Node's heap takes.
  workerIdleMemoryLimit: '1GB',
  // Only ends what hangs: nothing here asserts how long something takes. The slowest test without a limit of its own takes
  // 20 s on two idle cores; three times as slow, with two busy loops and another test file beside it, it takes 120 s.
  testTimeout: 180_000,
  // PostgreSQL and Redis for the files that ask for them; others pay nothing.
  globalSetup: '<rootDir>/test/support/stores-server.ts',
  globalTeardown: '<rootDir>/test/support/stores-teardown.ts',
  reporters: ['default', '<rootDir>/test/closing-line.js'],
};
