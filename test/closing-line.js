/** Ends a run with one plain line that any machine can read: `N passed, N failed`. */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    // A suite that could not even start has no failed tests; it must not look green.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // At exit: jest writes its summary after every reporter.
    process.once('exit', () => process.stdout.write(`${results.numPassedTests} passed, ${failed} failed\n`));
  }
}
