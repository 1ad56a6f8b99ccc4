import { relative } from 'node:path';

/**
 * Ends a run with one plain line that any machine can read: `N passed, N failed`, and `, N skipped` when some were.
 * Above it stands what failed, and what was skipped with the reason that it has in its name (skip.ts).
 */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    const tests = results.testResults.flatMap(({ testFilePath, testResults, testExecError }) => {
      const path = relative(process.cwd(), testFilePath);
      if (testExecError) return [{ path, fullName: 'could not start', title: '', status: 'failed' }];
      return testResults.map(({ fullName, title, status }) => ({ path, fullName, title, status }));
    });
    const skipped = tests.filter(({ status, title }) => status === 'pending' && title.includes('(not run: '));
    const failed = tests.filter(({ status }) => status === 'failed');
    const lines = [
      ...skipped.map(({ fullName }) => `skipped: ${fullName}`),
      ...failed.map(({ path, fullName }) => `failed: ${path}: ${fullName}`),
      closingLine(results),
    ];
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
