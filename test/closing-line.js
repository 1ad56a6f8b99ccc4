/**
 * Ends a run with one plain line that any machine can read: `N passed, N failed`, and `, N skipped` when some were.
 * What was skipped stands above it, with the reason that it has in its name (skip.ts).
 */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    const skipped = results.testResults
      .flatMap(({ testResults }) => testResults)
      .filter(({ status, title }) => status === 'pending' && title.includes('(not run: '));
    const lines = [...skipped.map(({ fullName }) => `skipped: ${fullName}`), closingLine(results)];
    // At exit: jest writes its summary after every reporter.
    process.once('exit', () => process.stdout.write(`${lines.join('\n')}\n`));
  }
}

function closingLine(results) {
  // A suite that could not even start has no failed tests; it must not look green.
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const skipped = results.numPendingTests;
  return `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
